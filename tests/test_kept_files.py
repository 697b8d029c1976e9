"""Recipes, results and models that earlier versions wrote still load, and give what they gave."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe
from napari_tessera.io import files
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import VoxelSize

from .conftest import NETWORKS, OWN, TORCH
from .kept.write import parts

VERSIONS = sorted(each.parent for each in (Path(__file__).parent / "kept").glob("*/recipes"))
RECIPES = [path for version in VERSIONS for path in sorted((version / "recipes").glob("*.json"))]
LOOSE = NETWORKS | {"crf"}
"""Their sums and exponentials differ in the last digits from processor to processor."""

needs_torch = pytest.mark.skipif(not TORCH, reason="networks need torch")


def named(path):
    return f"{path.parent.parent.name} {path.stem}"


@pytest.fixture
def kept_models(monkeypatch):
    def take(version):
        monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(version / "models"))

    return take


def stack_of(version):
    """Return the image that all recipes of a version ran on."""
    image = np.load(version / "stack.npz")["stack"]
    spacing = VoxelSize((2, 0.5, 0.5), "um")
    return Source.of(image, spacing=spacing, axes=("z", "y", "x"), name="stack.tif")


def check(found, expected, *, loosely):
    """Check that two results are the same: labels exactly, measurements to many digits."""
    found = parts(found)
    assert found.keys() >= set(expected)
    # a table may have got columns since, and nothing else may
    assert all(name.startswith("table ") for name in found.keys() - set(expected))
    found = {name: found[name] for name in expected}
    for name, array in found.items():
        wanted = expected[name]
        assert (array.shape, array.dtype) == (wanted.shape, wanted.dtype), name
        if not loosely and name == "array" and array.dtype.kind in "iu":
            np.testing.assert_array_equal(array, wanted)
        elif name == "array" and array.dtype.kind in "iu":
            assert np.mean((array > 0) == (wanted > 0)) > 0.99
        elif array.dtype.kind in "iuf":
            far = 1e-2 if loosely else 1e-6
            np.testing.assert_allclose(array, wanted, rtol=far, atol=far)
        else:
            np.testing.assert_array_equal(array, wanted)


def test_the_kept_files_are_found():
    assert {"threshold", "predict", "split", "measure", "contours"} <= {p.stem for p in RECIPES}


@pytest.mark.parametrize("path", RECIPES, ids=named)
def test_a_kept_recipe_is_read_whole(path):
    data = json.loads(path.read_text())
    recipe = Recipe.load(path)
    assert recipe.method == path.stem
    assert recipe.parameters == data["parameters"]
    assert recipe.inputs == data["inputs"]
    METHODS[recipe.method].complete(recipe.parameters)


@pytest.mark.parametrize("path", RECIPES, ids=named)
def test_a_kept_recipe_gives_what_it_gave(path, kept_models):
    version, name = path.parent.parent, path.stem
    if name not in OWN:
        pytest.skip("networks need torch")
    recipe = Recipe.load(path)
    model = recipe.parameters.get("model", "").partition("@")[0]
    if model and not (version / "models" / model / "weights.safetensors").exists():
        pytest.skip(f"the weights of {model!r} are too large to keep")
    kept_models(version)
    source = stack_of(version)
    images = {name: source for name, data in recipe.inputs.items() if "name" in data}
    check(recipe.run(source, **images), np.load(path.with_suffix(".npz")), loosely=name in LOOSE)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_a_kept_result_says_how_it_was_made(version):
    tifffile = pytest.importorskip("tifffile")
    with tifffile.TiffFile(version / "labels.tif") as file:
        text = ET.fromstring(file.ome_metadata)
    (written,) = [node.text for node in text.iter() if node.get("K") == "recipe"]
    recipe = Recipe.from_dict(json.loads(written))
    kept, source = files.read(version / "labels.tif"), stack_of(version)
    assert (kept.spacing, kept.axes) == (source.spacing, source.axes)
    np.testing.assert_array_equal(recipe.run(source).array, kept.array[:])


@needs_torch
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_a_kept_model_folder_is_read_and_predicts(version, kept_models):
    from napari_tessera import predict
    from napari_tessera.deep.models.folder import read_config
    from napari_tessera.deep.models.library import find_model

    kept_models(version)
    for folder in (version / "models").iterdir():
        written = json.loads((folder / "config.json").read_text())
        config = read_config(folder)
        assert (config.network, config.targets) == (written["network"], written["targets"])
    model = find_model("tiny objects")
    model.verify()
    image = stack_of(version).array[1]
    objects = predict(image, model=str(model.path))
    assert objects.shape == image.shape
    assert objects.max() >= 1
