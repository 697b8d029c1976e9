import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtWidgets import QGridLayout, QWidget

from napari_tessera.widgets.training.pair_row import PairRow


def offered(choice):
    return [choice.itemText(i) for i in range(choice.count())]


@pytest.fixture
def row(qapp):
    return PairRow()


IMAGES = [Image(np.zeros((3, 4)), name=name) for name in ("a", "b")]
LABELS = [Labels(np.zeros((3, 4), int), name=name) for name in ("c", "d")]


def test_nothing_is_chosen_where_nothing_is_offered(row):
    assert row.chosen == (None, None)
    row.offer([], LABELS)
    assert row.chosen == (None, LABELS[0])


def test_layers_stay_chosen_while_they_are_there(row):
    row.offer(IMAGES, LABELS)
    row.image.choose(IMAGES[1])
    row.labels.choose(LABELS[1])
    row.offer(IMAGES[::-1], LABELS)
    assert row.chosen == (IMAGES[1], LABELS[1])
    row.offer(IMAGES[:1], LABELS[:1])
    assert row.chosen == (IMAGES[0], LABELS[0])


def test_classes_are_those_of_the_table_or_of_another_layer(row):
    row.offer(IMAGES, LABELS)
    assert offered(row.classes) == ["as the table says", "c", "d"]
    assert row.classes.chosen is None
    row.classes.choose(LABELS[1])
    assert row.classes.chosen is LABELS[1]


def test_each_chooser_says_of_which_pair_it_is_and_names_that_are_cut_off(row):
    row.offer(IMAGES, LABELS)
    row.call(3)
    assert row.number.text() == "3"
    assert row.image.accessibleName() == "Image of pair 3"
    row.image.choose(IMAGES[1])
    assert row.image.toolTip() == "Image of pair 3: b"


def test_classes_are_asked_for_only_where_there_are_any(row):
    window = QWidget()
    row.add_to(QGridLayout(window))
    row.ask_classes(False)
    assert row.classes.isHidden()
    assert not row.labels.isHidden()
    row.ask_classes(True)
    assert not row.classes.isHidden()
    assert all(each.parent() is window for each in row.widgets)
