import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe, StepResult, step, verify
from napari_tessera.algorithms.file_lock import FileLock
from napari_tessera.batch.manifest import Manifest
from napari_tessera.batch.outputs import LabelsOutput, TableOutput
from napari_tessera.batch.plan import plan_batch
from napari_tessera.batch.run_batch import run_batch
from napari_tessera.io.csv_files import read_rows
from napari_tessera.io.files import read
from napari_tessera.pipeline.recipes.comparison import compare_objects
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.progress import Stop
from napari_tessera.signature.words import VoxelSize

from .conftest import IMAGES

EVERY = ("labels", "table", "polygons", "overview")


def states(summary):
    return [each.state.value for each in summary.files]


def names():
    return sorted(path.name for path in Path("out").iterdir())


def stamps():
    return {path.name: path.stat().st_mtime_ns for path in Path("out").glob("*-label*")}


def test_a_recipe_runs_on_every_file(batch_of, recipe):
    told, shares = [], []
    summary = run_batch(
        batch_of(recipe, *EVERY),
        lambda progress: shares.append(progress.done),
        told=lambda number, outcome: told.append((number, outcome.state.value)),
    )
    assert states(summary) == ["done"] * 3
    assert [each.counted for each in summary.files] == ["2 objects", "1 object", "3 objects"]
    assert told == [(n, state) for n in range(3) for state in ("running", "done")]
    assert shares == sorted(shares)
    ends = ("-overview.png", ".csv", ".geojson", ".tif")
    each = [f"{name}-label{end}" for name in "abc" for end in ends]
    assert names() == sorted([*each, "batch.jsonl", "label.csv"])
    for name, image in IMAGES.items():
        expected = recipe.run(Source.of(image)).array
        np.testing.assert_array_equal(read(f"out/{name}-label.tif").whole, expected)
    rows = read_rows("out/label.csv")
    assert [row["file"] for row in rows] == ["a.tif"] * 2 + ["b.tif"] + ["c.tif"] * 3
    own = read_rows("out/c-label.csv")
    assert [{**row, "file": "c.tif"} for row in own] == rows[3:]
    assert summary.tables[0].name == "label.csv"


def test_what_is_finished_is_not_made_again(batch_of, recipe):
    batch = batch_of(recipe, "labels", "table")
    run_batch(batch)
    before, table = stamps(), Path("out/label.csv").read_text()
    Path("out/b-label.tif").unlink()
    summary = run_batch(batch)
    assert states(summary) == ["there already", "done", "there already"]
    assert [each.counted for each in summary.files] == ["2 objects", "1 object", "3 objects"]
    after = stamps()
    assert {name for name in before if before[name] != after[name]} == {"b-label.tif"}
    assert Path("out/label.csv").read_text() == table
    assert states(run_batch(replace(batch, again=True))) == ["done"] * 3


def test_a_failing_file_is_told_of_and_the_rest_go_on(batch_of, recipe):
    Path("images/b.tif").write_text("no image")
    batch = batch_of(recipe, "labels", "table")
    summary = run_batch(batch)
    assert states(summary) == ["done", "failed", "done"]
    assert "b.tif' cannot be read; it is damaged" in summary.files[1].reason
    assert {row["file"] for row in read_rows("out/label.csv")} == {"a.tif", "c.tif"}
    Path("images/b.tif").write_bytes(Path("images/a.tif").read_bytes())
    assert states(run_batch(batch)) == ["there already", "done", "there already"]
    assert len(read_rows("out/label.csv")) == 2 + 2 + 3


def test_a_disk_that_is_full_ends_it_and_leaves_no_half_file(batch_of, recipe, monkeypatch):
    write = LabelsOutput.write

    def full(self, path, results, *, overwrite):
        if path.name.startswith("b"):
            raise OSError(errno.ENOSPC, "the disk is full, nothing was written", str(path))
        write(self, path, results, overwrite=overwrite)

    monkeypatch.setattr(LabelsOutput, "write", full)
    batch = batch_of(recipe)
    summary = run_batch(batch)
    assert states(summary) == ["done", "failed", "waiting"]
    assert "the disk is full, nothing was written" in summary.problem
    assert names() == ["a-label.tif", "batch.jsonl"]
    monkeypatch.undo()
    assert states(run_batch(batch)) == ["there already", "done", "done"]


@pytest.mark.parametrize("words", [["labels.zarr"], ["labels.npy"], ["table"], ["overview"]])
def test_whatever_fills_the_disk_leaves_what_was_there(batch_of, recipe, words, monkeypatch):
    run_batch(batch_of(recipe, *words, inputs="images/a.tif"))
    before = {name: Path("out", name).stat().st_mtime_ns for name in names()}

    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("napari_tessera.algorithms.atomic_files._swapped", full)
    summary = run_batch(replace(batch_of(recipe, *words), again=True))
    assert states(summary) == ["failed", "waiting", "waiting"]
    assert "the disk is full; make room on it" in summary.problem
    assert {name: Path("out", name).stat().st_mtime_ns for name in before} == before
    monkeypatch.undo()
    assert states(run_batch(batch_of(recipe, *words))) == ["there already", "done", "done"]


def test_what_was_written_before_a_disk_was_full_is_known_to_the_next_run(
    batch_of, recipe, monkeypatch
):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    batch = batch_of(recipe, "labels", "table", inputs="images/a.tif")
    with monkeypatch.context() as patch:
        patch.setattr(TableOutput, "write", full)
        assert states(run_batch(batch)) == ["failed"]
    before = stamps()
    assert states(run_batch(batch)) == ["done"]
    assert stamps()["a-label.tif"] == before["a-label.tif"]


@pytest.mark.parametrize("word", ["labels", "labels.zarr"])
def test_no_output_is_left_of_which_nothing_can_be_kept(batch_of, recipe, word, monkeypatch):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Manifest, "add", full)
    summary = run_batch(batch_of(recipe, word))
    assert states(summary) == ["failed", "waiting", "waiting"]
    assert names() == ["batch.jsonl"]
    monkeypatch.undo()
    assert states(run_batch(batch_of(recipe, word))) == ["done"] * 3


def test_a_finished_file_without_a_picture_is_still_finished(batch_of, recipe, monkeypatch):
    batch = replace(batch_of(recipe, "labels.json"), picture_side=12)
    assert states(run_batch(batch)) == ["done"] * 3
    again = run_batch(batch)
    assert states(again) == ["there already"] * 3
    assert again.files[0].picture is not None

    def unread(*_):
        raise ValueError("of a format that is only written")

    monkeypatch.setattr("napari_tessera.batch.run_batch.labels_from", unread)
    again = run_batch(batch)
    assert states(again) == ["there already"] * 3
    assert again.files[0].picture is None


def test_files_of_other_programs_are_read_by_their_plugin(batch_of, folder, recipe):
    from npe2 import DynamicPlugin

    Path("more").mkdir()
    for name in ("d.czi", "e.czi"):
        Path("more", name).write_text("of another program")
    with DynamicPlugin("czi-plugin") as plugin:

        @plugin.contribute.reader(filename_patterns=["*.czi"])
        def reader(path):
            said = {"scale": (0.5, 0.5), "units": ("um", "um"), "axis_labels": ("y", "x")}
            return lambda path: [(IMAGES["a"], said)]

        batch = batch_of(recipe, "labels", "table", inputs="more/*.czi")
        assert plan_batch(batch).files[0].reading == "y 24, x 30; 0.5 x 0.5 um"
        assert states(run_batch(batch)) == ["done"] * 2
    assert read("out/e-label.tif").spacing == VoxelSize((0.5, 0.5), "um")
    assert {row["file"] for row in read_rows("out/label.csv")} == {"d.czi", "e.czi"}


def test_a_stop_keeps_what_is_finished(batch_of, recipe):
    def stop(progress):
        if progress.done > 0.4:
            raise Stop

    batch = batch_of(recipe, "labels", "table")
    with pytest.raises(Stop):
        run_batch(batch, stop)
    assert names() == ["a-label.csv", "a-label.tif", "batch.jsonl", "label.csv"]
    assert len(read_rows("out/label.csv")) == 2
    assert states(run_batch(batch)) == ["there already", "done", "done"]


def test_two_runs_do_not_write_into_one_folder(batch_of, recipe):
    batch = batch_of(recipe)
    Path("out").mkdir()
    with FileLock(Path("out/.batch.lock")) as lock:
        assert lock.take()
        with pytest.raises(FileExistsError, match=r"another run writes to .*out'; wait for it"):
            run_batch(batch)
    assert states(run_batch(batch)) == ["done"] * 3


def test_a_folder_that_cannot_be_written_to_is_named(batch_of, recipe, monkeypatch):
    def refused(self):
        raise PermissionError(errno.EACCES, "Permission denied")

    batch = batch_of(recipe)
    monkeypatch.setattr(FileLock, "take", refused)
    with pytest.raises(
        OSError, match=r"cannot write to the folder .*out': you have no right to it"
    ):
        run_batch(batch)


def test_the_manifest_tells_how_everything_was_made(batch_of, recipe):
    run_batch(batch_of(recipe, "labels", "overview"))
    lines = [json.loads(line) for line in Path("out/batch.jsonl").read_text().splitlines()]
    assert Recipe.from_dict(lines[0]["steps"]).method == "label"
    assert [line["name"] for line in lines[1:]] == ["a-label", "b-label", "c-label"]
    assert {line["recipe"] for line in lines} == {lines[0]["recipe"]}
    assert lines[1]["outputs"]["overview"]["file"] == "a-label-overview.png"


def test_a_file_by_itself_has_no_manifest(batch_of, recipe):
    batch = batch_of(recipe, "labels", "table", inputs="images/a.tif", output="new/o.tif")
    assert states(run_batch(batch)) == ["done"]
    assert sorted(path.name for path in Path("new").iterdir()) == ["o.csv", "o.tif"]
    summary = run_batch(batch)
    assert states(summary) == ["failed"]
    assert "o.tif' exists already" in summary.files[0].reason
    assert states(run_batch(replace(batch, overwrite=True))) == ["done"]


def test_images_that_the_recipe_names_are_found_for_each_file(batch_of):
    labels = Source.of(IMAGES["a"], name="labels.tif")
    image = Source.of(IMAGES["a"], name="image.tif")
    recipe = Recipe.of(METHODS["measure"], labels, {"image": image})
    run_batch(batch_of(Recipe.of(METHODS["label"], labels, {}), output="labels"))
    batch = batch_of(recipe, inputs="labels/*.tif", images={"image": "images"})
    assert states(run_batch(batch)) == ["done"] * 3
    assert [row["mean"] for row in read_rows("out/c-label-measure.csv")] == [
        "110.0",
        "120.0",
        "130.0",
    ]
    Path("images/c.tif").write_bytes(Path("images/a.tif").read_bytes())
    summary = run_batch(batch)
    assert states(summary) == ["there already", "there already", "failed"]
    assert "made from another input" in summary.files[2].reason


def test_small_pictures_are_made_of_new_and_of_finished_files(batch_of, recipe):
    batch = replace(batch_of(recipe), picture_side=12)
    first, again = run_batch(batch), run_batch(batch)
    for one, other in zip(first.files, again.files, strict=True):
        assert one.picture.shape == (10, 12, 3)
        np.testing.assert_array_equal(one.picture, other.picture)
    assert run_batch(batch_of(recipe)).files[0].picture is None


@pytest.mark.parametrize("blocks", [None, (16, 16)])
def test_steps_that_take_earlier_results_run_on_files_in_blocks_and_again(batch_of, blocks):
    masked = Recipe.chain(
        step("threshold", method="manual", levels=(50.0,)),
        step("threshold", image="image", mask=StepResult(0)),
        step("label"),
    )
    word = "labels" if blocks is None else "labels.zarr"
    batch = replace(batch_of(masked, word, inputs="images/[ac].tif"), blocks=blocks)
    assert states(run_batch(batch)) == ["done"] * 2
    for own in batch.destinations:
        place, image = batch.place(own, *batch.outputs), IMAGES[own.path.stem]
        found, expected = read(place, labels=True).whole, masked.run(image).array
        assert compare_objects(found, expected).differing == 0
        assert found.max() >= 1
        assert verify(place).equal
    assert states(run_batch(batch)) == ["there already"] * 2
