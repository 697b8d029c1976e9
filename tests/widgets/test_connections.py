from psygnal import Signal

from napari_tessera.widgets.connections import Connections


class Layer:
    data, name = Signal(int), Signal(int)


def test_what_is_connected_ends_together():
    layer, heard, other = Layer(), [], []
    connections = Connections()
    connections.add(heard.append, layer.data, layer.name)
    connections.add(other.append, layer.name)
    layer.data.emit(1)
    layer.name.emit(2)
    assert (heard, other) == ([1, 2], [2])
    connections.end()
    layer.data.emit(3)
    layer.name.emit(4)
    assert (heard, other) == ([1, 2], [2])
    assert (len(layer.data), len(layer.name)) == (0, 0)


def test_it_can_be_used_again_and_ended_twice():
    layer, heard, connections = Layer(), [], Connections()
    connections.end()
    connections.add(heard.append, layer.data)
    layer.data.emit(5)
    connections.end()
    connections.end()
    assert heard == [5]


def test_connections_of_others_stay():
    layer, heard, connections = Layer(), [], Connections()
    layer.data.connect(heard.append)
    connections.add(lambda value: None, layer.data)
    connections.end()
    layer.data.emit(1)
    assert heard == [1]
