from dataclasses import replace
from pathlib import Path

import pytest

from napari_tessera.batch.earlier import EarlierRun
from napari_tessera.batch.inputs import FileReading
from napari_tessera.batch.run_batch import run_batch
from napari_tessera.signature.words import VoxelSize


@pytest.fixture
def finished(batch_of, recipe):
    """A batch whose outputs are there."""
    batch = batch_of(recipe, "labels", "table")
    run_batch(batch)
    return batch


def missing(batch, number=0):
    return [each.name for each in EarlierRun(batch).missing(batch.destinations[number])]


def test_nothing_is_missing_of_what_is_finished(finished):
    assert missing(finished) == []
    known = EarlierRun(finished).known(finished.destinations[0])
    assert known.counted == "2 objects"
    assert [path.name for path in known.outputs.values()] == ["a-label.tif", "a-label.csv"]
    assert missing(replace(finished, again=True)) == ["labels", "table"]


def test_what_was_removed_or_is_new_is_missing(finished, batch_of, recipe):
    Path("out/a-label.csv").unlink()
    assert missing(finished) == ["table"]
    assert missing(batch_of(recipe, "labels", "polygons")) == ["polygons"]


def test_an_output_in_another_format_is_another_one(finished, batch_of, recipe):
    other = batch_of(recipe, "labels.npy", "table")
    assert missing(other) == ["labels"]
    run_batch(other)
    assert missing(other) == missing(finished) == []


def test_what_is_known_of_files_counts(finished):
    for changed in ({"reading": FileReading(axes=("y", "x"))}, {"by_axes": True}):
        with pytest.raises(FileExistsError, match="made with another recipe"):
            missing(replace(finished, **changed))
    sizes = [FileReading(VoxelSize((1, 1), unit)) for unit in ("um", "mm")]
    assert len({replace(finished, reading=each).sha256 for each in sizes}) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("edited", "and was changed since it was made"),
        ("recipe", "made with another recipe"),
        ("input", "made from another input"),
        ("others", "and was not made by a batch"),
    ],
)
def test_what_is_not_the_same_is_in_the_way(finished, recipe, change, message):
    batch = finished
    if change == "edited":
        Path("out/a-label.tif").write_bytes(b"by hand")
    elif change == "recipe":
        other = replace(recipe, parameters={**recipe.parameters, "connectivity": "faces"})
        batch = replace(batch, recipe=other)
    elif change == "input":
        Path("images/a.tif").write_bytes(Path("images/b.tif").read_bytes())
    else:
        Path("out/batch.jsonl").unlink()
    with pytest.raises(FileExistsError, match=f"a-label.tif' exists already,? ?{message}"):
        missing(batch)
    with pytest.raises(FileExistsError, match=message):
        missing(replace(batch, again=True))
    assert "labels" in missing(replace(batch, overwrite=True))


def test_an_input_that_was_only_touched_or_moved_is_the_same(finished, batch_of, recipe):
    content = Path("images/a.tif").read_bytes()
    Path("images/a.tif").unlink()
    Path("moved").mkdir()
    Path("moved/a.tif").write_bytes(content)
    assert missing(batch_of(recipe, "labels", "table", inputs="moved/a.tif")) == []


def test_a_table_of_all_files_that_somebody_changed_is_not_replaced(finished):
    table = Path("out/label.csv").resolve()
    earlier = EarlierRun(finished)
    earlier.check_table(table)
    table.write_text("mine")
    with pytest.raises(FileExistsError, match=r"label.csv' exists already and is no table of a"):
        earlier.check_table(table)
    EarlierRun(replace(finished, overwrite=True)).check_table(table)
    earlier.keep_table([table])
    EarlierRun(finished).check_table(table)


def test_outputs_that_an_earlier_run_wrote_stay_known(finished, batch_of, recipe):
    more = batch_of(recipe, "labels", "polygons")
    run_batch(more)
    assert missing(more) == missing(finished) == []
