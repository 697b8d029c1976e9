from dataclasses import replace

import numpy as np
import pytest

from napari_tessera import Recipe
from napari_tessera.batch.batch_run import BatchRun
from napari_tessera.batch.run_batch import run_batch
from napari_tessera.batch.summary import FileState
from napari_tessera.widgets.batch.open_result import OpenedResult, read_result


@pytest.fixture
def outcome(folder):
    recipe, words = Recipe.load("r.json"), ["labels", "table", "polygons"]
    batch = BatchRun.of(recipe, [folder / "images" / "a.tif"], folder / "out", words)
    return run_batch(batch).files[0]


def kinds(read):
    return [kind for _, _, kind in read.layers]


def test_the_first_of_what_was_written_is_read_with_its_table(outcome):
    read = read_result(outcome)
    assert kinds(read) == ["image", "labels"]
    assert read.table["index"].tolist() == [1, 2]
    outputs = dict(outcome.outputs)
    del outputs["labels"]
    read = read_result(replace(outcome, outputs=outputs))
    assert (kinds(read), read.table) == (["image", "shapes"], None)
    assert kinds(read_result(replace(outcome, state=FileState.FAILED))) == ["image"]


def test_what_was_opened_before_makes_room_unless_it_was_edited(viewer, folder, outcome):
    opened, recipe = OpenedResult(viewer), Recipe.load("r.json")
    opened.show(read_result(outcome), recipe)
    first = viewer.layers[-1]
    assert first.features["index"].tolist() == [1, 2]
    opened.show(read_result(outcome), recipe)
    assert len(viewer.layers) == 2
    assert first not in viewer.layers
    edited = viewer.layers[-1]
    edited.data = np.zeros_like(edited.data)
    opened.show(read_result(outcome), recipe)
    assert len(viewer.layers) == 3
    assert edited in viewer.layers
    opened.release()
    opened.show(read_result(outcome), recipe)
    assert len(viewer.layers) == 5


def test_the_next_result_is_seen_as_a_whole_in_its_own_unit(viewer, outcome):
    opened, recipe, read = OpenedResult(viewer), Recipe.load("r.json"), read_result(outcome)
    opened.show(read, recipe)
    seen = viewer.scene.camera.zoom
    small = [
        (data, {**options, "scale": (0.1, 0.1), "units": ("um", "um")}, kind)
        for data, options, kind in read.layers
    ]
    opened.show(read._replace(layers=small), recipe)  # no warning that units are unlike
    assert viewer.scene.camera.zoom == pytest.approx(10 * seen)
