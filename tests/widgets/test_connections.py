"""Callbacks that end together."""

from psygnal import Signal

from napari_tessera.widgets.connections import Connections


class Bell:
    rung = Signal()
    struck = Signal()


def test_what_is_connected_ends_by_one_call():
    bell, heard, own = Bell(), [], Connections()
    own.add(lambda: heard.append(1), bell.rung, bell.struck)
    bell.rung.emit()
    bell.struck.emit()
    assert heard == [1, 1]
    own.end()
    bell.rung.emit()
    assert heard == [1, 1]
    own.end()  # once more does no harm
    own.add(lambda: heard.append(2), bell.rung)  # and it can be used again
    bell.rung.emit()
    assert heard == [1, 1, 2]
