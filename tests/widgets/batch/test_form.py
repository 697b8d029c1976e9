"""The form of a batch: the plan, the run, what is looked at."""

from pathlib import Path
from threading import Event

import numpy as np
from napari.layers import Image, Labels
from qtpy.QtTest import QTest

from napari_tessera import Recipe
from napari_tessera.batch.plan import Plan
from napari_tessera.batch.run_batch import run_batch
from napari_tessera.io.csv_files import read_rows
from napari_tessera.io.files import read
from napari_tessera.widgets.batch.form import plan_sentence
from napari_tessera.widgets.layers.features import recipe_of

from ..conftest import wait
from .conftest import IMAGES, column, run


def test_the_plan_comes_first_and_writes_nothing(form, folder):
    assert column(form, "file") == ["a.tif", "b.tif", "c.tif"]
    assert column(form, "state") == ["to do"] * 3
    assert column(form, "read as")[0] == "y 24, x 30; 1 x 1 px"
    assert form.planned.text().startswith("3 files: 3 to do; labels take at most")
    assert form.rows.output.path == folder / "images-label"
    assert not (folder / "images-label").exists()


def test_a_folder_becomes_labels_and_tables_with_one_press(form, folder):
    run(form)
    assert column(form, "state") == ["done"] * 3
    assert column(form, "found") == ["2 objects", "1 object", "2 objects"]
    assert not form.table.item(0, 0).icon().isNull()
    assert form.message.text().startswith("3 files: 3 done, ")
    expected = Recipe.load("r.json").run(read("images/c.tif")).array
    np.testing.assert_array_equal(read("images-label/c-label.tif").whole, expected)
    rows = read_rows("images-label/label.csv")
    assert [row["file"] for row in rows] == ["a.tif", "a.tif", "b.tif", "c.tif", "c.tif"]
    run(form)
    assert column(form, "state") == ["there already"] * 3
    assert not form.table.item(0, 0).icon().isNull()
    form.rows.existing.setCurrentIndex(1)
    run(form)
    assert column(form, "state") == ["done"] * 3


def test_a_failure_has_its_reason_and_is_tried_again(form, folder):
    good = Path("images/b.tif").read_bytes()
    Path("images/b.tif").write_text("no image")
    run(form)
    assert column(form, "state") == ["done", "failed", "done"]
    assert "damaged, or of another format" in column(form, "found")[1]
    assert form.again.isVisibleTo(form)
    form.table.setCurrentCell(1, 0)
    assert "damaged, or of another format" in form.message.text()
    form.table.setCurrentCell(2, 0)
    assert form.message.text() == "c.tif: 2 objects"
    Path("images/b.tif").write_bytes(good)
    form.rows.existing.setCurrentIndex(1)
    run(form, form.again)
    assert column(form, "state") == ["there already", "done", "there already"]
    assert not form.again.isVisibleTo(form)


def test_the_first_of_what_is_wrong_is_said(form, folder, quiet_errors):
    form.rows.pattern.setText("*.png")
    wait(lambda: "has no file that fits '*.png'" in form.message.text())
    assert form.table.rowCount() == 0
    form.rows.pattern.clear()
    form.rows.outputs.tick("labels", False)
    form.rows.outputs.tick("table", False)
    form.button.click()
    assert "nothing is to be written" in form.message.text()
    form.rows.folder.path = None
    form.button.click()
    assert "images are missing; choose the folder" in form.message.text()
    Path("r.json").unlink()
    form.button.click()
    assert "recipe 'r.json' cannot be read" in form.message.text()
    assert len(quiet_errors) == 3


def test_a_folder_that_cannot_be_made_is_named(form, folder):
    Path("file").touch()
    form.rows.output.path = folder / "file" / "inner"
    run(form)
    assert "which cannot be made" in form.message.text()


def test_a_stop_keeps_what_is_done_and_the_next_run_goes_on(form, folder, monkeypatch):
    held, begun = Event(), Event()
    recipe_run = Recipe.run

    def slow(self, source, *args, **options):
        if source.name == "b.tif":
            begun.set()
            held.wait(20)
        return recipe_run(self, source, *args, **options)

    monkeypatch.setattr(Recipe, "run", slow)
    form.button.click()
    wait(lambda: begun.is_set() and column(form, "state")[1] == "running")
    form.button.click()
    assert form.running.job is None
    assert column(form, "state") == ["done", "waiting", "waiting"]
    form.button.click()  # while the thread before is still at its file
    held.set()
    wait(lambda: form.running.job is None)
    assert column(form, "state")[0] == "there already"
    assert set(column(form, "state")) == {"there already", "done"}


def test_a_row_opens_its_result_beside_its_image(viewer, form, folder):
    run(form)
    form.table.setCurrentCell(0, 0)
    wait(lambda: len(viewer.layers) == 2)
    image, labels = viewer.layers
    assert isinstance(image, Image)
    assert isinstance(labels, Labels)
    np.testing.assert_array_equal(image.data, IMAGES["a"])
    np.testing.assert_array_equal(labels.data > 0, IMAGES["a"] > 0)
    assert labels.features["area"].tolist() == [36, 36]
    assert recipe_of(labels).method == "label"
    form.table.setCurrentCell(1, 0)
    wait(lambda: "b" in viewer.layers and image not in viewer.layers)
    assert len(viewer.layers) == 2
    edited = viewer.layers["b-label"]
    edited.data_setitem((np.array([0]), np.array([0])), 1)
    form.table.setCurrentCell(2, 0)
    wait(lambda: "c-label" in viewer.layers)
    assert edited in viewer.layers  # it was changed by hand


def test_the_worst_comes_first(form, folder):
    run(form)
    assert form.worst.isEnabled()
    form.worst.click()
    wait(lambda: "support least" in form.message.text())
    values = [float(text) for text in column(form, "suspicion")]
    assert values == sorted(values, reverse=True)
    number = form.table.number_at(0)
    assert column(form, "file")[0] == form.outcomes[number].destination.path.name
    form.worst.click()
    assert column(form, "file") == ["a.tif", "b.tif", "c.tif"]


def test_the_form_and_the_command_line_share_what_is_done(form, folder):
    run_batch(form.rows.asked().batch())
    run(form)
    assert column(form, "state") == ["there already"] * 3


def test_a_plan_is_told_in_a_sentence():
    assert plan_sentence(Plan([], 10**9)).startswith("0 files; labels take at most 0 MB of 1.0 GB")


def test_other_files_are_planned_when_something_else_is_asked_for(form, folder):
    form.rows.pattern.setText("[ab].tif")
    wait(lambda: column(form, "file") == ["a.tif", "b.tif"])
    form.rows.output.text.selectAll()
    QTest.keyClicks(form.rows.output.text, "mine")
    form.rows.folder.path = folder
    assert form.rows.output.path == Path("mine")
