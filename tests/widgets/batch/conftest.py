import numpy as np
import pytest
import tifffile

from napari_tessera import METHODS, Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.batch.form import BatchForm

from ..conftest import wait


def squares(*corners):
    image = np.zeros((24, 30), np.uint8)
    for y, x in corners:
        image[y : y + 6, x : x + 6] = 120
    return image


IMAGES = {"a": squares((2, 3), (12, 18)), "b": squares((4, 4)), "c": squares((2, 2), (14, 8))}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with three images, and the recipe that finds what is bright in them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    for name, image in IMAGES.items():
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", image, photometric="minisblack")
    source = Source.of(IMAGES["a"], name="a.tif")
    bright = Recipe.of(METHODS["threshold"], source, {"method": "manual", "levels": [50.0]})
    Recipe.of(METHODS["label"], source, {}, before=bright.to_dict()).save("r.json")
    return tmp_path


@pytest.fixture
def form(viewer, folder):
    """The form with recipe and folder chosen, and its plan listed."""
    made = BatchForm(viewer)
    viewer.window.add_dock_widget(made, name="batch")
    made.rows.recipe.open(folder / "r.json")
    made.rows.folder.path = folder / "images"
    wait(lambda: made.table.rowCount() == 3)
    yield made
    made.release()


def column(form, title):
    """Return the texts of a column of the form's table."""
    titles = [form.table.horizontalHeaderItem(n).text() for n in range(form.table.columnCount())]
    place = titles.index(title)
    assert not form.table.isColumnHidden(place)
    return [form.table.item(row, place).text() for row in range(form.table.rowCount())]


def run(form, button=None):
    """Press a button and wait until the batch is done."""
    (button or form.button).click()
    wait(lambda: form.running.job is None)
