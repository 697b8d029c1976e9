from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QLabel

from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.widgets.training.pairs import SHOWN, PairsTable


@pytest.fixture
def model():
    """The layers of a viewer, without its window."""
    return ViewerModel()


@pytest.fixture
def table(model, qtbot):
    """Return a function that makes the table for the layers that are there by then."""
    made = []

    def make():
        widget = PairsTable(model)
        qtbot.addWidget(widget)
        made.append(widget)
        return widget

    yield make
    for widget in made:
        widget.release()


def image(model, name, *shape, **options):
    return model.add_image(np.zeros(shape, np.float32), name=name, **options)


def labels(model, name, *shape):
    return model.add_labels(np.zeros(shape, np.uint8), name=name)


def offered(combo):
    return [combo.itemText(i) for i in range(combo.count())]


def heard(widget):
    signals = []
    widget.changed.connect(lambda: signals.append(widget.pairs))
    return signals


# ------------------------------------------------------------------ guesses


def test_it_begins_with_the_topmost_labels_and_the_image_of_their_shape(model, table):
    wanted = image(model, "cells", 4, 5)
    image(model, "volume", 3, 4, 5)
    labels(model, "below", 4, 5)
    top = labels(model, "top", 4, 5)
    image(model, "other", 6, 7)
    assert table().pairs == [(wanted, top)]


def test_volumes_and_colours_are_paired_too(model, table):
    volume, truth = image(model, "volume", 3, 4, 5), labels(model, "truth", 3, 4, 5)
    own = table()
    assert own.pairs == [(volume, truth)]
    assert own.problem is None
    picture, painted = image(model, "rgb", 4, 5, 3, rgb=True), labels(model, "painted", 4, 5)
    own.add_pair()
    assert own.pairs[1] == (picture, painted)
    assert own.problem is None


def test_labels_without_an_image_of_their_shape_are_the_second_choice(model, table):
    cells, small = image(model, "cells", 4, 5), labels(model, "small", 4, 5)
    labels(model, "large", 40, 50)
    assert table().pairs == [(cells, small)]


def test_the_topmost_of_both_if_none_fit(model, table):
    image(model, "low", 4, 5)
    high, truth = image(model, "high", 5, 5), labels(model, "truth", 6, 5)
    assert table().pairs == [(high, truth)]


@pytest.mark.parametrize("order", [("a", "A", "b", "B"), ("a", "b", "A", "B")])
def test_more_pairs_are_of_layers_not_used_yet(model, table, order):
    for name in order:
        (image if name.islower() else labels)(model, name, 4, 5)
    own = table()
    own.add_pair()
    assert [(i.name, t.name) for i, t in own.pairs] == [("b", "B"), ("a", "A")]
    assert own.problem is None


def test_multiscale_layers_have_the_shape_of_their_finest_level(model, table):
    pyramid = model.add_image([np.zeros((8, 8)), np.zeros((4, 4))], name="p", multiscale=True)
    truth = labels(model, "truth", 8, 8)
    image(model, "small", 4, 4)
    own = table()
    assert own.pairs == [(pyramid, truth)]
    assert own.problem is None


# ------------------------------------------------------------------ layers come and go


def test_the_first_layers_are_taken_when_they_come(model, table):
    own = table()
    assert own.pairs == []
    signals = heard(own)
    cells = image(model, "cells", 4, 5)
    image(model, "other", 6, 7)
    truth = labels(model, "truth", 4, 5)
    assert own.pairs == [(cells, truth)]
    assert signals[-1] == [(cells, truth)]


def test_a_pair_that_fits_stays_when_others_come(model, table):
    cells, truth = image(model, "cells", 4, 5), labels(model, "truth", 4, 5)
    own = table()
    signals = heard(own)
    image(model, "new", 4, 5)
    labels(model, "newer", 4, 5)
    assert own.pairs == [(cells, truth)]
    assert signals == []
    assert offered(own.rows[0].image) == ["new", "cells"]
    assert offered(own.rows[0].labels) == ["newer", "truth"]


def test_a_pair_that_does_not_fit_is_guessed_anew_unless_the_user_chose_it(model, table):
    wrong, truth = image(model, "wrong", 9, 9), labels(model, "truth", 4, 5)
    own = table()
    assert own.pairs == [(wrong, truth)]
    right = image(model, "right", 4, 5)
    assert own.pairs == [(right, truth)]
    own.rows[0].image.choose(wrong)
    image(model, "right too", 4, 5)
    assert own.pairs == [(wrong, truth)]


def test_choices_stay_when_layers_are_moved_and_renamed(model, table):
    for name in "abc":
        image(model, name, 4, 5)
        labels(model, name.upper(), 4, 5)
    own = table()
    own.rows[0].image.choose(model.layers["b"])
    own.rows[0].labels.choose(model.layers["A"])
    chosen = own.pairs
    model.layers.move(0, 5)
    model.layers["b"].name = "bees"
    assert own.pairs == chosen
    assert own.rows[0].image.currentText() == "bees"
    assert own.rows[0].image.toolTip() == "Image of pair 1: bees"
    assert offered(own.rows[0].image) == [
        each.name for each in reversed(model.layers) if hasattr(each, "rgb")
    ]


def test_removing_a_layer_of_a_pair_leaves_the_other_one(model, table):
    low, high = image(model, "low", 4, 5), image(model, "high", 4, 5)
    first, second = labels(model, "first", 4, 5), labels(model, "second", 4, 5)
    own = table()
    own.rows[0].image.choose(low)
    signals = heard(own)
    model.layers.remove(second)
    assert own.pairs == [(low, first)]
    assert signals == [[(low, first)]]
    model.layers.remove(low)
    assert own.pairs == [(high, first)]
    model.layers.clear()
    assert own.pairs == []


def test_previews_are_not_offered(model, table):
    image(model, "cells", 4, 5)
    truth = labels(model, "truth", 4, 5)
    model.add_labels(np.zeros((4, 5), int), name="preview", metadata={KEY: {"preview": True}})
    own = table()
    assert offered(own.rows[0].labels) == ["truth"]
    assert own.pairs[0][1] is truth


def test_points_and_shapes_are_not_offered(model, table):
    image(model, "cells", 4, 5)
    model.add_points(np.zeros((1, 2)), name="points")
    model.add_shapes(None, name="shapes", ndim=2)
    own = table()
    assert offered(own.rows[0].image) == ["cells"]
    assert offered(own.rows[0].labels) == []


def test_after_release_nothing_is_heard_of_the_viewer(model, table):
    events = model.layers.events
    watched = (events.inserted, events.removed, events.reordered, events.renamed)
    before = [len(each.callbacks) for each in watched]
    own = table()
    assert [len(each.callbacks) for each in watched] > before
    own.release()
    own.release()
    assert [len(each.callbacks) for each in watched] == before
    image(model, "cells", 4, 5)
    assert offered(own.rows[0].image) == []


# ------------------------------------------------------------------ rows


def test_pairs_are_added_and_the_marked_one_is_removed(model, table):
    for name in "abc":
        image(model, name, 4, 5)
        labels(model, name.upper(), 4, 5)
    own = table()
    assert not own.remove_button.isEnabled()
    assert not own.rows[0].number.isVisibleTo(own)  # one pair needs no number
    signals = heard(own)
    own.add_button.click()
    own.add_button.click()
    assert [[i.name for i, _ in pairs] for pairs in signals] == [["c", "b"], ["c", "b", "a"]]
    assert [row.number.text() for row in own.rows] == ["1", "2", "3"]
    assert [row.number.isChecked() for row in own.rows] == [False, False, True]
    own.rows[1].number.click()
    own.remove_button.click()
    assert [i.name for i, _ in own.pairs] == ["c", "a"]
    assert [row.number.text() for row in own.rows] == ["1", "2"]
    assert own.rows[1].number.isChecked()
    own.remove_button.click()
    assert [i.name for i, _ in own.pairs] == ["c"]
    own.remove_pair()  # one is always left
    assert len(own.rows) == 1
    assert len(signals) == 4


def test_choosing_in_a_pair_marks_it(model, table):
    for name in "ab":
        image(model, name, 4, 5)
        labels(model, name.upper(), 4, 5)
    own = table()
    own.add_pair()
    signals = heard(own)
    QTest.keyClick(own.rows[0].image, Qt.Key.Key_Down)
    assert own.rows[0].number.isChecked()
    assert [i.name for i, _ in own.pairs] == ["a", "a"]
    assert len(signals) == 1


def test_a_removed_pair_leaves_no_gap(model, table, qtbot):
    own = table()
    height = own._scroll.height()
    for _ in range(5):
        own.add_pair()
        own.remove_pair()
    assert own._scroll.height() == height
    for _ in range(10):
        own.add_pair()
    assert own._scroll.height() <= (SHOWN + 0.5) * height


@pytest.mark.on_screen
def test_a_pair_that_was_added_is_in_view(viewer, qtbot):
    own = PairsTable(viewer)
    viewer.window.add_dock_widget(own)
    for _ in range(SHOWN + 2):
        own.add_pair()
        QApplication.processEvents()
    qtbot.waitUntil(lambda: not own.rows[-1].labels.visibleRegion().isEmpty())
    assert own.rows[0].labels.visibleRegion().isEmpty()
    own.release()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_fits_into_a_narrow_dock(viewer, theme):
    viewer.theme = theme
    viewer.add_image(np.zeros((4, 5)), name="a long name " * 10)
    viewer.add_labels(np.zeros((4, 5), int), name="another long name " * 10)
    own = PairsTable(viewer)
    viewer.window.add_dock_widget(own)
    for _ in range(12):
        own.add_pair()
    assert own.minimumSizeHint().width() <= 290
    own.folders = (Path("/a/long/path" * 10), Path("/another/long/path" * 10))
    assert own.minimumSizeHint().width() <= 290
    own.release()


# ------------------------------------------------------------------ problems


def test_what_is_missing_is_told(model, table):
    own = table()
    assert own.problem == "there is no Image layer to train on; open a file or a sample"
    image(model, "cells", 4, 5)
    assert own.problem == "there is no Labels layer to learn from; add one and paint into it"
    labels(model, "truth", 4, 5)
    assert own.problem is None


def test_shapes_that_differ_are_told_with_the_pair(model, table):
    image(model, "b", 4, 5)
    labels(model, "fits", 4, 5)
    own = table()
    own.add_pair()
    own.rows[1].labels.choose(labels(model, "a", 3, 4, 5))
    assert own.problem == (
        "pair 2: labels 'a' has shape (3, 4, 5) but image 'b' has (4, 5); "
        "choose two of the same shape"
    )


def test_the_same_pair_twice_is_told(model, table):
    image(model, "cells", 4, 5)
    labels(model, "truth", 4, 5)
    own = table()
    own.add_pair()
    own.add_pair()
    assert own.problem == "pair 2 is pair 1 once more; choose other layers or remove it"
    other = image(model, "cells again", 4, 5)
    own.rows[1].image.choose(other)
    assert own.problem.startswith("pair 3 is pair ")


@pytest.mark.parametrize("axis", [1, -3])
def test_labels_have_no_channels(model, table, axis):
    image(model, "channels", 3, 2, 4, 5)
    labels(model, "truth", 3, 4, 5)
    own = table()
    assert "has shape (3, 4, 5) but image 'channels' has (3, 2, 4, 5);" in own.problem
    signals = heard(own)
    own.channel_axis = axis
    assert own.channel_axis == axis
    assert own.problem is None
    own.channel_axis = axis
    assert len(signals) == 1
    own.channel_axis = 0
    assert "'channels' has (2, 4, 5) without its channels;" in own.problem


def test_a_new_array_in_a_layer_is_noticed(model, table):
    cells = image(model, "cells", 4, 5)
    labels(model, "truth", 4, 5)
    own = table()
    cells.data = np.zeros((6, 7), np.float32)
    assert "image 'cells' has (6, 7)" in own.problem


# ------------------------------------------------------------------ folders


def test_folders_in_place_of_layers(model, table, tmp_path, monkeypatch):
    pair = (image(model, "cells", 4, 5), labels(model, "truth", 4, 5))
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    answers = [str(tmp_path / "images"), str(tmp_path / "labels")]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: answers.pop(0))
    own = table()
    signals = heard(own)
    own.folders_button.click()
    assert own.folders == (tmp_path / "images", tmp_path / "labels")
    assert own.pairs == []
    assert own.problem is None
    assert signals == [[]]
    shown = [each for each in own.findChildren(QLabel) if each.isVisibleTo(own)]
    assert [each.text() for each in shown] == [
        f"Images: {tmp_path / 'images'}",
        f"Labels: {tmp_path / 'labels'}",
    ]
    assert not own.add_button.isVisibleTo(own)
    assert not own.rows[0].image.isVisibleTo(own)
    assert own.folders_button.text() == "Layers"
    own.folders_button.click()
    assert own.folders is None
    assert own.pairs == [pair]
    assert own.rows[0].image.isVisibleTo(own)
    assert own.folders_button.text() == "Folders..."


@pytest.mark.parametrize("answers", [[""], ["/images", ""]])
def test_a_dialog_that_is_cancelled_changes_nothing(model, table, monkeypatch, answers):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: answers.pop(0))
    own = table()
    signals = heard(own)
    own.folders_button.click()
    assert answers == []
    assert own.folders is None
    assert signals == []


def test_a_coco_file_in_place_of_layers(table, tmp_path, monkeypatch):
    file = tmp_path / "objects.json"
    file.write_text("{}")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    own = table()
    own.coco_button.click()
    assert own.folders == (tmp_path, file)
    assert own.problem is None
    assert not own.coco_button.isVisibleTo(own)
    file.unlink()
    assert own.problem == f"the file of labels is {str(file)!r}, which is not there; choose another"


def test_a_folder_that_is_gone_is_told(table, tmp_path):
    own = table()
    own.folders = (tmp_path, tmp_path / "gone")
    expected = (
        f"the folder of labels is {str(tmp_path / 'gone')!r}, which is not there; choose another"
    )
    assert own.problem == expected
