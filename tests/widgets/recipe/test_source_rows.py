import numpy as np
import pytest
from qtpy.QtWidgets import QLabel
from skimage import data

from napari_tessera import METHODS, apply, step
from napari_tessera.pipeline.source import Region
from napari_tessera.pipeline.walk import Walk
from napari_tessera.widgets.layers.features import recipe_of
from napari_tessera.widgets.recipe.source_rows import KEPT, SourceRows


@pytest.fixture
def rows(viewer):
    viewer.add_image(np.ones((6, 8)), name="cells")
    return SourceRows(viewer, QLabel())


def fit(rows, first):
    rows.fit_recipe(first, METHODS[first.method])
    return first


def test_nothing_to_run_on_is_said(viewer):
    rows = SourceRows(viewer, QLabel())
    with pytest.raises(ValueError, match="the image is missing; open a file or a sample with an"):
        rows.ground(step("threshold"))
    with pytest.raises(ValueError, match="with a Labels layer"):
        rows.ground(step("label"))


def test_what_the_first_step_takes_is_offered(viewer, rows):
    mask = viewer.add_labels(np.ones((6, 8), int), name="mask")
    rows.list_layers()
    assert rows.layer.value.name == "cells"
    first = fit(rows, step("label"))
    assert rows.layer.value is mask
    assert rows.ground(first).source.array is mask.data
    assert not rows.channels.axis.isVisibleTo(rows)


def test_channels_are_those_of_the_recipe(viewer, rows):
    stack = viewer.add_image(data.astronaut()[:20, :30], name="channels", rgb=False)
    first = fit(rows, recipe_of(apply(stack, "threshold", channel_axis=2, channel=1)))
    assert rows.layer.value is stack
    ground = rows.ground(first)
    assert (ground.source.channel_axis, ground.source.channel) == (2, 1)
    assert (ground.first.channel_axis, ground.first.channel) == (2, 1)
    # another layer without that axis is worked on as a whole
    plain = rows.ground_on(viewer.layers["cells"], first)
    assert (plain.source.channel_axis, plain.first.channel) == (None, None)
    other = viewer.add_image(data.astronaut()[:10, :10], name="other", rgb=False)
    assert rows.ground_on(other, first).source.channel_axis == 2


def test_layers_that_were_channels_are_ticked(viewer, rows):
    two = [viewer.add_image(np.arange(36.0).reshape(6, 6) * n, name=f"c{n}") for n in (1, 2)]
    rows.list_layers()
    first = fit(rows, recipe_of(apply(two, "kmeans")))
    assert rows.layer.value is two[0]
    assert rows.channels.others.chosen == [two[1]]
    assert rows.ground(first).source.parts == ("c1", "c2")


def test_a_region_is_kept_or_chosen_anew(viewer, rows):
    first = fit(rows, step("threshold", Walk(region=Region((1, 1), (4, 4)))))
    assert rows.region.chosen == KEPT
    assert rows.ground(first).first.region == {"start": [1, 1], "stop": [4, 4]}
    rows.region.choose("whole layer")
    assert rows.ground(first).first.region is None
    box = viewer.add_shapes([[[1, 1], [1, 3], [3, 3], [3, 1]]], name="box")
    rows.list_layers()
    rows.region.choose(box)
    ground = rows.ground(first)
    assert ground.first.region is None
    assert (ground.later().start, ground.later().stop) == ((1, 1), (4, 4))


def test_other_choices_are_told(viewer, rows):
    heard = []
    rows.changed.connect(lambda: heard.append(rows.state))
    before = rows.state
    viewer.add_image(np.ones((6, 8)), name="wing")
    rows.list_layers()
    rows.layer.value = viewer.layers["wing"]
    rows.region.choose("what is shown")
    assert before not in heard
    assert heard[-1] == rows.state


def test_a_first_step_in_place_of_another_leaves_what_was_chosen(viewer, rows):
    viewer.add_image(data.astronaut()[:20, :30], name="face", rgb=True)
    rows.list_layers()
    fit(rows, step("threshold"))
    rows.layer.value = viewer.layers["face"]
    rows.channels.one.choose(2)
    other = step("kmeans")
    rows.take_first(other, METHODS["kmeans"])
    assert rows.channels.one.chosen == 2
    assert rows.ground(other).source.channel == 2
