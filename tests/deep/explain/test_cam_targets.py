import numpy as np
import pytest
import torch

from napari_tessera.deep.explain.cam_targets import (
    cam_targets,
    object_cam_targets,
    pixel_cam_targets,
    shrunk,
)
from napari_tessera.deep.inference.scores import PixelScores
from napari_tessera.deep.inference.tile_plan import TilePlan
from napari_tessera.deep.inference.tiling import TileRun
from napari_tessera.deep.networks.registry import build

TILES = TilePlan((64, 112), (64, 64), (0, 16), ((0,), (0, 48)), 0)
"""Two tiles, side by side."""
LEFT, RIGHT = np.array([4.0, 4, 20, 30]), np.array([80.0, 10, 100, 40])


CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run():
    torch.manual_seed(0)
    network = build("mask_rcnn", in_channels=1, classes=2, width=1 / 16, proposals=10).eval()
    return TileRun(network, TILES, CPU)


def test_each_object_is_asked_about_in_the_tile_whose_middle_is_nearest(run):
    asked = object_cam_targets(run, [(0, LEFT), (0, RIGHT), (2, RIGHT)], None)
    assert set(asked) == {(0, (0, 0)), (0, (0, 1)), (2, (0, 1))}


def test_what_is_asked_is_one_number_with_a_gradient(run):
    (ask,) = object_cam_targets(run, [(0, LEFT)], 1).values()
    image = torch.rand(1, 1, 64, 64, generator=torch.manual_seed(0)).requires_grad_()
    sure = ask(image)
    assert sure.ndim == 0
    sure.backward()
    assert image.grad.isfinite().all()
    assert image.grad.any()


def test_what_is_asked_of_several_objects_is_the_sum(run):
    image = torch.rand(1, 1, 64, 64, generator=torch.manual_seed(0))
    other = np.array([30.0, 30, 50, 60])
    with torch.no_grad():
        (both,) = object_cam_targets(run, [(0, LEFT), (0, other)], 0).values()
        single = [
            next(iter(object_cam_targets(run, [(0, box)], 0).values()))(image)
            for box in (LEFT, other)
        ]
        torch.testing.assert_close(both(image), single[0] + single[1])


def test_pixels_are_asked_for_their_mean_score_once_whatever_tiles_they_lie_in():
    def twice(images):
        return torch.cat([images, 2 * images], dim=1)

    image = np.arange(64 * 112, dtype=np.float32).reshape(64, 112)
    pixels = np.zeros((1, 64, 112), np.float32)
    pixels[0, 3, 10:100] = 1  # through both tiles
    asked = pixel_cam_targets(TileRun(twice, TILES, CPU), pixels, 1)
    assert set(asked) == {(0, (0, 0)), (0, (0, 1))}
    found = sum(
        ask(torch.from_numpy(image[None, None, :, start : start + 64]))
        for ask, start in zip(asked.values(), (0, 48), strict=True)
    )
    assert float(found) == pytest.approx(2 * image[3, 10:100].mean(), rel=1e-5)


def test_where_no_pixel_is_asked_about_no_tile_is_looked_at():
    pixels = np.zeros((1, 64, 112), np.uint8)
    pixels[0, 5, 90] = 4
    said = PixelScores(np.zeros((3, 64, 112), np.float32), None)
    asked = cam_targets(said, pixels[0], 1, (64, 112), TileRun(torch.nn.Identity(), TILES, CPU))
    assert set(asked) == {(0, (0, 1))}


def test_pixels_of_another_grid_keep_their_share():
    pixels = np.zeros((4, 6), bool)
    pixels[0, :3] = True
    assert shrunk(pixels, (2, 3)).tolist() == [[0.5, 0.25, 0], [0, 0, 0]]


def test_what_no_network_says_is_refused(run):
    with pytest.raises(TypeError, match="said is a str; pass what a `Predictor` answers"):
        cam_targets("objects", LEFT, None, (64, 112), run)
