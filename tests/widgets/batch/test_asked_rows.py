import pytest

from napari_tessera import METHODS, Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.batch.asked_rows import AskedRows

from .conftest import IMAGES


@pytest.fixture
def rows(viewer, folder):
    return AskedRows(viewer)


def test_what_a_recipe_gives_is_ticked_with_a_table(rows, folder):
    assert rows.outputs.offered == 0
    rows.recipe.open(folder / "r.json")
    assert rows.outputs.chosen == ["labels", "table"]
    rows.outputs.tick("table", False)
    rows.recipe.open(folder / "r.json")
    assert rows.outputs.chosen == ["labels"]


def test_the_format_of_labels_can_be_chosen(rows, folder):
    rows.recipe.open(folder / "r.json")
    rows.folder.path = folder / "images"
    assert rows.format.isVisibleTo(rows)
    assert rows.asked().outputs == ["labels", "table"]
    titles = [rows.format.itemText(k) for k in range(rows.format.count())]
    assert titles[:2] == ["OME-TIFF (.tif)", "PNG (.png)"]
    rows.format.choose(".zarr")
    assert rows.asked().outputs == ["labels.zarr", "table"]
    rows.outputs.tick("labels", False)
    assert not rows.format.isVisibleTo(rows)
    assert rows.asked().outputs == ["table"]
    rows.outputs.tick("polygons")
    assert rows.format.itemText(0) == "GeoJSON (.geojson)"


def test_an_image_is_asked_for_if_the_recipe_only_names_one(rows, folder):
    rows.recipe.open(folder / "r.json")
    assert not rows.image.isVisibleTo(rows)
    labels, image = (Source.of(IMAGES["a"], name=name) for name in ("a", "b"))
    Recipe.of(METHODS["measure"], labels, {"image": image}).save("m.json")
    rows.recipe.open(folder / "m.json")
    assert rows.image.isVisibleTo(rows)
    rows.folder.path, rows.image.path = folder / "images", folder / "images"
    asked = rows.asked()
    assert (asked.image, asked.outputs) == (folder / "images", ["table"])
    assert asked.output == folder / "images-measure"
    rows.recipe.open(folder / "r.json")
    assert rows.asked().image is None


@pytest.mark.parametrize(
    ("leave_out", "message"),
    [
        ("recipe", "recipe is missing"),
        ("folder", "images are missing"),
        ("output", "the folder for results is missing"),
    ],
)
def test_what_is_missing_is_named(rows, folder, leave_out, message):
    if leave_out != "recipe":
        rows.recipe.open(folder / "r.json")
    rows.folder.path = folder / "images"
    if leave_out in ("folder", "output"):
        getattr(rows, leave_out).path = None
    with pytest.raises(ValueError, match=message):
        rows.asked()
