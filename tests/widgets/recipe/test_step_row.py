import numpy as np
import pytest

from napari_tessera import step
from napari_tessera.widgets.recipe.step_row import TO_RUN, StepRow


@pytest.fixture
def stack(viewer):
    return viewer.add_image(np.arange(480.0).reshape(4, 10, 12), name="stack")


def test_fields_are_made_when_they_are_shown(viewer):
    row = StepRow(0, step("threshold", smoothing="2 px"), viewer, None)
    assert row.fields is None
    assert row.words.text() == "smoothing 2 px"
    row.title.setChecked(True)
    assert row.fields["smoothing"].value == "2 px"
    assert row.rows.isVisibleTo(row)
    assert not row.words.isVisibleTo(row)
    row.title.setChecked(False)
    assert row.words.isVisibleTo(row)


def test_a_change_asks_for_what_has_a_meaning_by_it(viewer, stack):
    row, heard = StepRow(0, step("threshold"), viewer, None), []
    row.title.setChecked(True)
    row.fit_layer(stack, stack.data.ravel())
    row.changed.connect(heard.append)
    row.fields["method"].value = "manual"
    assert heard[-1] == "method"
    asked = row.asked_of("method")
    assert asked["method"] == "manual"
    assert 0 < asked["levels"][0] < 480
    assert "window" not in asked


def test_levels_beyond_the_image_stay_as_they_are(viewer, stack):
    own = step("threshold", method="manual", levels=(900.0,))
    row = StepRow(0, own, viewer, None)
    row.title.setChecked(True)
    row.fit_layer(stack, stack.data.ravel())
    assert row.fields["levels"].value == (900.0,)


def test_planes_or_volumes_are_asked_for_where_there_are_several(viewer, stack):
    row = StepRow(1, step("label"), viewer, "cells")
    row.title.setChecked(True)
    plane = viewer.add_image(np.ones((5, 6)))
    row.fit_layer(plane, None)
    assert not row.walk.over.isVisibleTo(row)
    row.fit_layer(stack, None)
    assert row.walk.over.isVisibleTo(row)
    assert row.walk.join.isVisibleTo(row)
    row.walk.over.choose("volume")
    assert row.walked_as == {"over": "volume", "levels_from": "each", "join": False}


def test_what_has_to_be_run_is_told_from_what_was(viewer):
    row = StepRow(0, step("threshold"), viewer, None)
    row.show_state(TO_RUN)
    assert row.state.font().italic()
    row.show_state("2 objects, 1 s")
    assert not row.state.font().italic()
