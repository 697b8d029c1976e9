import shutil
from dataclasses import replace

import numpy as np
import pytest

from napari_tessera.deep.data.kept_examples import REPLAY, VALIDATION, read_examples
from napari_tessera.deep.models.library import Folder, find_model, models, models_folder
from napari_tessera.deep.settings import NO_AUGMENTATION, Examples, Objective, Optimisation
from napari_tessera.deep.training.improve import improve
from napari_tessera.deep.training.train import train
from napari_tessera.methods.deep.predict import predict
from napari_tessera.metrics.matching import average_precision
from napari_tessera.signature.progress import Stop

from ...conftest import one_thread, squares, tiny_model

SMALL = {"depth": 2, "width": 1 / 8}
QUICK = Optimisation(epochs=1, steps=2, batch=2)
LONGER = Optimisation(
    epochs=1, steps=80, batch=4, learning_rate=0.01, averaging=0.8, mixed_precision=False
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An own folder of models."""
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def good(tmp_path, monkeypatch):
    """A model that finds bright squares, in an own folder."""
    made = models_folder() / tiny_model()
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
    shutil.copytree(made, tmp_path / "models" / "cells")
    return find_model("cells")


def trained(model="cells", keep=True):
    """Train a model in no time, which knows nothing yet."""
    image, labels = squares()
    return train(
        image,
        labels,
        model=model,
        optimisation=QUICK,
        options=SMALL,
        augmentation=NO_AUGMENTATION,
        examples=Examples(patch=32, keep_examples=keep, low=2),
        objective=Objective("dice"),
    )


def test_a_new_model_learns_what_was_put_right_and_the_old_one_stays(good):
    (image, labels), old = squares(), good
    before = {each.name: each.read_bytes() for each in old.path.iterdir()}
    dark = 255 - image  # of such images it knows nothing
    as_predicted = predict(dark, model="cells")
    assert average_precision(labels, as_predicted, 0.5) < 0.2
    with one_thread():
        made = improve(dark, labels, model="cells", before=as_predicted, optimisation=LONGER)
    assert made.model.name == "cells 2"
    assert {each.name: each.read_bytes() for each in old.path.iterdir()} == before
    assert average_precision(labels, predict(dark, model="cells 2"), 0.5) > 0.6
    assert made.on_corrections.before < 0.2
    assert made.on_corrections.after > 0.4
    own, kept = made.model.config, old.config
    for name in ("network", "options", "thresholds", "normalise", "low", "high", "diameter"):
        assert getattr(own, name) == getattr(kept, name), name
    assert own.training["improved"] == {"model": "cells", "weights": kept.weights, "examples": 1}
    assert own.training["augmentation"] == kept.training["augmentation"]
    assert "improved model: cells" in (made.model.path / "card.md").read_text()
    # the examples that tell whether it got worse go along, for the next time
    assert (made.model.path / VALIDATION).read_bytes() == before[VALIDATION]
    # and what was put right is learnt along from now on
    new, known = read_examples(made.model.path / REPLAY)
    assert (new.ignore is None, known.ignore is None) == (False, True)
    np.testing.assert_array_equal(new.image, dark)
    assert made.on_old.before > 0.6
    assert f"On the old validation images: AP {made.on_old.before:.2f} -> " in str(made)


def test_scores_are_those_of_what_predict_gives_on_the_examples_that_were_kept(good):
    old, (image, labels) = good, squares()
    made = improve(image, labels, model="cells", optimisation=QUICK)
    (example,) = read_examples(old.path / VALIDATION)
    crop, truth = example.raw(example.everything), example.labels_at(example.everything)
    low, width = example.intensities[0]
    for model, score in ((old, made.on_old.before), (made.model, made.on_old.after)):
        found = predict(crop, model=str(model.path), intensities=((low, width),))
        assert score == pytest.approx(average_precision(truth, found, 0.5, 0.65, 0.8), abs=0.1)


def test_without_validation_examples_it_is_said_what_cannot_be_told(home):
    image, labels = squares()
    trained(keep=False)
    assert not (home / "cells" / VALIDATION).exists()
    made = improve(image, labels, model="cells", optimisation=QUICK)
    assert made.model.config.training["objective"]["loss"] == "dice"
    assert made.model.config.low == made.model.config.training["examples"]["low"] == 2
    assert not made.on_old.is_known
    assert made.on_corrections.is_known
    assert "cannot be told (it keeps no validation.npz" in str(made)
    assert "compare both on an image of then" in str(made)
    (home / "cells" / VALIDATION).write_bytes(b"damaged")
    assert "restore it from a copy" in str(
        improve(image, labels, model="cells", optimisation=QUICK)
    )
    assert [each.name for each in models()] == ["cells", "cells 2", "cells 3"]


def test_only_what_was_put_right_or_accepted_is_learnt(home, monkeypatch):
    image, labels = squares()
    trained(keep=False)
    before = labels.copy()
    before[labels == 1] = 0  # one was missed
    seen = []
    monkeypatch.setattr(
        "napari_tessera.deep.training.improve.PreparedTraining.run",
        lambda self, *_, **__: seen.append(self.data) or find_model("cells"),
    )
    improve(image, labels, model="cells", before=before)
    improve(image, labels, model="cells", before=before, accepted=[[2]])
    improve(image, labels, model="cells")
    assert all(data.replay is None for data in seen)
    one, two, every = (data.training[0].labels_at(data.training[0].everything) for data in seen)
    assert set(np.unique(one)) == {-1, 0, 1}
    assert set(np.unique(two)) == {-1, 0, 1, 2}
    np.testing.assert_array_equal(every, labels)
    np.testing.assert_array_equal(one == 1, labels == 1)


def test_what_it_knew_is_learnt_along(good, monkeypatch):
    image, labels = squares()
    seen = []

    def run(self, *_, **__):
        seen.append(self)
        raise ValueError("enough")

    monkeypatch.setattr("napari_tessera.deep.training.improve.PreparedTraining.run", run)
    with pytest.raises(ValueError, match="enough"):
        improve(255 - image, labels, model="cells")
    (training,) = seen
    batch = training.task.batches(training.data)(0)
    assert training.data.replay.training[0].image.max() > 150
    darkness = [float(each.median()) > 0.5 for each in batch.images]  # the ground, of negatives
    assert set(darkness) == {True, False}


def test_classes_count_near_what_was_changed(home):
    image, labels = squares()
    classes = np.where(labels > 0, 2, 1).astype(np.uint8)
    train(
        image,
        classes,
        model="kinds",
        kind="classes",
        options=SMALL,
        optimisation=QUICK,
        examples=Examples(patch=32),
    )
    before = np.where(np.arange(96) < 40, classes, 1).astype(np.uint8)
    made = improve(image, classes, model="kinds", before=before, optimisation=QUICK)
    assert made.model.config.ids == (1, 2)
    assert "mean IoU" in str(made)
    with pytest.raises(ValueError, match=r"labels has class 9, but model 'kinds' knows 1, 2 only"):
        improve(image, np.where(classes == 2, 9, 1), model="kinds")


def test_what_does_not_fit_is_named(home):
    image, labels = squares()
    old = trained()
    with pytest.raises(ValueError, match="labels is as it was predicted"):
        improve(image, labels, model="cells", before=labels)
    with pytest.raises(ValueError, match=r"shape \(96, 96\) but before has \(96, 95\)"):
        improve(image, labels, model="cells", before=labels[:, 1:])
    with pytest.raises(ValueError, match="labels are 1, before 2 and accepted 1"):
        improve(image, labels, model="cells", before=[labels] * 2)
    with pytest.raises(ValueError, match=r"images have 2 channels, but model 'cells' takes 1"):
        improve(np.stack([image] * 2), labels, model="cells", channel_axis=0)
    with pytest.raises(FileExistsError, match="choose another name"):
        improve(image, labels, model="cells", to="cells")
    many = replace(old.config, network="mask_rcnn", targets="instances", ids=(1, 2), options={})
    Folder(home / "parts").create(many)
    Folder(home / "parts").write_weights(old.load_network().state_dict(), many)
    with pytest.raises(ValueError, match="finds objects one by one"):
        improve(image, labels, model="parts", before=labels)
    with pytest.raises(ValueError, match="tells 2 classes of objects"):
        improve(image, labels, model="parts")
    assert not (home / "cells 2").exists()


def test_whoever_stops_keeps_the_new_model_without_figures(home):
    image, labels = squares()
    trained()
    seen = []

    def stop(progress):
        seen.extend(progress.values)
        if "step" in seen:
            raise Stop

    made = improve(image, labels, model="cells", report=stop)
    assert made.model.name == "cells 2"
    assert made.on_old.after is None
    assert str(made).startswith("Model 'cells 2' is ready; 'cells' is kept as it was.")
