"""Marks along what the mouse has drawn."""

from napari_tessera.widgets.picking.paths import MOST, corners, spaced


def test_a_long_stroke_has_few_marks_from_end_to_end():
    path = [(0.0, float(x)) for x in range(500)]
    found = spaced(path)
    assert len(found) == MOST
    assert found[0] == path[0]
    assert found[-1] == path[-1]


def test_a_box_is_closed_and_keeps_its_plane():
    assert corners([(4.0, 9.0, 8.0), (4.0, 2.0, 3.0)])[0] == (4.0, 9.0, 8.0)
    assert {corner[0] for corner in corners([(4.0, 9.0, 8.0), (5.0, 2.0, 3.0)])} == {4.0}
