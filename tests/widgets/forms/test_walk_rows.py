import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QLabel

from napari_tessera import METHODS
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.pipeline.source import Region
from napari_tessera.pipeline.walk import Walk
from napari_tessera.widgets.forms.region import PLANE
from napari_tessera.widgets.forms.walk_rows import WalkRows
from napari_tessera.widgets.qt.rows import Rows


@pytest.fixture
def rows_of(qapp):
    """Return a function that makes the rows of a method for a layer."""
    kept = []

    def make(method, layer, viewer):
        rows, told = Rows(), []
        own = WalkRows(METHODS[method], viewer)
        own.add_to(rows, lambda *_: told.append(1))
        own.fill(layer)
        own.show_rows(layer)
        told.clear()
        kept.append(rows)
        return own, rows, told

    return make


def shown(rows):
    """Return the titles of the rows that are shown."""
    return [each.text() for each in rows.findChildren(QLabel) if not each.isHidden()]


@pytest.mark.parametrize(
    ("method", "shape", "titles"),
    [
        ("threshold", (20, 30), ["Region"]),
        ("threshold", (4, 20, 30), ["Channel axis", "Work on", "Region", "Automatic from"]),
        ("watershed", (4, 20, 30), [
            "Channel axis", "Work on", "Region", "Automatic from", "Across planes",
        ]),
        ("canny", (4, 20, 30), ["Channel axis", "Region", "Automatic from"]),
    ],
)  # fmt: skip
def test_rows_are_shown_that_have_a_choice_to_offer(rows_of, method, shape, titles):
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros(shape))
    assert shown(rows_of(method, layer, viewer)[1]) == titles


@pytest.mark.parametrize(
    ("method", "titles"),
    [
        ("fill_holes", ["Work on", "Region", "Refine", "Result"]),
        ("relabel", ["Work on", "Result"]),
        ("measure", ["Work on", "Region"]),
        ("label", ["Work on", "Region", "Across planes"]),
    ],
)
def test_labels_have_no_channels_but_may_be_refined(rows_of, method, titles):
    viewer = ViewerModel()
    layer = viewer.add_labels(np.zeros((4, 20, 30), int))
    assert shown(rows_of(method, layer, viewer)[1]) == titles


def test_what_is_chosen_is_a_walk(rows_of):
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((4, 20, 30)))
    viewer.dims.set_current_step(0, 2)
    own, _, told = rows_of("watershed", layer, viewer)
    source, cache = own.source(layer), Cache()
    assert own.call(layer, source, {}, cache).walk == Walk("planes")
    own.levels_from.choose("all")
    own.join.setChecked(True)
    own.region.choose(PLANE)
    assert len(told) == 3
    call = own.call(layer, source, {"a": 1}, cache)
    region = Region((2, 0, 0), (3, 20, 30))
    assert call.walk == Walk("planes", "all", join=True, region=region)
    assert (call.values, call.cache, call.in_place) == ({"a": 1}, cache, False)
    own.reset()
    assert own.call(layer, source, {}, cache).walk == Walk("planes")


@pytest.mark.parametrize("method", ["canny", "contours"])
def test_methods_of_planes_go_through_no_volumes(rows_of, method):
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((4, 20, 30)), axis_labels=("z", "y", "x"))
    own, _, _ = rows_of(method, layer, viewer)
    own.over.choose("volume")
    own.levels_from.choose("all")
    levels = "all" if METHODS[method].cut.statistics else "each"
    assert own.call(layer, own.source(layer), {}, Cache()).walk == Walk("planes", levels)


def test_a_region_that_takes_time_is_found_out_later(rows_of):
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((20, 30)))
    drawn = viewer.add_shapes(np.array([[2, 2], [2, 7], [7, 7], [7, 2]]), name="drawn")
    own, _, _ = rows_of("threshold", layer, viewer)
    own.region.choose(drawn)
    call = own.call(layer, own.source(layer), {}, Cache())
    assert call.walk.region is None
    assert (call.later().start, call.later().stop) == ((2, 2), (8, 8))


def test_the_layer_itself_or_one_label_of_it_is_refined(rows_of):
    viewer = ViewerModel()
    layer = viewer.add_labels(np.eye(6, dtype=int))
    own, _, _ = rows_of("fill_holes", layer, viewer)
    own.refining.into.choose("this")
    own.refining.only.choose("selected")
    layer.selected_label = 1
    call = own.call(layer, own.source(layer), {}, Cache())
    assert (call.in_place, call.walk.only) == (True, (1,))


def test_layers_that_come_later_are_offered(rows_of):
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((20, 30)))
    own, _, _ = rows_of("threshold", layer, viewer)
    assert own.channels.others.offered == 0
    viewer.add_image(np.zeros((20, 30)))
    drawn = viewer.add_shapes(np.array([[2, 2], [2, 7], [7, 7], [7, 2]]), name="drawn")
    own.list_layers(layer)
    assert own.channels.others.offered == 1
    own.region.choose(drawn)
    assert own.region.currentText() == "inside drawn"
