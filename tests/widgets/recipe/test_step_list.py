import pytest

from napari_tessera import step
from napari_tessera.widgets.recipe.step_list import StepList

from .conftest import squares


@pytest.fixture
def steps(viewer):
    steps = StepList(viewer)
    steps.show_steps(squares().steps, "cells")
    return steps


def test_what_was_unfolded_stays_so(steps):
    steps.rows[2].title.setChecked(True)
    steps.show_steps(squares().with_parameters(2, min_diameter="8 px").steps, "cells")
    assert [row.title.isChecked() for row in steps.rows] == [False, False, True, False]
    assert steps.rows[2].fields["min_diameter"].value == "8 px"
    steps.show_steps([step("label")], "cells")
    assert [row.title.isChecked() for row in steps.rows] == [False]


def test_buttons_tell_of_their_step(steps):
    moved, out, unfolded = [], [], []
    steps.moved.connect(lambda *each: moved.append(each))
    steps.taken_out.connect(out.append)
    steps.unfolded.connect(unfolded.append)
    steps.rows[2].up.click()
    steps.rows[1].down.click()
    steps.rows[3].out.click()
    steps.rows[0].title.click()
    assert (moved, out, unfolded) == ([(2, 1), (1, 2)], [3], [0])


def test_fields_and_walks_tell_of_their_step(steps):
    changed, walked = [], []
    steps.changed.connect(lambda *each: changed.append(each))
    steps.walked.connect(walked.append)
    for row in steps.rows[:2]:
        row.title.setChecked(True)
    steps.rows[0].fields["smoothing"].value = "2 px"
    steps.rows[1].walk.over.choose("volume")
    assert (0, "smoothing") in changed
    assert walked == [1]
