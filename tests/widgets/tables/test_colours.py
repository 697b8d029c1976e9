import numpy as np

from napari_tessera.widgets.tables.colours import UNKNOWN, ColumnColours


def test_numbers_go_from_dark_to_bright_and_the_key_says_which():
    found = ColumnColours.of(np.array([5.0, np.nan, 15.0, 10.0]))
    assert found.numbers.tolist() == [1, UNKNOWN, 200, 100 + 1]
    assert (found.colours[1], found.colours[200]) == ("#440154", "#fde725")
    assert found.key.startswith("5&nbsp;<span")
    assert "&nbsp;15 " in found.key
    assert found.key.endswith("not known")


def test_one_value_and_none_have_colours_too():
    assert ColumnColours.of(np.array([3, 3])).numbers.tolist() == [1, 1]
    nothing = ColumnColours.of(np.array([np.nan]))
    assert nothing.numbers.tolist() == [UNKNOWN]
    assert "not known" in nothing.key


def test_words_have_a_colour_each_and_are_shown_as_written():
    found = ColumnColours.of(np.array(["b", "<a>", None, "b"], object))
    assert found.numbers.tolist() == [2, 1, UNKNOWN, 2]
    assert "&lt;a&gt;" in found.key
    many = ColumnColours.of(np.arange(300).astype(str).astype(object))
    assert 1 <= many.numbers.min() < many.numbers.max() == UNKNOWN - 1
    assert "and 292 more" in many.key
    assert ColumnColours.of(np.array([True, False])).numbers.tolist() == [2, 1]
