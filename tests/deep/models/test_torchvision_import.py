import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

from napari_tessera import detect  # noqa: E402
from napari_tessera.cli.app import main  # noqa: E402
from napari_tessera.deep.models.library import Folder, find_model  # noqa: E402
from napari_tessera.deep.models.torchvision_import import import_model  # noqa: E402
from napari_tessera.deep.networks.mask_rcnn import MaskRCNN  # noqa: E402
from napari_tessera.deep.networks.torchvision_scenes import SceneNetwork  # noqa: E402
from napari_tessera.deep.weights import coco as coco_weights  # noqa: E402
from napari_tessera.deep.weights.coco import PUBLISHED, classes_learnt  # noqa: E402
from napari_tessera.methods.deep.predict import predict, predict_look  # noqa: E402

from ...conftest import tiny_finder  # noqa: E402

SCENES = "deeplabv3_mobilenet_v3_large"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Return a file with the names of the published one, whose network sees aeroplanes only."""
    about = PUBLISHED[SCENES]
    torch.manual_seed(0)
    with torch.no_grad():
        network = coco_weights._network(about, 21)
        weights = network.state_dict()
        weights["classifier.4.bias"][1] = 1e4
    path = tmp_path_factory.mktemp("coco") / "weights.pth"
    torch.save(weights, path)
    return path


def test_published_weights_become_a_model(file, tmp_path):
    model = import_model(SCENES, file=file, model=tmp_path / "scenes")
    own = find_model(model.path).config
    assert (own.network, own.targets, own.ids) == ("torchvision", "classes", tuple(range(21)))
    assert own.class_names == classes_learnt(SCENES)
    assert own.rgb
    assert isinstance(model.load_network(), SceneNetwork)
    look = predict_look({"model": str(model.path)})
    assert (look.names[15], look.colours[15]) == ("person", "#c08080")
    image = np.random.default_rng(0).integers(0, 255, (64, 70, 3)).astype(np.uint8)
    assert set(np.unique(predict(image, model=str(model.path), channel_axis=-1))) == {1}
    text = (model.path / "card.md").read_text()
    assert "background, aeroplane, bicycle" in text
    assert "what the type of number holds becomes 0 to 1" in text
    assert "BSD-3-Clause" in text
    with pytest.raises(FileExistsError, match="there already"):
        import_model(SCENES, file=file, model=tmp_path / "scenes")


def test_objects_of_coco_become_a_model_of_instances(tmp_path, monkeypatch):
    """The network itself is tested with its weights; here it has no part in it."""
    name = "maskrcnn_resnet50_fpn_v2"
    names = classes_learnt(name)
    given = coco_weights.Learnt(name, torch.nn.Linear(1, 1), names, ("#000000",) * len(names))
    monkeypatch.setattr(
        "napari_tessera.deep.models.torchvision_import.learnt", lambda *_, **__: given
    )
    model = import_model(name, model=tmp_path / "coco")
    own = json.loads((model.path / "config.json").read_text())
    assert (own["network"], own["targets"]) == ("mask_rcnn", "instances")
    assert own["options"] == {"encoder": "resnet50", "version": 2, "standardise": True}
    assert own["ids"] == list(range(1, 81))
    assert own["class_names"][0] == "person"
    assert own["normalise"] == "range"
    assert Folder(model.path).read_weights().keys() == {"weight", "bias"}


def test_it_is_a_command_too(file, tmp_path, capsys):
    for arguments, code, said in (
        ([SCENES, "--file", str(file), "--model", str(tmp_path / "m")], 0, str(tmp_path / "m")),
        ([SCENES, "--file", str(file), "--model", str(tmp_path / "m")], 2, "there already"),
        (["unet"], 2, "name is 'unet'; choose one of maskrcnn_resnet50_fpn"),
        ([SCENES, "--file", str(tmp_path / "n.pth"), "--model", "x"], 2, "there is no file"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["models", "import", *arguments])
        assert ended.value.code == code
        out = capsys.readouterr()
        assert said in out.out + out.err
    assert not list((tmp_path / "m").parent.glob("x"))


def test_photographs_are_fitted_and_looked_at_in_one_piece(tmp_path, monkeypatch):
    """Scenes as COCO has them fill the image: their objects must not be cut by tiles."""
    trained = find_model(tiny_finder(rgb=True))
    folder, config = Folder(tmp_path / "photographs"), replace(trained.config, fitted=(96, 160))
    folder.create(replace(config, weights="", diameter=0.0))
    folder.write_weights(Folder(trained.path).read_weights(), replace(config, diameter=0.0))
    seen, own = [], MaskRCNN.detect

    def spied(network, images, **options):
        seen.append(tuple(images.shape[2:]))
        return own(network, images, **options)

    monkeypatch.setattr(MaskRCNN, "detect", spied)
    for shape, wanted in (((48, 60), (96, 120)), ((400, 300), (128, 96)), ((30, 90), (53, 160))):
        image = np.random.default_rng(0).integers(0, 255, (*shape, 3)).astype(np.uint8)
        labels, _ = detect(image, model=str(folder.path), tile=64, channel_axis=-1, confidence=0.05)
        assert labels.shape == shape
        (found,) = seen[-1:]
        assert len(seen) == 1
        assert all(0 <= a - b < 64 for a, b in zip(found, wanted, strict=True))
        seen.clear()
