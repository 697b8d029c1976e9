import shutil
from dataclasses import replace

import numpy as np
import pytest

from napari_tessera.deep.models.library import find_model, models, models_folder
from napari_tessera.deep.settings import Optimisation
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.training import learn_again
from napari_tessera.widgets.training.learn_again import accepted_ids, prediction_of

from ...conftest import squares, tiny_model
from ..conftest import wait

QUICK = Optimisation(epochs=1, steps=2, batch=2, mixed_precision=False)


@pytest.fixture
def own_models(tmp_path, monkeypatch):
    """A folder of models with a tiny one, to which others can be added."""
    made = models_folder() / tiny_model()
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
    shutil.copytree(made, tmp_path / "models" / "cells")


@pytest.fixture
def form(viewer, own_models, form_of):
    viewer.add_image(squares()[0], name="squares", scale=(0.5, 0.5), units=("um", "um"))
    form = form_of("predict")
    form.fields["model"].value = "cells"
    form.learning.optimisation = QUICK
    return form


def put_right(layer):
    """Paint an object bigger, as a person does, and delete another one."""
    first = layer.data.max()
    where = np.argwhere(layer.data == first)
    layer.data_setitem(tuple((where + np.array([0, 1])).clip(0, 95).T), first)
    layer.data_setitem(tuple(np.argwhere(layer.data == 1).T), 0)


def test_predict_correct_learn_again_predict(viewer, form, run):
    layer = run(form)
    old = find_model("cells")
    before = {each.name: each.read_bytes() for each in old.path.iterdir()}
    put_right(layer)
    painted = layer.data.copy()
    form.learning.running.button.click()
    assert form.learning.running.button.text() == "Stop"
    wait(lambda: form.learning.job is None)
    assert form.message.text().startswith("Model 'cells 2' is ready; 'cells' is kept as it was. On")
    assert "On the old validation images: AP " in form.message.text()
    assert form.fields["model"].value == "cells 2"
    assert {each.name: each.read_bytes() for each in old.path.iterdir()} == before
    assert find_model("cells 2").config.training["improved"]["model"] == "cells"
    again = run(form)
    assert again is not layer  # what a person has put right is never replaced
    np.testing.assert_array_equal(layer.data, painted)
    assert prediction_of(again).parameters["model"].startswith("cells 2@")


@pytest.fixture
def learnt(monkeypatch):
    """Keep what is learnt from, in place of learning."""
    seen = []

    def improve(images, labels, **options):
        seen.append((images, labels, options))
        raise ValueError("enough")

    monkeypatch.setattr(learn_again, "improve", improve)
    return seen


def press(form):
    form.learning.running.button.click()
    wait(lambda: form.learning.job is None)


def test_what_was_predicted_is_known_whatever_was_done_since(viewer, form, run, learnt):
    form.fields["threshold"].value = 0.8
    layer = run(form)
    predicted = layer.data.copy()
    put_right(layer)
    layer.features = {"index": [5, 6, 6], "accepted": [True, True, False]}
    press(form)
    (images,), (labels,), options = learnt[0]
    np.testing.assert_array_equal(options["before"], predicted)
    np.testing.assert_array_equal(labels, layer.data)
    np.testing.assert_array_equal(images, viewer.layers["squares"].data)
    assert options["accepted"] == [[5]]
    assert options["model"].startswith("cells@")
    form.learning.learns_from.setCurrentIndex(1)
    press(form)
    assert learnt[1][2]["before"] is None


def test_a_part_is_learnt_with_its_part_of_the_image(viewer, form, run, learnt):
    box = np.array([[10, 20], [10, 79.5], [69.5, 79.5], [69.5, 20]])
    viewer.add_shapes([box], scale=(0.5, 0.5), units=("um", "um"), name="part")
    form.source.value = viewer.layers["squares"]
    form.walk.region.setCurrentText("inside part")
    layer = run(form)
    put_right_in = layer.data == layer.data.max()
    layer.data_setitem(tuple(np.argwhere(put_right_in).T), 0)
    press(form)
    (images,), (labels,), options = learnt[0]
    assert images.shape == labels.shape == options["before"].shape == layer.data.shape


def test_what_is_missing_is_said(viewer, form, run):
    form.learning.running.button.click()
    assert "press Run, put some objects right" in form.message.text()
    run(form)
    press(form)
    assert "labels is as it was predicted, so that there is nothing to learn" in form.message.text()
    viewer.layers.remove("squares")
    form.learning.running.button.click()
    assert "('squares') is needed as one layer" in form.message.text()
    assert [each.name for each in models()] == ["cells"]


def test_stop_keeps_what_is_learnt_so_far(viewer, form, run):
    put_right(run(form))
    form.learning.optimisation = replace(QUICK, epochs=10_000, steps=5)
    form.learning.running.button.click()
    wait(lambda: (models_folder() / "cells 2" / "losses.csv").exists())
    form.learning.running.button.click()
    assert form.message.text() == "Stopping; what is learnt so far is kept ..."
    wait(lambda: form.learning.job is None)
    assert form.message.text().startswith("Model 'cells 2' is ready")
    assert form.learning.running.button.text() == "Learn again"
    assert form.learning.running.button.isEnabled()


def test_it_stands_only_where_a_model_gives_labels(form_of):
    assert form_of("threshold").learning.parts == []
    assert form_of("scores").learning.parts == []
    assert len(form_of("detect").learning.parts) == 2


def test_accepted_means_in_every_plane(viewer):
    layer = viewer.add_labels(np.ones((2, 4, 4), np.uint8))
    assert accepted_ids(layer) == []
    layer.features = {"index": [1, 1, 2, 3], "accepted": [True, False, True, 0]}
    assert accepted_ids(layer) == [2]


def test_colours_are_learnt_from_as_they_are_predicted_from():
    image = np.random.default_rng(0).integers(0, 255, (5, 6, 3)).astype(np.uint8)
    own = replace(Source.of(image, channel_axis=2), rgb=True)
    config = find_model(tiny_model()).config
    found = learn_again._as_seen(own, config)
    assert (found.channel_axis, found.rgb) == (None, False)
    np.testing.assert_array_equal(found.array, image.mean(axis=-1, dtype=np.float32))
    assert learn_again._as_seen(own, replace(config, in_channels=3)) is own
