import numpy as np
import pytest
import torch
from napari_tessera.deep.explain.objects import objects_asked

from napari_tessera.deep.inference.tiling import TilePlan
from napari_tessera.deep.networks.registry import build

TILES = TilePlan((64, 112), (64, 64), (0, 16), ((0,), (0, 48)), 0)
"""Two tiles, side by side."""
LEFT, RIGHT = np.array([4.0, 4, 20, 30]), np.array([80.0, 10, 100, 40])


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build("mask_rcnn", in_channels=1, classes=2, width=1 / 16, proposals=10).eval()


def test_each_object_is_asked_about_in_the_tile_whose_middle_is_nearest(network):
    asked = objects_asked(network, TILES, [(0, LEFT), (0, RIGHT), (2, RIGHT)], None)
    assert set(asked) == {(0, (0, 0)), (0, (0, 1)), (2, (0, 1))}


def test_what_is_asked_is_one_number_with_a_gradient(network):
    (ask,) = objects_asked(network, TILES, [(0, LEFT)], 1).values()
    image = torch.rand(1, 1, 64, 64, generator=torch.manual_seed(0)).requires_grad_()
    sure = ask(image)
    assert sure.ndim == 0
    sure.backward()
    assert image.grad.isfinite().all()
    assert image.grad.any()


def test_what_is_asked_of_several_objects_is_the_sum(network):
    image = torch.rand(1, 1, 64, 64, generator=torch.manual_seed(0))
    other = np.array([30.0, 30, 50, 60])
    with torch.no_grad():
        (both,) = objects_asked(network, TILES, [(0, LEFT), (0, other)], 0).values()
        single = [
            next(iter(objects_asked(network, TILES, [(0, box)], 0).values()))(image)
            for box in (LEFT, other)
        ]
        torch.testing.assert_close(both(image), single[0] + single[1])
