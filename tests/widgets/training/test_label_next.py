"""What to label next: found, opened, labelled, trained on."""

import numpy as np
import pytest

pytest.importorskip("torch")

from napari_tessera.deep.models.library import find_model
from napari_tessera.signature.progress import Reporter
from napari_tessera.widgets.forms.call import apply
from napari_tessera.widgets.training.form import TrainingForm
from napari_tessera.widgets.training.label_next import LabelNext

from ...conftest import squares, tiny_model
from ..conftest import wait


@pytest.fixture
def form(viewer):
    made = LabelNext(viewer)
    viewer.window.add_dock_widget(made, name="label next")
    yield made
    made.release()


def found(form):
    form.button.click()
    wait(lambda: form.running.job is None)
    return [
        tuple(form.table.item(row, column).text() for column in range(3))
        for row in range(form.table.rowCount())
    ]


@pytest.fixture
def doubtful(viewer):
    """An image of two planes, and its uncertainty, highest at two places."""
    image, doubt = np.zeros((2, 64, 96), np.uint8), np.zeros((2, 64, 96), np.float32)
    doubt[0, 8:16, 40:48], doubt[1, 40:48, 80:88] = 0.5, 1
    place = {"scale": (2, 0.5, 0.5), "translate": (0, 3, 4), "units": ("um",) * 3}
    return viewer.add_image(image, name="cells", **place), viewer.add_image(
        doubt, name="doubt", **place
    )


def test_regions_are_listed_opened_and_labelled(viewer, doubtful, form):
    image, doubt = doubtful
    form.uncertainty.choose(doubt)
    form.image.choose(image)
    form.side.setValue(8)
    form.count.setValue(2)
    assert found(form) == [("1, 40, 80", "1.000", ""), ("0, 8, 40", "0.500", "")]
    assert not form.train_button.isEnabled()
    form.table.cellClicked.emit(0, 0)
    labels = viewer.layers["cells to label (1, 40, 80)"]
    assert viewer.layers.selection.active is labels
    assert (labels.data.shape, labels.data.max(), labels.mode) == ((1, 8, 8), 0, "paint")
    assert viewer.dims.current_step[0] == 1
    np.testing.assert_allclose(labels.data_to_world((0, 0, 0)), image.data_to_world((1, 40, 80)))
    np.testing.assert_allclose(
        viewer.scene.camera.center[-2:], image.data_to_world((1, 43.5, 83.5))[1:]
    )
    assert form.table.item(0, 2).text() == "ready"
    # a second click goes there again; what is opened is not offered again
    form.table.cellClicked.emit(0, 0)
    assert len(viewer.layers) == 3
    assert found(form)[0] == ("0, 8, 40", "0.500", "")
    viewer.layers.remove(labels)
    assert not form.train_button.isEnabled()
    assert found(form)[0] == ("1, 40, 80", "1.000", "")


def test_regions_begin_with_a_copy_of_labels_and_of_volumes_are_cubes(viewer, doubtful, form):
    image, doubt = doubtful
    own = np.arange(image.data.size, dtype=np.uint16).reshape(image.data.shape)
    labels = viewer.add_labels(own, name="predicted", scale=image.scale, translate=image.translate)
    labels.units = image.units
    form.uncertainty.choose(doubt)
    form.image.choose(image)
    form.begin.choose(labels)
    form.over.choose(3)
    form.side.setValue(8)
    assert found(form)[0][0] == "0, 40, 80"
    form.table.cellClicked.emit(0, 0)
    part = viewer.layers.selection.active
    np.testing.assert_array_equal(part.data, own[:2, 40:48, 80:88])
    part.data[...] = 0
    assert labels.data.max() > 0
    assert part.selected_label == own[1, 47, 87] + 1


def test_nothing_lies_over_what_is_painted(viewer, doubtful, form):
    image, doubt = doubtful
    above = viewer.add_image(image.data, name="above")
    form.uncertainty.choose(doubt)
    form.image.choose(image)
    form.side.setValue(8)
    found(form)
    form.table.cellClicked.emit(0, 0)
    assert viewer.layers[-1] is viewer.layers.selection.active
    assert (doubt.visible, image.visible, above.visible) == (False, True, True)
    assert "hidden meanwhile" in form.message.text()


def test_what_is_labelled_feeds_the_next_training(viewer, form):
    image, truth = squares(seed=7)
    model = tiny_model(kind="classes")
    rgb = viewer.add_image(image, name="cells")
    viewer.add_layer(apply(rgb, "uncertainty", model=model))
    predicted = viewer.add_layer(apply(rgb, "predict", model=model))
    heat = form.uncertainty.chosen
    assert (heat.name, heat.colormap.name) == ("cells uncertainty", "inferno")
    assert (heat.contrast_limits, heat.blending) == ([0, 1], "additive")
    assert form.image.chosen is rgb
    form.begin.choose(predicted)
    form.side.setValue(32)
    form.count.setValue(3)
    rows = found(form)
    assert len(rows) == 3
    assert rows == sorted(rows, key=lambda row: -float(row[1]))
    for row in (0, 1):
        form.table.cellClicked.emit(row, 0)
        region = form.regions[row].region
        viewer.layers.selection.active.data = (truth[region.box] > 0).astype(np.uint8)
    form.train_button.click()
    training = viewer.window._qt_window.findChildren(TrainingForm)[-1]
    assert training.pairs.problem is None
    assert len(training.pairs.pairs) == 2
    for part, labels in training.pairs.pairs:
        region = next(each.region for each in form.opened if each.labels is labels)
        np.testing.assert_array_equal(part.data, image[region.box])
        assert not part.visible
    config = find_model(model).config
    assert training.settings.networks.chosen == config.network
    training.settings.groups["optimisation"].fill({"epochs": 1, "steps": 2, "batch": 2})
    training.settings.name.line.setText("taught more")
    read = training.read()
    assert read.task.network_options["width"] == config.options["width"]
    assert (read.task.kind, read.task.examples.patch) == ("classes", 32)
    assert find_model(read.task.transfer.weights) == find_model(model)
    assert read.run(Reporter()).config.examples == 1  # the other one is validated on
    # once more: no second copies of the parts
    count = len(viewer.layers)
    form.train_button.click()
    assert len(viewer.layers) == count
    training.release()


def test_regions_of_channels_and_of_parts_lie_where_they_are(viewer, form):
    image = np.random.default_rng(0).random((2, 40, 60)).astype(np.float32)
    doubt = np.zeros((20, 30), np.float32)
    doubt[10:18, 20:28] = 1
    channels = viewer.add_image(image, name="cells", scale=(1, 0.5, 0.5))
    of = viewer.add_image(doubt, name="doubt", scale=(0.5, 0.5), translate=(10, 5))
    form.uncertainty.choose(of)
    form.image.choose(channels)
    form.side.setValue(8)
    form.count.setValue(1)
    assert found(form) == [("30, 30", "1.000", "")]
    form.table.cellClicked.emit(0, 0)
    labels = viewer.layers.selection.active
    assert labels.data.shape == (8, 8)
    np.testing.assert_allclose(labels.data_to_world((0, 0)), (15, 15))


def test_what_does_not_fit_is_said(viewer, doubtful, form):
    image, doubt = doubtful
    form.uncertainty.choose(doubt)
    form.image.choose(doubt)
    form.button.click()
    assert form.message.text().startswith("uncertainty is missing")
    doubt.scale = (2, 0.25, 0.25)
    form.image.choose(image)
    form.button.click()
    assert "the pixels of layer 'doubt' are not those of image 'cells'" in form.message.text()
    doubt.scale, doubt.translate = image.scale, (0, -3, 4)
    form.button.click()
    assert "layer 'doubt' reaches beyond image 'cells'" in form.message.text()
    flat = viewer.add_image(np.zeros((1, 1, 2, 64, 96)), name="more")
    form.image.choose(flat)
    form.button.click()
    assert "layer 'doubt' has 3 axes but image 'more' has 5" in form.message.text()
