"""A click network is trained, and goes on with its training."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.draw import disk

from napari_tessera.algorithms.picking.marks import ObjectMarks
from napari_tessera.algorithms.picking.picked import Scene
from napari_tessera.deep.clicks import training
from napari_tessera.deep.clicks.answers import ClickedPlane, ClickNetwork
from napari_tessera.deep.clicks.exercises import Exercises, PracticeImage
from napari_tessera.deep.clicks.training import ClickTask, click_loss, judge, train_clicks
from napari_tessera.deep.models.folder import Folder
from napari_tessera.deep.settings import NO_AUGMENTATION, Optimisation

TINY = {"depth": 3, "width": 1 / 8}


def discs_in(seed):
    """Return an image of bright discs on a dim background."""
    random = np.random.default_rng(seed)
    image, labels = random.normal(20, 3, (160, 160)), np.zeros((160, 160), np.uint16)
    for number, centre in enumerate(((40, 40), (40, 120), (120, 40), (120, 120)), 1):
        place = disk(centre + random.uniform(-8, 8, 2), random.uniform(9, 26))
        labels[place], image[place] = number, image[place] + 60
    return PracticeImage.of(image, labels)


@pytest.fixture
def task(monkeypatch):
    monkeypatch.setattr(training, "JUDGED", 12)
    sets = [(1.0, [discs_in(seed) for seed in range(4)])]
    held_back = [(1.0, [discs_in(99)])]
    optimisation = Optimisation(
        epochs=2, steps=30, batch=6, learning_rate=1e-2, averaging=0.5, threads=1
    )
    return ClickTask(sets, held_back, TINY, "none", NO_AUGMENTATION, optimisation, "discs")


def test_discs_are_learnt_and_picked(task, tmp_path):
    heard = []
    model = train_clicks(task, Folder(tmp_path / "net"), heard.append)
    assert [each.values["epoch"] for each in heard] == [1, 2]
    assert heard[1].values["loss"] < heard[0].values["loss"]
    exercises = Exercises(task.held_back, 30, NO_AUGMENTATION, np.random.default_rng(1)).present
    overlaps = judge(model.load_network(), exercises, 2).mean(axis=1)
    assert overlaps.min() > 0.7
    image = np.full((300, 300), 20.0)
    place = disk((140, 170), 35)
    image[place] = 80
    plane = ClickedPlane.of(Scene.of(image, None, None), ClickNetwork.read(model.path))
    found = plane.picked(ObjectMarks.of(np.array([[1, 140, 170]])))
    mask = np.zeros(image.shape, bool)
    mask[found.box] = found.values
    assert (mask & (image > 50)).sum() / (mask | (image > 50)).sum() > 0.6


def test_a_training_goes_on_where_it_was(task, tmp_path):
    short = replace(task, optimisation=replace(task.optimisation, steps=2))
    once = train_clicks(short, Folder(tmp_path / "once"))
    half = replace(short, optimisation=replace(short.optimisation, epochs=1))
    train_clicks(half, Folder(tmp_path / "twice"))
    # the learning rate of the first epoch is that of a training of two
    train_clicks(short, Folder(tmp_path / "twice"))
    rows = Folder(tmp_path / "twice").read_losses()
    assert [row["epoch"] for row in rows] == [1, 2]
    assert len(Folder(tmp_path / "once").read_losses()) == 2
    again = train_clicks(short, Folder(tmp_path / "once"))  # there is nothing left to do
    assert again.config == once.config


def test_the_loss_counts_each_object_by_itself():
    truth = torch.zeros(2, 4, 4)
    truth[0, 0, 0], truth[1] = 1, 1
    right = torch.where(truth > 0, 50.0, -50.0)
    assert float(click_loss(right, truth)) == pytest.approx(0, abs=1e-6)
    missed = right.clone()
    missed[0] = -50  # one pixel of 17, but a whole object
    assert float(click_loss(missed, truth)) == pytest.approx(50 / 32 + 0.5, abs=1e-3)
