from pathlib import Path

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe
from napari_tessera.batch.batch_run import BatchRun
from napari_tessera.pipeline.source import Source

from .conftest import IMAGES


def names(batch, number=0):
    each = batch.destinations[number]
    return {output.name: batch.place(each, output).name for output in batch.outputs}


def test_outputs_of_a_file_have_one_beginning(batch_of, recipe):
    batch = batch_of(recipe, "overview", "polygons", "table", "labels")
    assert batch.folder == Path("out").resolve()
    assert names(batch, 1) == {
        "labels": "b-label.tif",
        "table": "b-label.csv",
        "polygons": "b-label.geojson",
        "overview": "b-label-overview.png",
    }


def test_the_first_output_of_one_file_has_the_name_that_is_given(folder, recipe):
    chosen = BatchRun.of(recipe, [Path("images/a.tif")], Path("new/o.zarr"), ["labels", "table"])
    assert chosen.folder is None
    assert names(chosen) == {"labels": "o.zarr", "table": "o.csv"}


def test_what_a_recipe_gives_is_written_unless_said_otherwise(batch_of, recipe, chain):
    assert names(batch_of(recipe)) == {"labels": "a-label.tif"}
    assert names(batch_of(chain)) == {"labels": "a-measure.tif", "table": "a-measure.csv"}
    single = batch_of(chain, inputs="images/a.tif", output="a.csv")
    assert names(single) == {"table": "a.csv"}


@pytest.mark.parametrize(
    ("words", "output", "message"),
    [
        (["pictures"], "out", "cannot write 'pictures'; choose among labels, table"),
        (["image"], "out", "cannot write 'image'"),
        (["labels"], "o.csv", "cannot hold labels; choose .tif"),
        (["overview"], "o.tif", "cannot hold an overview; choose .png"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_work(folder, recipe, words, output, message):
    with pytest.raises(ValueError, match=message):
        BatchRun.of(recipe, [Path("images/a.tif")], Path(output), words)


def test_a_file_is_read_as_the_first_step_wants_it(batch_of, recipe, chain):
    for each in (recipe, chain):  # the last step takes labels, the first one the image
        source = batch_of(each).open(Path("images/b.tif"))
        np.testing.assert_array_equal(source.whole, IMAGES["b"])
    labels = Recipe.of(METHODS["expand"], Source.of(IMAGES["a"]), {})
    assert batch_of(labels).open(Path("images/b.tif")).reread.labels is None


def test_images_beside_the_inputs_are_read_too(batch_of, chain):
    Path("other").mkdir()
    Path("images/a.tif").rename("other/a.tif")
    Path("images/a-labels.tif").write_bytes(Path("images/b.tif").read_bytes())
    batch = batch_of(chain, images={"image": "other"}, inputs="images/a*.tif")
    found = batch.read_for(Path("images/a-labels.tif"))
    assert found == [Path("images/a-labels.tif"), Path("other/a.tif")]


def test_no_input_is_written_over(folder, recipe):
    with pytest.raises(ValueError, match=r"output '.*a.tif' is an input too; choose another place"):
        BatchRun.of(recipe, [folder / "images" / "a.tif"], folder / "images" / "a.tif")
    inputs = [folder / "images" / "*.tif"]
    for name in ("a-label.tif", "a.tif"):
        (folder / "images" / name).write_bytes((folder / "images" / "b.tif").read_bytes())
    with pytest.raises(ValueError, match="a-label.tif' is an input too"):
        BatchRun.of(recipe, inputs, folder / "images")
