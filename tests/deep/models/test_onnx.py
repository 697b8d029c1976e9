import json
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from napari_tessera.deep.models import onnx as exporting
from napari_tessera.deep.models.library import Folder, Model, ModelConfig
from napari_tessera.deep.models.onnx import KEY, to_onnx
from napari_tessera.deep.networks.registry import build

from ...conftest import tiny_model


def kept(path, network, options, **changes):
    """Write a model with random weights."""
    torch.manual_seed(0)
    config = ModelConfig(
        **{
            "network": network,
            "options": options,
            "in_channels": 1,
            "rgb": False,
            "channel_names": (),
            "axes": 2,
            "targets": "boundaries",
            "ids": (),
            "class_names": (),
            "colours": (),
            "spacing": None,
            "unit": "pixel",
            "normalise": "percentiles",
            "low": 1.0,
            "high": 99.8,
            "thresholds": {},
            "patch": 64,
            "diameter": 18.0,
            "score": None,
            "scored": "",
            "examples": 1,
            "data": "",
            "training": {},
            "versions": {},
            "created": "",
            "weights": "",
            **changes,
        }
    )
    folder = Folder(path)
    folder.create(config)
    state = build(network, in_channels=1, classes=3, **options).state_dict()
    return Model(path, folder.write_weights(state, config))


def test_missing_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(
        exporting, "find_spec", lambda name: None if name == "onnxscript" else find_spec(name)
    )
    with pytest.raises(ImportError, match=r'pip install "napari-tessera\[onnx\]"'):
        to_onnx(tiny_model(), tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("network", "options", "size", "shapes"),
    [
        ("unet", {"width": 1 / 32, "depth": 1, "axes": 3}, None, [(1, 1, 6, 8, 10)]),
        ("unet2015", {"width": 1 / 32}, None, [(1, 1, 220, 204)]),
        ("segnet_basic", {"width": 1 / 32}, None, [(1, 1, 32, 48), (2, 1, 39, 41)]),
        ("unet", {"width": 1 / 32, "depth": 2}, 30, [(1, 1, 32, 32)]),
        ("linknet", {"encoder": "resnet18"}, None, [(1, 1, 64, 64)]),
    ],
)
def test_onnx_runtime_finds_the_same_probabilities(tmp_path, network, options, size, shapes):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    axes = len(shapes[0]) - 2
    model = kept(tmp_path / "model", network, options, axes=axes)
    path = to_onnx(model, tmp_path / "model.onnx", size=size)
    assert [each.name for each in tmp_path.glob("*.onnx*")] == ["model.onnx"]
    session = runtime.InferenceSession(path)
    theirs = model.load_network()
    for shape in shapes:
        image = torch.randn(shape)
        (found,) = session.run(["scores"], {"image": image.numpy()})
        with torch.inference_mode():
            expected = theirs(image).softmax(1).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-4)
    fixed = session.get_inputs()[0].shape[-1]
    about = json.loads(session.get_modelmeta().custom_metadata_map[KEY])
    assert about["size"] == (fixed if isinstance(fixed, int) else None)
    assert isinstance(fixed, int) == (size is not None or "encoder" in options)
    assert about["config"]["weights"] == model.config.weights
    assert about["config"]["normalise"] == "percentiles"
    assert about["sizes"]["margin"] == (92 if network == "unet2015" else 0)


def test_where_any_size_fails_there_is_that_of_the_patches(tmp_path, monkeypatch, caplog):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    model = kept(tmp_path / "model", "unet", {"width": 1 / 32, "depth": 1}, patch=33)
    original = torch.onnx.export

    def export(*args, dynamic_shapes, **kwargs):
        if dynamic_shapes is not None:
            raise torch.onnx.OnnxExporterError("no")
        return original(*args, **kwargs)

    monkeypatch.setattr(torch.onnx, "export", export)
    path = to_onnx(model, tmp_path / "model.onnx")
    assert "unet is exported for one size only: no" in caplog.text
    assert runtime.InferenceSession(path).get_inputs()[0].shape == [1, 1, 34, 34]
