import json
from dataclasses import replace
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest

from napari_tessera import METHODS, Recipe, step
from napari_tessera.batch.file_results import FileResults
from napari_tessera.batch.outputs import (
    OUTPUTS,
    chosen_outputs,
    formatted,
    step_kinds,
    usual_output,
    usual_outputs,
)
from napari_tessera.io.csv_files import read_rows
from napari_tessera.io.files import opened, read
from napari_tessera.io.formats import Asked
from napari_tessera.pipeline.result import ObjectLabels, ObjectTable
from napari_tessera.pipeline.source import Source

from .conftest import IMAGES


def of(method, **values):
    return Recipe.of(METHODS[method], Source.of(IMAGES["a"]), values)


@pytest.mark.parametrize(
    ("method", "usual", "offered"),
    [
        ("label", "labels", ["labels", "table", "polygons", "overview"]),
        ("top_hat", "image", ["image", "overview"]),
        ("contours", "polygons", ["table", "polygons", "overview"]),
        ("measure", "table", ["table", "overview"]),
    ],
)
def test_what_can_be_written_follows_from_what_a_recipe_gives(method, usual, offered):
    recipe = of(method)
    assert usual_output(recipe).name == usual
    assert [name for name, each in OUTPUTS.items() if each.offered_by(recipe)] == offered
    assert [each.name for each in chosen_outputs(recipe, offered[::-1])] == offered
    assert [each.name for each in chosen_outputs(recipe)] == [usual]
    with pytest.raises(ValueError, match=f"a batch of {method} cannot write 'film'; choose among"):
        chosen_outputs(recipe, ["film"])


def test_a_chain_gives_what_its_steps_give(chain):
    assert step_kinds(chain)[-1] is ObjectTable
    assert usual_output(chain).name == "table"
    assert [each.name for each in usual_outputs(chain)] == ["labels", "table"]
    traced = chain.with_step(step("contours", trace="outlines"), at=3)
    assert [each.name for each in usual_outputs(traced)] == ["labels", "table", "polygons"]
    assert [each.name for each in chosen_outputs(chain, ["labels", "table"])] == ["labels", "table"]


@pytest.mark.parametrize(
    ("method", "words", "suffix", "expected"),
    [
        ("label", None, "zarr", ["labels.zarr"]),
        ("label", ["table", "labels"], ".JSON", ["labels.json", "table"]),
        ("label", ["labels", "polygons"], "geojson", ["labels.geojson", "polygons"]),
        ("label", ["labels", "polygons"], "csv", ["labels", "polygons.csv"]),
        ("label", ["labels.npy", "table"], "tif", ["labels", "table"]),
        ("contours", None, "csv", ["polygons.csv"]),
        ("top_hat", ["image", "overview"], "npy", ["image.npy", "overview"]),
    ],
)
def test_a_format_goes_to_the_first_output_that_can_be_of_it(method, words, suffix, expected):
    assert formatted(of(method), words, suffix) == expected
    outputs = chosen_outputs(of(method), expected)
    assert [each.word for each in outputs] == expected


def test_what_is_made_in_blocks_is_ome_zarr_where_it_can_be():
    assert formatted(of("label"), ["labels", "table"], blocks=True) == ["labels.zarr", "table"]
    assert formatted(of("label"), ["table"], blocks=True) == ["table"]
    assert formatted(of("measure"), None, blocks=True) == ["table"]
    assert formatted(of("label"), None, "tif", blocks=True) == ["labels"]
    assert formatted(of("label"), ["labels.tif"], blocks=True) == ["labels"]
    assert chosen_outputs(replace(of("watershed"), blocks=[8, 8]))[0].tail == ".zarr"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["labels.xyz"], r"labels cannot be written as 'xyz'; choose .tif, .tiff, .png"),
        (["labels", "labels.zarr"], "labels is to be written twice"),
    ],
)
def test_formats_that_cannot_be_are_named(words, message):
    with pytest.raises(ValueError, match=message):
        chosen_outputs(of("label"), words)
    with pytest.raises(ValueError, match="classes|labels cannot be written as 'json'"):
        chosen_outputs(of("threshold"), ["labels.json"])  # COCO holds objects


def test_every_output_is_written_once_and_read_back(folder, chain):
    source, steps = read("images/a.tif"), []
    chain.run(source, each=steps.append)
    found = FileResults(source, chain.on(source), steps)
    for output in OUTPUTS.values():
        if output.offered_by(chain):
            path = folder / f"a{output.tail}"
            output.check(path)
            output.write(path, found, overwrite=False)
            with pytest.raises(FileExistsError, match="exists already"):
                output.write(path, found, overwrite=False)
            output.write(path, found, overwrite=True)
    np.testing.assert_array_equal(read("a.tif").whole, found.labels.array)
    kept = opened(Path("a.tif"), Asked()).kept["recipe"]
    assert Recipe.from_dict(kept).method == "expand"  # and not the measuring after it
    assert [row["index"] for row in read_rows("a.csv")] == ["1", "2"]
    assert len(json.loads(Path("a.geojson").read_text())["features"]) == 2
    assert imageio.imread("a-overview.png").shape == (24, 30, 3)


def test_what_no_step_has_given_is_not_written(folder, recipe):
    found = FileResults(read("images/a.tif"), recipe, [ObjectLabels(np.zeros((2, 2), int))])
    with pytest.raises(ValueError, match="no step of the recipe has given this"):
        OUTPUTS["image"].write(folder / "o.tif", found, overwrite=False)
