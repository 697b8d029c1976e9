import json

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe, files
from napari_tessera.batch.kept_outputs import KeptOutput
from napari_tessera.batch.run_batch import run_batch


@pytest.fixture
def image(folder):
    return files.read(folder / "images" / "a.tif")


@pytest.mark.parametrize("name", ["a.tif", "a.zarr", "a.json"])
def test_a_file_says_itself_how_it_was_made(folder, image, name):
    recipe = Recipe.of(METHODS["watershed"], image, {})
    files.write(name, recipe.run(image), image, recipe)
    kept = KeptOutput.of(folder / name)
    assert kept.recipe.method == "watershed"
    assert kept.recipe.source["hashed"] == "file"
    assert kept.word == ""
    if name != "a.json":
        assert kept.axes == ("y", "x")
        np.testing.assert_array_equal(kept.array[:, :], recipe.run(image).array)


def test_of_tables_the_batch_says_it(batch_of, recipe, folder):
    run_batch(batch_of(recipe, "labels", "table", "overview"))
    kept = KeptOutput.of(folder / "out" / "b-label.csv")
    assert kept.word == "table"
    assert [step.method for step in kept.recipe.steps] == ["threshold", "label"]
    assert kept.recipe.first.source["path"].endswith("b.tif")
    assert kept.recipe.first.source["sha256"]
    assert KeptOutput.of(folder / "out" / "b-label-overview.png").word == "overview"
    assert KeptOutput.of(folder / "out" / "b-label.tif").word == ""  # which says it itself


def test_lines_of_earlier_versions_are_read(batch_of, recipe, folder):
    run_batch(batch_of(recipe, "labels", "table"))
    manifest = folder / "out" / "batch.jsonl"
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    for line in lines:
        line.pop("origin", None)
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    source = KeptOutput.of(folder / "out" / "b-label.csv").recipe.first.source
    assert source["path"].endswith("b.tif")
    assert len(source["sha256"]) == 64


@pytest.mark.parametrize("name", ["images/a.tif", "label.csv"])
def test_what_says_nothing_is_refused(batch_of, recipe, folder, name):
    run_batch(batch_of(recipe, "labels", "table"))
    place = folder / name if "/" in name else folder / "out" / name
    with pytest.raises(ValueError, match="does not say how it was made"):
        KeptOutput.of(place)


def test_files_are_compared_by_what_is_in_them(folder, image):
    recipe = Recipe.of(METHODS["watershed"], image, {})
    labels = recipe.run(image)
    for name in ("a.json", "b.json"):
        files.write(name, labels, image, recipe)
    kept = KeptOutput.of(folder / "a.json")
    assert kept.compare_file(folder / "b.json").differing == 0
    data = json.loads((folder / "b.json").read_text())
    data["annotations"][1]["bbox"][0] += 1
    (folder / "b.json").write_text(json.dumps(data))
    found = kept.compare_file(folder / "b.json")
    assert (found.pixels, found.differing, found.unit) == (2, 1, "object")


def test_a_file_that_is_none_is_told(folder):
    with pytest.raises(FileNotFoundError):
        KeptOutput.of(folder / "none.tif")
