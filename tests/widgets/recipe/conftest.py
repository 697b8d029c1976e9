import numpy as np
import pytest

from napari_tessera import Recipe, step
from napari_tessera.widgets.recipe.form import RecipeForm

from ..conftest import wait

IMAGE = np.zeros((40, 50), np.uint8)
IMAGE[4:12, 5:13], IMAGE[20:30, 22:32], IMAGE[34:37, 4:7] = 120, 160, 200


def squares():
    """Return the recipe that finds squares, leaves small ones out and measures the others."""
    return Recipe.chain(
        step("threshold", method="manual", levels=(50.0,)),
        step("label"),
        step("filter_objects", min_diameter="5 px"),
        step("measure", image="image"),
    )


@pytest.fixture
def image(viewer):
    return viewer.add_image(IMAGE.copy(), name="cells", scale=(0.5, 0.5), units=("um", "um"))


@pytest.fixture
def form(viewer, image, tmp_path):
    """The form, docked, with the recipe of squares opened from a file."""
    squares().save(tmp_path / "squares.json")
    form = RecipeForm(viewer)
    viewer.window.add_dock_widget(form, name="Recipe")
    form.choice.open(tmp_path / "squares.json")
    yield form
    form.release()


def press(form, button=None):
    """Press a button that runs something, and wait for its end."""
    (form.running.button if button is None else button).click()
    wait(lambda: form.running.job is None and form.applying.job is None)


def states(form):
    return [row.state.text().split(",")[0] for row in form.steps.rows]


def titles(form):
    return [row.title.text() for row in form.steps.rows]
