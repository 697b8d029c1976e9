from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_tessera.batch.plan import Plan, Standing, how_read, plan_batch
from napari_tessera.batch.run_batch import run_batch
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.progress import Stop
from napari_tessera.signature.words import VoxelSize

from ..conftest import TORCH


def standings(plan):
    return [each.standing.value for each in plan.files]


def test_a_plan_tells_how_files_are_read(batch_of, recipe):
    volume = np.zeros((3, 2, 20, 30), np.uint16)
    options = {"metadata": {"axes": "ZCYX", "spacing": 2, "unit": "um"}, "imagej": True}
    tifffile.imwrite("images/v.tif", volume, resolution=(2, 2), **options)
    plan = plan_batch(batch_of(recipe))
    assert [each.reading for each in plan.files[::3]] == [
        "y 24, x 30; 1 x 1 px",
        "z 3, y 20, x 30; 2 channels; 2 x 0.5 x 0.5 um",
    ]
    assert plan.count(Standing.NEW) == 4
    assert plan.disk == 4 * (3 * 24 * 30 + 3 * 20 * 30)
    assert plan.free > 0
    assert (plan.seconds, plan.memory) == (None, None)  # nobody knows


def test_a_plan_tells_what_is_there_and_what_is_wrong(batch_of, recipe):
    run_batch(batch_of(recipe, inputs="images/a.tif"))
    Path("out/b-label.tif").write_text("mine")
    Path("images/d.tif").write_text("no image")
    plan = plan_batch(batch_of(recipe))
    assert standings(plan) == ["there already", "cannot be done", "to do", "cannot be done"]
    assert "'b-label.tif' exists already" in plan.files[1].problem.replace("/", "'")
    assert plan.files[1].reading
    assert "damaged, or of another format" in plan.files[3].problem
    assert plan.files[3].reading == ""
    forced = plan_batch(replace(batch_of(recipe), overwrite=True, again=True))
    assert standings(forced) == ["to do", "to do", "to do", "cannot be done"]


def test_a_plan_can_be_stopped(batch_of, recipe):
    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        plan_batch(batch_of(recipe), stop)


def test_colours_are_told():
    source = Source.of(np.zeros((4, 5, 3)), spacing=VoxelSize((0.25, 0.25), "um"), channel_axis=2)
    assert how_read(replace(source, rgb=True)) == "y 4, x 5; RGB; 0.25 x 0.25 um"


@pytest.mark.skipif(not TORCH, reason="it needs torch")
def test_a_network_knows_what_it_costs(folder, batch_of):
    from napari_tessera import METHODS, Recipe

    from ..conftest import tiny_model

    recipe = Recipe.of(METHODS["predict"], Source.of(np.zeros((24, 30))), {"model": tiny_model()})
    plan = plan_batch(batch_of(recipe))
    assert plan.seconds > 0
    assert plan.memory > 1000
    assert isinstance(plan, Plan)
