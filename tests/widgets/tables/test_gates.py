"""What is dragged over in a plot, as a filter and as a step."""

import numpy as np
import pytest

from napari_tessera import apply
from napari_tessera.widgets.plugin.menu import open_form
from napari_tessera.widgets.tables.gates import Gates

from ..conftest import wait


@pytest.fixture
def image(viewer):
    random = np.random.default_rng(0)
    pixels = random.normal(10, 1, (60, 90)).astype(np.float32)
    for number, (y, x) in enumerate(np.ndindex(2, 3)):
        pixels[30 * y + 5 : 30 * y + 15 + number, 30 * x + 5 : 30 * x + 20] += 100 + 20 * number
    return viewer.add_image(pixels, name="image")


@pytest.fixture
def form(viewer, image):
    labels = apply(image, "watershed", smoothing="2 px")
    viewer.add_layer(apply(labels, "measure", image=image))
    form = open_form(viewer, "explore_table")
    assert isinstance(form.gates, Gates)
    form.kind.choose(2)
    form.across.choose("area")
    form.up.choose("mean")
    yield form
    form.release()


def test_what_was_dragged_over_is_a_filter_and_a_step(viewer, image, form):
    form.gates.filter_button.click()
    assert form.message.text() == "Drag over values in the plot first."
    form.gates.objects_button.click()
    assert form.message.text().startswith("Write a filter, or drag over values in a plot")
    bright = int((form.model.table["mean"] > 170).sum())
    assert 0 < bright < len(form.model.rows)
    form.gates.lasso.setChecked(True)
    form.plot.enclose(np.array([[0, 170], [1000, 170], [1000, 900], [0, 900]]))
    assert len(form.table.chosen) == bright
    form.gates.filter_button.click()
    assert len(form.model.rows) == bright
    assert form.filter.text().startswith("area, mean in [0 170, 1000 170")
    form.plot.brush((160, 0), (1000, 1000))
    form.gates.filter_button.click()
    assert " and area >= 160 and " in form.filter.text()
    kept = set(form.model.shown["index"].tolist())
    form.gates.objects_button.click()
    step = next(w for n, w in viewer.window.dock_widgets.items() if n.startswith("Filter objects"))
    assert step.source.value is form.source.value
    assert step.fields["image"].value is image
    step.run_button.click()
    wait(lambda: step.job is None)
    assert set(np.unique(step.results.latest.data)) - {0} == kept
    step.release()


def test_the_lasso_is_offered_for_two_columns(form):
    assert not form.gates.lasso.isHidden()
    form.kind.choose(1)
    assert form.gates.lasso.isHidden()
    assert not form.gates.filter_button.isHidden()
    form.kind.choose(0)
    assert form.gates.filter_button.isHidden()
