import math
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from napari_tessera.deep.data.pieces import pieces
from napari_tessera.deep.inference.tuning import USUAL
from napari_tessera.deep.networks.options import Sizes
from napari_tessera.deep.target_kinds import KINDS
from napari_tessera.deep.training.objective import Loss
from napari_tessera.deep.training.validation import PIXELS, HeldOut, Validator, middle
from napari_tessera.signature.progress import Stop

CPU = torch.device("cpu")


def held_out(count, side, pixels=PIXELS, axes=2, patch=32):
    """Return examples of squares; every image is also what a network should say of it."""
    truth = np.zeros((side,) * axes, np.uint8)
    truth[(..., *(slice(side // 4, side // 2),) * axes)] = 1
    image = truth.astype(np.float32)
    every = pieces([image] * count, [truth] * count, axes=axes)
    found = [replace(each, intensities=((0.0, 1.0),)) for each in every]
    return HeldOut(found, found[0], Sizes(), patch, CPU, pixels)


def seen(examples):
    return [math.prod(examples.shape(piece)) for piece in examples.judged]


def test_small_images_are_judged_whole():
    examples = held_out(5, 64)
    assert seen(examples) == [64 * 64] * 5
    assert examples.judged == examples.pieces


@pytest.mark.parametrize(("count", "side"), [(200, 512), (30, 2000), (3, 4000), (1, 4000)])
@pytest.mark.parametrize("pixels", [PIXELS, 5 * PIXELS])
def test_of_many_and_large_images_no_more_is_judged_than_there_is_time_for(count, side, pixels):
    found = seen(held_out(count, side, pixels))
    assert pixels // 5 < sum(found) <= 1.1 * pixels
    assert found[0] == max(found)  # that which is shown
    assert len(found) <= 24


def test_of_volumes_too():
    examples = held_out(4, 100, axes=3)
    assert sum(seen(examples)) <= 1.1 * PIXELS
    assert min(examples.shape(examples.judged[-1])) >= 32


@pytest.mark.parametrize(
    ("shape", "sides", "count"),
    # tiles of volumes are hardly larger than patches
    [((360, 360), 360, 1), ((520, 696), 400, 4), ((300, 300, 300), 48, 512)],
)
def test_planes_are_judged_in_few_tiles_that_hardly_overlap(shape, sides, count):
    tiles = held_out(1, 64).tile_run(Bright(), shape).tiles
    assert tiles.count == count
    assert max(tiles.tile) <= sides


class Bright(torch.nn.Module):
    """Sees interior where the image is bright."""

    def forward(self, images):
        bright = 20 * images[:, :1] - 10
        return torch.cat([-bright, bright, torch.full_like(bright, -10)], 1)


def test_a_good_network_gets_a_good_score_and_its_thresholds():
    validator = Validator(held_out(3, 64), KINDS["boundaries"](), Loss({"cross_entropy": 1}))
    judged = validator(Bright())
    assert judged.score == 1
    assert judged.loss < 0.5  # it does not know boundaries
    assert judged.labels.max() == 1
    assert set(judged.tune(60)) == {"threshold", "seed_threshold", "split", "confidence"}
    # without any time what suits most
    assert judged.tune(-1) == asdict(USUAL)


def test_one_look_judges_what_is_shown_alone():
    examples = held_out(3, 64)
    validator = Validator(examples, KINDS["boundaries"](), Loss({"cross_entropy": 1}))
    reports = []
    looked = validator.glance(Bright(), reports.append)
    assert looked.score == 1
    assert looked.image.shape == (1, 64, 64)
    assert len(reports) < 3


def test_judging_and_tuning_can_be_stopped():
    validator = Validator(held_out(3, 64), KINDS["boundaries"](), Loss({"cross_entropy": 1}))

    def stop(_):
        raise Stop

    with pytest.raises(Stop):
        validator(Bright(), stop)
    with pytest.raises(Stop):
        validator(Bright()).tune(60, stop)


def test_the_middle():
    assert middle((10, 4), 6) == (slice(2, 8), slice(0, 4))
