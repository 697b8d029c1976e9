from dataclasses import fields

import pytest

from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.deep.settings import Optimisation
from napari_tessera.deep.training.kinds import ObjectTraining
from napari_tessera.widgets.training.form import TrainingForm
from napari_tessera.widgets.training.settings import GROUPS, TrainingSettings


@pytest.fixture
def settings(viewer):
    form = TrainingForm(viewer)
    yield form.settings
    form.release()


def test_the_task_is_what_the_rows_say(settings):
    assert isinstance(settings, TrainingSettings)
    settings.groups["optimisation"].fill({"epochs": 3, "steps": 7})
    task = settings.task()
    assert (task.optimisation.epochs, task.optimisation.steps) == (3, 7)
    assert task.network == "unet"
    rest = {f.name for f in fields(Optimisation)} - {"epochs", "steps"}
    assert all(getattr(task.optimisation, n) == getattr(Optimisation(), n) for n in rest)


def test_another_network_brings_its_own_options(settings):
    settings.networks.choose("mask_rcnn")
    assert settings.task().network == "mask_rcnn"
    assert isinstance(settings.training, ObjectTraining)
    assert settings.task().options == NETWORKS["mask_rcnn"].preset


def test_each_group_of_settings_has_a_title_of_its_own():
    assert len({title for title, _ in GROUPS.values()}) == len(GROUPS)


def test_a_number_to_ignore_is_asked_for_classes_only(settings):
    settings.groups["examples"].fill({"ignore": 255})
    row = settings.groups["examples"].fields["ignore"].native
    assert settings.task().examples.ignore is None  # labels are objects
    settings.fields["kind"].value = "classes"
    assert settings.task().examples.ignore == 255
    assert not row.isHidden()
    settings.fields["kind"].value = "objects"
    assert row.isHidden()
