"""The live layer: what it looks at, what it draws, and that it never holds the viewer up."""

import time

import numpy as np
import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from napari_tessera.pipeline.live import steps as live_steps
from napari_tessera.pipeline.live.live_labels import LiveLabels
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.layers.geometry import geometry
from napari_tessera.widgets.layers.to_source import is_preview, source
from napari_tessera.widgets.live.live_array import levels_of_layer
from napari_tessera.widgets.live.live_layer import LiveLayer, StandingLevel, looked_at
from napari_tessera.widgets.napari_private import shown_labels

from ..conftest import wait

RECIPE = Recipe("threshold", {"method": "manual", "levels": (60.0,)})


@pytest.fixture
def said():
    return []


@pytest.fixture
def up(viewer, said):
    parent = QWidget()
    layer = LiveLayer(viewer, said.append, parent)
    yield layer
    layer.clear()
    parent.deleteLater()


def put(up, on, recipe=RECIPE):
    own = source(on)
    labels = LiveLabels(levels_of_layer(on, own), recipe)
    up.put(labels, on, name="live", **geometry(on, (0,) * on.ndim))
    return labels


def there(up):
    """Return True when all is drawn that is looked at."""
    status = None if up.labels is None else up.labels.status
    return status is not None and 0 < status.blocks == status.done and not up.labels.is_busy


def boxes(looked):
    level, box = looked
    return level, [(part.start, part.stop) for part in box]


@pytest.mark.on_screen
def test_what_is_looked_at_appears_while_the_viewer_goes_on(viewer, pyramid, up):
    on, images = pyramid
    viewer.scene.camera.zoom = 2
    viewer.scene.camera.center = (2048, 2048)
    images[0].gate.clear()
    put(up, on)
    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start(5)
    wait(lambda: up.labels.status.blocks and up.labels.is_busy and len(ticks) > 100)
    # threads are held up, and nobody waits for them
    assert up.labels.status.done == 0
    assert not shown_labels(up.layer).any()
    images[0].gate.set()
    wait(lambda: there(up) and shown_labels(up.layer).any())
    timer.stop()
    level, box = looked_at(viewer, up.layer)
    assert level == up.layer.data_level == 0
    truth = np.asarray(images[0][box]) > 60
    wait(lambda: shown_labels(up.layer).shape == truth.shape
         and np.array_equal(shown_labels(up.layer), truth))  # fmt: skip
    assert images[1].boxes == images[2].boxes == []
    assert len(images[0].boxes) < 128  # of 256 chunks


@pytest.mark.on_screen
def test_no_step_of_it_takes_long(viewer, pyramid, up):
    on, _ = pyramid
    viewer.scene.camera.zoom = 1
    viewer.scene.camera.center = (2048, 2048)
    put(up, on)
    tick, took = up.tick, []

    def timed():
        began = time.thread_time()
        tick()
        took.append(time.thread_time() - began)

    up._timer.timeout.disconnect()
    up._timer.timeout.connect(timed)
    wait(lambda: there(up) and shown_labels(up.layer).any())
    assert max(took) < 0.05


@pytest.mark.on_screen
def test_zoomed_out_the_smaller_levels_are_worked_on(viewer, pyramid, up):
    on, images = pyramid
    viewer.reset_view()
    viewer.scene.camera.zoom = 0.02
    put(up, on)
    wait(lambda: up.layer.data_level == 2 and there(up))
    # napari has read the coarsest level when it was empty, and keeps what it has read
    wait(lambda: np.array_equal(shown_labels(up.layer), np.asarray(images[2]) > 60))
    assert images[0].boxes == images[1].boxes == []


@pytest.mark.on_screen
def test_another_plane_is_another_place(viewer, slow, up):
    image = slow(6, 300, 300)
    on = viewer.add_image(image, name="stack")
    viewer.dims.set_current_step(0, 2)
    put(up, on)
    wait(lambda: there(up) and shown_labels(up.layer).any())
    assert boxes(looked_at(viewer, up.layer))[1][0] == (2, 3)
    planes = {box[0].start for box in image.boxes}
    assert planes == {1, 2, 3}
    viewer.dims.set_current_step(0, 5)
    wait(lambda: boxes(looked_at(viewer, up.layer))[1][0] == (5, 6) and there(up))
    wait(lambda: shown_labels(up.layer).any())


@pytest.mark.on_screen
def test_volumes_are_looked_at_as_a_whole_and_from_the_side(viewer, slow, up):
    on = viewer.add_image(slow(12, 60, 80), name="volume", axis_labels=("z", "y", "x"))
    put(up, on)
    viewer.dims.ndisplay = 3
    wait(lambda: boxes(looked_at(viewer, up.layer)) == (0, [(0, 12), (0, 60), (0, 80)]))
    wait(lambda: there(up) and shown_labels(up.layer).any())
    viewer.dims.ndisplay = 2
    viewer.dims.order = (1, 0, 2)
    viewer.dims.set_current_step(1, 30)
    wait(lambda: boxes(looked_at(viewer, up.layer))[1][1] == (30, 31))
    wait(lambda: there(up))


def test_nothing_is_looked_at_where_nothing_is_shown(viewer, slow, up):
    on = viewer.add_image(slow(6, 60, 60), name="stack")
    viewer.add_image(np.zeros((20, 60, 60)))
    put(up, on)
    assert looked_at(viewer, up.layer) is not None
    viewer.dims.set_current_step(0, 15)
    assert looked_at(viewer, up.layer) is None
    viewer.dims.set_current_step(0, 3)
    up.layer.visible = False
    assert looked_at(viewer, up.layer) is None
    up.tick()
    assert up.labels.status.blocks == 0


def test_nobody_edits_it_or_takes_it_for_a_result(viewer, slow, up):
    on = viewer.add_image(slow(300, 300), name="image")
    put(up, on)
    assert not up.layer.editable
    assert is_preview(up.layer)
    assert "freeze" in up.layer.help
    assert viewer.layers.selection.active is on
    with pytest.raises(ValueError, match="freeze them to disk"):
        up.layer.data[2:4] = 1


def test_how_far_it_is_is_said_once(viewer, slow, up, said):
    put(up, viewer.add_image(slow(300, 300), name="image"))
    wait(lambda: there(up))
    wait(lambda: said[-1].done == said[-1].blocks)
    assert len(said) == len(set(said))


def test_when_it_goes_its_threads_go(viewer, slow, up):
    image = slow(300, 300)
    image.gate.clear()
    labels = put(up, viewer.add_image(image, name="image"))
    up.tick()
    assert labels.is_busy
    up.clear()
    assert [each.name for each in viewer.layers] == ["image"]
    image.gate.set()
    assert labels.wait(30)
    labels.look_at(0, (slice(0, 9), slice(0, 9)))
    assert not labels.is_busy


def test_other_labels_take_its_place(viewer, slow, up):
    on = viewer.add_image(slow(300, 300), name="image")
    first = put(up, on)
    layer = up.layer
    second = put(up, on, Recipe("threshold", {"method": "manual", "levels": (100.0,)}))
    assert up.layer is layer
    assert len(viewer.layers) == 2
    wait(lambda: there(up) and shown_labels(layer).any())
    assert first is not second
    assert not first.is_busy
    np.testing.assert_array_equal(shown_labels(layer), np.asarray(on.data) > 100)


def test_classes_have_their_colours(viewer, slow, up):
    put(up, viewer.add_image(slow(100, 100), name="image"))
    assert up.layer.data.dtype == np.uint8


def test_the_coarsest_level_is_filled_where_napari_has_it(monkeypatch):
    monkeypatch.setattr(live_steps, "BLOCK", 400)
    labels = LiveLabels([Source.of(np.eye(40) * 100)], RECIPE)
    level = StandingLevel(labels.levels[0])
    kept = np.asarray(level)
    labels[()]
    assert labels.wait(30)
    assert not kept.any()
    level.fill()
    np.testing.assert_array_equal(kept, np.eye(40))
    assert np.asarray(level[3, 3]) == 1
    assert (level.shape, level.ndim, level.size) == ((40, 40), 2, 1600)
    with pytest.raises(ValueError, match="freeze them to disk"):
        level[0] = 1
