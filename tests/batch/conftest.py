import numpy as np
import pytest
import tifffile

from napari_tessera import METHODS, Recipe
from napari_tessera.batch.batch_run import BatchRun
from napari_tessera.pipeline.source import Source


def squares(*corners, shape=(24, 30)):
    """Return a dark image with bright squares of 6 pixels at corners."""
    image = np.zeros(shape, np.uint8)
    for number, (y, x) in enumerate(corners, 1):
        image[..., y : y + 6, x : x + 6] = 100 + 10 * number
    return image


IMAGES = {
    "a": squares((2, 3), (12, 18)),
    "b": squares((4, 4)),
    "c": squares((2, 2), (2, 12), (14, 8)),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with three images of 2, 1 and 3 squares, which tests work in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    for name, image in IMAGES.items():
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", image, photometric="minisblack")
    return tmp_path


@pytest.fixture
def recipe():
    """The recipe that finds what is bright and numbers the squares."""
    image = Source.of(IMAGES["a"], name="a.tif")
    bright = Recipe.of(METHODS["threshold"], image, {"method": "manual", "levels": [50.0]})
    return Recipe.of(METHODS["label"], image, {}, before=bright.to_dict())


@pytest.fixture
def chain(recipe):
    """The same squares made wider and measured in their image."""
    image = Source.of(IMAGES["a"], name="a.tif")
    labels = Source.of((IMAGES["a"] > 0).astype(np.uint16), name="a.tif")
    wider = Recipe.of(METHODS["expand"], labels, {"distance": 1.0}, before=recipe.to_dict())
    return Recipe.of(METHODS["measure"], labels, {"image": image}, before=wider.to_dict())


@pytest.fixture
def batch_of(folder):
    """Return a function that makes a batch of all images into the folder "out"."""

    def make(recipe, *outputs, inputs="images/*.tif", output="out", images=None):
        return BatchRun.of(recipe, [folder / inputs], folder / output, outputs or None, images)

    return make
