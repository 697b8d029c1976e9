import numpy as np
import pytest

from napari_tessera.widgets.qt.choice import Choice, Several


class Same:
    """Equal to everything, as a layer or an array may be."""

    def __eq__(self, other):
        return np.ones(2, bool)

    __hash__ = None


@pytest.fixture
def choice(qapp):
    own = Choice("Things")
    own.offer([("one", 1), ("two", "b"), ("three", 3)])
    return own


def test_the_first_is_chosen_until_another_is(choice):
    assert choice.chosen == 1
    choice.choose("b")
    assert choice.chosen == "b"
    choice.choose("never offered")
    assert choice.chosen == 1


def test_what_was_chosen_stays_and_a_change_is_told_once(choice):
    told = []
    choice.choose("b")
    choice.currentIndexChanged.connect(told.append)
    choice.offer([("zero", 0), ("two", "b")])
    assert (choice.chosen, told) == ("b", [])
    choice.offer([("zero", 0)])
    assert (choice.chosen, told) == (0, [0])
    choice.offer([])
    assert choice.chosen is None


def test_objects_are_the_same_only_if_they_are_one(choice):
    first, second = Same(), Same()
    choice.offer([("first", first), ("second", second)])
    choice.choose(second)
    assert choice.chosen is second


def test_any_number_can_be_ticked_and_stays_so(qapp):
    own, told, (a, b, c) = Several("Others"), [], (Same(), Same(), Same())
    own.changed.connect(lambda: told.append([each is b for each in own.chosen]))
    own.offer([("a", a), ("b", b), ("c", c)])
    assert (own.text(), own.chosen, own.offered) == ("none", [], 3)
    own.tick(c)
    own.tick(b)
    assert own.text() == "b, c"
    assert told == [[False], [True, False]]
    own.offer([("b", b), ("a", a)])
    assert (own.text(), own.offered) == ("b", 2)
    assert told[2:] == [[True]]
    own.tick(b, on=False)
    assert own.text() == "none"


def test_what_is_cut_off_ends_in_dots(choice):
    choice.offer([("a title that is much too long for the box", 1), ("short", 2)])
    choice.resize(100, choice.sizeHint().height())
    assert choice.shown.startswith("a title")
    assert choice.shown.endswith("\u2026")
    choice.choose(2)
    assert choice.shown == "short"
