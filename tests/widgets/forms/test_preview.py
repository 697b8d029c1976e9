import numpy as np
import pytest
from qtpy.QtTest import QTest
from skimage import data

from napari_tessera import apply, threshold, watershed
from napari_tessera.widgets.forms import preview, preview_extent

from ...conftest import squares, tiny_finder, tiny_model
from ..conftest import wait


def same_partition(first, second):
    """Return True if two arrays separate the same pixels, whatever the ids."""
    pairs = np.unique(np.stack([first.ravel(), second.ravel()]), axis=1)
    return all(len(np.unique(side)) == len(side) for side in pairs)


def shown(form):
    return form.preview.layer is not None and form.preview._job is None


def test_it_shows_what_run_will_give(viewer, coins, form_of, run):
    form = form_of("watershed")
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    np.testing.assert_array_equal(form.preview.layer.data, watershed(data.coins()))
    np.testing.assert_allclose(
        form.preview.layer.data_to_world((3, 5)), coins.data_to_world((3, 5))
    )
    assert "objects" in form.message.text()


def test_it_rests_when_nothing_changes(viewer, coins, form_of, monkeypatch):
    form = form_of("threshold")
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    calls = []
    monkeypatch.setattr(form.preview, "_begin", lambda: calls.append(1))
    QTest.qWait(3 * preview.PAUSE_MS)
    assert calls == []
    assert not form.preview._timer.isActive()


def test_it_has_the_units_of_the_image_that_it_is_of(viewer, coins, form_of):
    place = {"scale": (500, 500), "units": ("nm", "nm"), "translate": (3000, 4000)}
    other = viewer.add_image(coins.data, name="same in nm", **place)
    form = form_of("threshold")
    form.source.value = coins
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    layer = form.preview.layer
    form.source.value = other
    wait(lambda: form.preview.layer.units == other.units)
    assert form.preview.layer is layer
    np.testing.assert_allclose(layer.data_to_world((2, 2)), other.data_to_world((2, 2)))


def test_it_is_no_layer_to_choose(viewer, coins, form_of):
    form, other = form_of("threshold"), form_of("label")
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    assert other.source.value is None
    assert form.fields["mask"]._choice.count() == 1
    assert [form.walk.region.itemText(i) for i in range(form.walk.region.count())] == [
        "whole layer",
        "what is shown",
    ]


def test_a_blank_plane_of_a_stack_is_previewed_empty(viewer, stack, form_of, quiet_errors):
    stack.data[2] = 7
    viewer.dims.set_current_step(0, 2)
    form = form_of("threshold")
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    assert not form.preview.layer.data.any()
    assert quiet_errors == []


def test_channels_of_several_stacks_are_previewed(viewer, stack, form_of):
    other = viewer.add_image(255 - stack.data, name="other", scale=stack.scale)
    form = form_of("threshold")
    form.source.value = stack
    form.walk.channels.others.tick(other)
    form.walk.channels.one.setCurrentText("other")
    viewer.dims.set_current_step(0, 1)
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    np.testing.assert_array_equal(form.preview.layer.data[0], threshold(255 - stack.data[1]))


def test_it_follows_the_form_and_goes_with_the_toggle(viewer, coins, form_of):
    form = form_of("threshold")
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    layer = form.preview.layer
    form.fields["method"].value = "li"
    wait(lambda: np.array_equal(layer.data, threshold(data.coins(), method="li")))
    assert form.preview.layer is layer
    assert not layer.editable
    assert len(viewer.layers) == 2
    form.show_preview.setChecked(False)
    assert list(viewer.layers) == [coins]


def test_only_the_last_of_many_requests_is_shown(viewer, coins, form_of):
    form = form_of("threshold")
    form.fields["method"].value = "manual"
    form.show_preview.setChecked(True)
    for level in range(60, 160, 10):
        form.fields["levels"].value = (level,)
        QTest.qWait(5)
    wait(lambda: shown(form))
    np.testing.assert_array_equal(form.preview.layer.data, data.coins() > 150)


def test_it_goes_when_run_starts(viewer, coins, form_of, run):
    form = form_of("threshold")
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    layer = run(form)
    assert [each.name for each in viewer.layers] == ["coins", "coins threshold"]
    assert layer.name == "coins threshold"


def test_it_shows_the_current_plane_and_follows_the_slider(viewer, stack, form_of):
    form = form_of("threshold")
    form.walk.over.setCurrentText("planes")
    viewer.dims.set_current_step(0, 1)
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    np.testing.assert_array_equal(form.preview.layer.data[0], threshold(stack.data[1]))
    np.testing.assert_allclose(form.preview.layer.translate, (2, 0, 0))
    layer = form.preview.layer
    viewer.dims.set_current_step(0, 3)
    wait(lambda: np.array_equal(layer.data[0], threshold(stack.data[3])))
    np.testing.assert_allclose(layer.translate, (6, 0, 0))
    assert form.preview.layer is layer


def test_one_level_for_the_stack_is_previewed_with_that_level(viewer, stack, form_of):
    form = form_of("threshold")
    form.walk.over.setCurrentText("planes")
    form.walk.levels_from.setCurrentIndex(1)
    viewer.dims.set_current_step(0, 0)
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    whole = apply(stack, "threshold", over="planes", levels_from="all").data
    np.testing.assert_array_equal(form.preview.layer.data[0], whole[0])


def test_a_volume_is_previewed_as_a_plane_and_says_so(viewer, stack, form_of):
    form = form_of("watershed")
    form.walk.over.setCurrentText("volume")
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    assert "2-D approximation" in form.message.text()


@pytest.mark.on_screen
@pytest.mark.parametrize("name", ["threshold", "watershed"])
def test_of_a_large_plane_what_is_shown_is_as_run_will_give(viewer, form_of, monkeypatch, name):
    monkeypatch.setattr(preview_extent, "WHOLE_PLANE", 1000)
    image = viewer.add_image(data.coins(), name="image")
    viewer.scene.camera.zoom *= 5
    wait(lambda: image.corner_pixels[1][0] < 250)
    form = form_of(name)
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    layer = form.preview.layer
    assert layer.data.size < data.coins().size
    start = np.rint(image.world_to_data(layer.data_to_world((0, 0)))).astype(int)
    part = tuple(slice(a, a + n) for a, n in zip(start, layer.data.shape, strict=True))
    expected = apply(image, name).data[part]
    assert same_partition(layer.data, expected)


@pytest.mark.on_screen
def test_a_large_plane_seen_from_far_is_thinned(viewer, form_of, monkeypatch):
    monkeypatch.setattr(preview_extent, "WHOLE_PLANE", 1000)
    big = np.kron(data.coins(), np.ones((4, 4), np.uint8))
    image = viewer.add_image(big, name="big")
    viewer.reset_view()
    viewer.scene.camera.zoom = 0.25
    form = form_of("threshold")
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    layer = form.preview.layer
    assert layer.scale.tolist() == [4, 4]
    np.testing.assert_array_equal(
        layer.data, threshold(data.coins())[: layer.data.shape[0], : layer.data.shape[1]]
    )
    assert image.extent.world[1][0] >= layer.extent.world[1][0] - 1


def test_a_layer_drawn_in_3d_is_hidden_for_the_next_preview(viewer, stack, form_of):
    form, other = form_of("threshold"), form_of("watershed")
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    layer = form.preview.layer
    viewer.dims.ndisplay = 3
    wait(lambda: shown(form) and not form.preview._timer.isActive())
    viewer.dims.ndisplay = 2
    form.show_preview.setChecked(False)
    assert list(viewer.layers) == [stack, layer]
    assert not layer.visible
    other.show_preview.setChecked(True)
    wait(lambda: shown(other))
    assert other.preview.layer is layer
    assert (layer.visible, layer.name) == (True, "Preview of watershed")
    assert list(viewer.layers) == [stack, layer]
    other.release()
    assert not layer.visible


def test_deleting_its_layer_unticks_the_box(viewer, coins, form_of):
    form = form_of("threshold")
    form.show_preview.setChecked(True)
    wait(lambda: shown(form))
    viewer.layers.remove(form.preview.layer)
    assert not form.show_preview.isChecked()
    form.fields["method"].value = "li"
    assert not form.preview._timer.isActive()


def test_an_error_is_said_and_the_next_change_tries_again(viewer, coins, form_of):
    form = form_of("watershed")
    form.fields["smoothing"].value = "300 px"
    form.show_preview.setChecked(True)
    wait(lambda: "smoothing is '300 px'" in form.message.text())
    assert list(viewer.layers) == [coins]
    form.fields["smoothing"].value = "2 px"
    wait(lambda: shown(form))


@pytest.mark.parametrize(("method", "model"), [("predict", tiny_model), ("detect", tiny_finder)])
def test_live_each_plane_is_predicted_as_it_is_shown(viewer, form_of, monkeypatch, method, model):
    monkeypatch.setattr(preview, "REST_S", 60)
    film = np.stack([np.roll(squares()[0], 5 * shift, axis=1) for shift in range(12)])
    viewer.add_image(film, name="film")
    form = form_of(method)
    assert form.live.isVisibleTo(form)
    form.walk.over.setCurrentText("planes")
    form.fields["model"].value = model()
    viewer.dims.set_current_step(0, 0)
    form.live.setChecked(True)
    assert form.show_preview.isChecked()
    wait(lambda: shown(form))
    layer = form.preview.layer
    for plane in range(1, 12):  # faster than the network: the latest wins
        viewer.dims.set_current_step(0, plane)
        QTest.qWait(2)
        assert layer.translate[0] == plane  # it stays in sight
    wait(lambda: shown(form) and not form.preview._behind)
    assert form.preview.layer is layer
    expected = apply(viewer.layers["film"], method, model=model(), over="planes").data[11]
    assert same_partition(layer.data[0], expected)
    for plane in (4, 5, 6):
        viewer.dims.set_current_step(0, plane)
        wait(lambda: shown(form))
    assert "planes per second" in form.message.text()
    form.show_preview.setChecked(False)
    assert not form.live.isChecked()
    assert list(viewer.layers) == [viewer.layers["film"]]


def test_live_is_for_networks(viewer, coins, form_of):
    assert not form_of("threshold").live.isVisibleTo(form_of("threshold"))
