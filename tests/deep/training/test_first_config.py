from dataclasses import replace

import pytest

from napari_tessera.deep.data.pieces import pieces
from napari_tessera.deep.data.preparation import Data
from napari_tessera.deep.models.config import parsed
from napari_tessera.deep.settings import Examples, Optimisation
from napari_tessera.deep.training.first_config import first_config
from napari_tessera.deep.training.task import Task
from napari_tessera.signature.words import VoxelSize

from ...conftest import squares


def data(**changes):
    known = {
        "training": [], "validation": [], "censuses": [], "ids": (), "channels": 1, "note": "",
        "digest": "abc",
    }  # fmt: skip
    return Data(**{**known, **changes})


def test_it_says_what_is_learnt_of_what_and_that_nothing_is_known_yet():
    task = Task(options={"depth": 2}, targets="distances", examples=Examples(patch=64), seed=7)
    config = first_config(task, data(channels=2), spacing=VoxelSize((0.5, 0.25), "um"))
    assert (config.network, config.options, config.targets) == ("unet", {"depth": 2}, "distances")
    assert (config.in_channels, config.rgb, config.channel_names) == (2, False, ())
    assert (config.spacing, config.unit, config.patch) == ((0.5, 0.25), "um", 64)
    assert (config.thresholds, config.score, config.weights) == ({}, None, "")
    assert config.training["seed"] == 7
    assert config.training["examples"]["patch"] == 64


def test_without_a_pixel_size_there_is_no_unit():
    config = first_config(Task(), data())
    assert (config.spacing, config.unit) == (None, "pixel")


def test_volumes_are_learnt_in_small_cubes_unless_others_are_given():
    task = Task(options={"axes": 3})
    assert (task.examples.patch, task.optimisation.batch) == (48, 2)
    assert (Task().examples.patch, Task().optimisation.batch) == (128, 8)
    given = Task(options={"axes": 3}, examples=Examples(), optimisation=Optimisation(epochs=2))
    assert (given.examples.patch, given.optimisation.batch) == (128, 8)


@pytest.mark.parametrize(
    ("task", "diameter"),
    [
        (Task(examples=Examples(diameter=20)), 20),
        (Task(kind="classes", examples=Examples(diameter=20)), 0),
        (Task(options={"axes": 3}, examples=Examples(diameter=20)), 0),
    ],
    ids=["objects", "classes", "volumes"],
)
def test_images_are_enlarged_only_where_planes_have_objects(task, diameter):
    assert (
        first_config(task, data(ids=(0, 1) if task.kind == "classes" else ())).diameter == diameter
    )


@pytest.mark.parametrize(
    ("given", "names"),
    [(("ground", "wall"), ("ground", "wall")), ({4: "wall", 9: "roof"}, ("", "wall")), ((), ())],
)
def test_classes_are_named_in_the_order_of_their_numbers(given, names):
    task = Task(kind="classes", class_names=given)
    assert first_config(task, data(ids=(0, 4))).class_names == names


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="rgb is True, but the images have 1 channels"):
        first_config(Task(), data(), rgb=True)
    task = Task(kind="classes", colours=("#ff0000",))
    with pytest.raises(ValueError, match="colours has 1 texts, but labels has the 2 classes 0, 4"):
        first_config(task, data(ids=(0, 4)))


def test_it_says_what_the_examples_look_like():
    image, labels = squares()
    found = [replace(each, intensities=((0, 200),)) for each in pieces([image], [labels], axes=2)]
    seen = first_config(Task(), data(training=found)).seen
    assert {"median", "noise", "sharpness"} < set(seen)
    # squares of 7 to 11 pixels are discs of 7.9 to 12.4
    assert 7.8 < seen["diameter"][0] < seen["diameter"][1] < 12.5
    classes = first_config(Task(kind="classes"), data(training=found, ids=(0, 1)))
    assert "diameter" not in classes.seen
    assert parsed(classes.written()).seen == classes.seen
