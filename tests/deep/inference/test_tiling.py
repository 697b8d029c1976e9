import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn

from napari_tessera.algorithms.parallel import on_cores
from napari_tessera.deep import devices
from napari_tessera.deep.inference.tile_plan import plan_tiles
from napari_tessera.deep.inference.tiling import TileRun, bands, tiled_scores
from napari_tessera.deep.networks.layers import Padded
from napari_tessera.deep.networks.options import Sizes
from napari_tessera.deep.networks.registry import NETWORKS, build
from napari_tessera.signature.progress import Stop

CPU = torch.device("cpu")
ANY = Sizes(smallest=1)

PLANES = some.tuples(*[some.integers(1, 70)] * 2)
VOLUMES = some.tuples(some.integers(1, 20), some.integers(1, 30), some.integers(1, 30))


def predicted(image, network, tiles, *, classes=2, batch=3, mixed=True, **options):
    run = TileRun(network, tiles, CPU, batch, mixed)
    return tiled_scores(image, run, classes=classes, **options)


def pointwise(patches):
    """Return scores of two classes that depend on each pixel alone."""
    return torch.cat([patches, 1 - patches**2], dim=1)


def softmax(found):
    powers = np.exp(found - found.max(axis=0))
    return powers / powers.sum(axis=0)


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(9, 14), (3, 9, 14)])
def test_a_constant_network_gives_constants(shape):
    levels = torch.tensor([0.0, np.log(2.0), np.log(5.0)])

    def constant(patches):
        shown = levels.reshape(1, 3, *[1] * len(shape))
        return shown.expand(len(patches), 3, *patches.shape[2:])

    found = predicted(
        np.zeros((1, *shape), np.float32), constant, plan_tiles(shape, ANY, tile=5), classes=3
    )
    assert found.dtype == np.float32
    expected = np.broadcast_to(
        np.reshape([1 / 8, 2 / 8, 5 / 8], (3, *[1] * len(shape))), found.shape
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)


@settings(max_examples=60)
@given(
    shape=PLANES | VOLUMES,
    multiple=some.sampled_from([1, 4, 16]),
    tile=some.integers(6, 80),
    overlap=some.floats(0, 0.6),
    batch=some.integers(1, 5),
    flips=some.booleans(),
)
def test_tiles_of_a_pointwise_network_give_the_whole(shape, multiple, tile, overlap, batch, flips):
    image = noise(1, *shape)
    tiles = plan_tiles(shape, Sizes(multiple, smallest=1), tile=tile, overlap=overlap)
    found = predicted(image, pointwise, tiles, batch=batch, flips=flips)
    expected = softmax(np.concatenate([image, 1 - image**2]))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_blending_by_hand():
    """Two tiles of 4 that say 1 and 0 and share 2 pixels."""
    calls = iter([20.0, -20.0])

    def stubborn(patches):
        high = torch.full_like(patches, next(calls))
        return torch.cat([-high, high], dim=1)

    tiles = plan_tiles((6, 1), ANY, tile=4, overlap=0.5)
    assert tiles.starts == ((0, 2), (0,))
    found = predicted(np.zeros((1, 6, 1), np.float32), stubborn, tiles, batch=1)
    # Gaussians of sigma 4 / 8 at 0.5 and 1.5 pixels from the middle: exp(-0.5) and exp(-4.5)
    near = np.exp(-0.5) / (np.exp(-0.5) + np.exp(-4.5))
    np.testing.assert_allclose(found[1, :, 0], [1, 1, near, 1 - near, 0, 0], atol=1e-6)


class Convolutions(nn.Module):
    """Two 3 x 3 convolutions with zeros around the image."""

    def __init__(self, axes):
        super().__init__()
        make = {2: nn.Conv2d, 3: nn.Conv3d}[axes]
        torch.manual_seed(0)
        self.layers = nn.Sequential(make(1, 3, 3, padding=1), nn.ReLU(), make(3, 2, 3, padding=1))

    def forward(self, image):
        return self.layers(image)


@pytest.mark.parametrize(("shape", "tile"), [((70, 65), 32), ((20, 40, 33), 16)])
def test_blending_hides_the_sides_of_tiles(shape, tile):
    network, image = Convolutions(len(shape)), noise(1, *shape)
    whole = predicted(image, network, plan_tiles(shape, ANY, tile=max(shape)))
    blended = predicted(image, network, plan_tiles(shape, ANY, tile=tile, overlap=0.25))
    abrupt = predicted(image, network, plan_tiles(shape, ANY, tile=tile, overlap=0))
    inside = (slice(None), *[slice(2, -2)] * len(shape))
    errors = [abs(found - whole)[inside].max() for found in (blended, abrupt)]
    assert errors[0] < 0.03 < 0.1 < errors[1]
    alone = (slice(None), *[slice(4)] * len(shape))  # one tile only reaches there
    np.testing.assert_allclose(blended[alone], whole[alone], atol=1e-6)


@pytest.mark.parametrize("shape", [(50, 70), (68, 21), (3, 1)])
def test_tiles_of_the_first_unet_agree_with_the_whole(shape):
    torch.manual_seed(0)
    network = build("unet2015", in_channels=1, classes=2, width=1 / 32)
    sizes = NETWORKS["unet2015"].sizes
    image = noise(1, *shape)
    padded = Padded(network, sizes.multiple, offset=sizes.offset, margin=sizes.margin).eval()
    with torch.inference_mode():
        expected = padded(torch.from_numpy(image)[None])[0].softmax(0).numpy()
    assert np.ptp(expected, axis=(1, 2)).max() > 0.01 or shape == (3, 1)
    for tile in (20, 100):
        tiles = plan_tiles(shape, sizes, tile=tile)
        assert tiles.count == 1 or tile == 20
        found = predicted(image, network, tiles, mixed=False)
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("shape", "axes"), [((40, 23), 2), ((5, 17, 40), 3)])
def test_a_unet_in_one_tile_is_the_padded_network(shape, axes):
    torch.manual_seed(0)
    network = build("unet", in_channels=2, classes=3, width=1 / 16, depth=2, axes=axes)
    image = noise(2, *shape)
    tiles = plan_tiles(shape, Sizes(4, smallest=8), tile=64)
    found = predicted(image, network, tiles, classes=3, mixed=False)
    with torch.inference_mode():
        expected = Padded(network.eval(), 4)(torch.from_numpy(image)[None])[0].softmax(0)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_images_are_mirrored_where_they_end():
    """A network that shows what it sees one pixel up and left."""
    shown = []

    def looking(patches):
        shown.append(patches.clone())
        return pointwise(patches[..., 1:-1, 1:-1])

    image = np.array([[[1, 2, 3], [4, 5, 6]]], np.float32)
    predicted(image, looking, plan_tiles((2, 3), Sizes(2, margin=1, smallest=1), tile=4))
    expected = [
        [5, 4, 5, 6, 5, 4],
        [2, 1, 2, 3, 2, 1],
        [5, 4, 5, 6, 5, 4],
        [2, 1, 2, 3, 2, 1],
    ]
    np.testing.assert_array_equal(shown[0][0, 0], expected)


@pytest.mark.parametrize("shape", [(24, 16), (5, 24, 16)])
def test_flips_average_over_the_plane(shape):
    network, image = Convolutions(len(shape)), noise(1, *shape)
    tiles = plan_tiles(shape, ANY, tile=24)
    every = [(), (-1,), (-2,), (-2, -1)]
    found = [np.flip(predicted(np.flip(image, axes), network, tiles), axes) for axes in every]
    assert abs(found[0] - found[1]).max() > 0.01
    expected = np.mean(found, axis=0)
    np.testing.assert_allclose(predicted(image, network, tiles, flips=True), expected, atol=1e-6)


@given(rows=some.integers(1, 60), tile=some.integers(1, 20), overlap=some.floats(0, 0.9))
@settings(max_examples=30)
def test_bands_are_the_rows_in_order(rows, tile, overlap):
    image = noise(1, rows, 7)
    tiles = plan_tiles((rows, 7), ANY, tile=tile, overlap=overlap)
    found = list(bands(image, TileRun(pointwise, tiles, CPU, 4), classes=2))
    stops = [each.stop for each, _ in found]
    assert [each.start for each, _ in found] == [0, *stops[:-1]]
    assert stops[-1] == rows
    assert all(each.shape == (2, own.stop - own.start, 7) for own, each in found)
    assert max(each.shape[1] for _, each in found) <= tiles.tile[0]


def test_a_band_comes_before_the_tiles_below_it_are_looked_at():
    looked = []

    def network(patches):
        looked.append(len(patches))
        return pointwise(patches)

    tiles = plan_tiles((64, 8), ANY, tile=8, overlap=0)
    running = bands(noise(1, 64, 8), TileRun(network, tiles, CPU), classes=2)
    rows, _ = next(running)
    assert rows == slice(0, 8)
    assert looked == [1]


def peak(rows):
    """Return the largest memory of NumPy while an image is predicted band by band."""
    image = np.zeros((1, rows, 64), np.float32)
    tiles = plan_tiles(image.shape[1:], ANY, tile=16)
    few = TileRun(pointwise, plan_tiles((20, 64), ANY, tile=16), CPU)
    for _ in bands(image[:, :20], few, classes=2):
        pass  # what is loaded at the first call does not count
    tracemalloc.start()
    for _ in bands(image, TileRun(pointwise, tiles, CPU), classes=2):
        pass
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_memory_does_not_grow_with_the_rows():
    whole = 2 * 4000 * 64 * 4
    assert peak(4000) - peak(400) < whole / 8


def test_progress_counts_tiles_and_brings_the_wish_to_stop():
    seen, calls = [], []

    def network(patches):
        calls.append(len(patches))
        return pointwise(patches)

    def report(progress):
        seen.append(progress.done)
        if progress.done == 0.75:
            raise Stop

    tiles = plan_tiles((16, 8), ANY, tile=4, overlap=0)
    assert tiles.count == 8
    with pytest.raises(Stop):
        predicted(noise(1, 16, 8), network, tiles, batch=2, report=report)
    assert seen == [0.25, 0.5, 0.75]
    assert calls == [2, 2, 2]


def test_too_little_memory_halves_the_batch_and_changes_nothing():
    asked, notes = [], []

    def full_of_two(patches):
        asked.append(len(patches))
        if len(patches) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return pointwise(patches)

    image, tiles = noise(1, 16, 8), plan_tiles((16, 8), ANY, tile=4, overlap=0)
    found = predicted(
        image, full_of_two, tiles, batch=8, report=lambda p: notes.append(p.values.get("note"))
    )
    np.testing.assert_array_equal(found, predicted(image, pointwise, tiles, batch=8))
    assert asked == [8, 4, 2, 2, 2, 2]
    assert notes == ["cpu has too little memory for 8 at once; going on in parts", None]


def test_too_little_memory_for_a_tile():
    def full(patches):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(MemoryError, match="choose a smaller patch or tile"):
        predicted(noise(1, 8, 8), full, plan_tiles((8, 8), ANY, tile=4))


def test_dropout_is_off_and_the_mode_of_every_part_comes_back():
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Dropout(0.9))
    network.train()
    network[1].eval()
    mean = network[1].running_mean.clone()
    image, tiles = noise(1, 8, 8), plan_tiles((8, 8), ANY, tile=8)
    np.testing.assert_array_equal(*[predicted(image, network, tiles) for _ in range(2)])
    assert [module.training for module in network] == [True, False, True]
    torch.testing.assert_close(network[1].running_mean, mean)


def test_gradients_are_as_they_were_between_bands():
    tiles = plan_tiles((8, 4), ANY, tile=4)
    for _, band in bands(noise(1, 8, 4), TileRun(pointwise, tiles, CPU), classes=2):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        assert band.flags.writeable


@pytest.mark.parametrize("mixed", [True, False])
def test_16_bits_are_used_where_they_are_wanted(mixed, monkeypatch):
    monkeypatch.setattr(devices, "_cpu_gains", lambda: True)
    types = []

    def network(patches):
        found = nn.functional.conv2d(patches, torch.ones(2, 1, 1, 1))
        types.append(found.dtype)
        return found

    found = predicted(noise(1, 4, 4), network, plan_tiles((4, 4), ANY, tile=4), mixed=mixed)
    assert types == [torch.bfloat16 if mixed else torch.float32]
    assert found.dtype == np.float32


def test_a_network_takes_the_cores_that_its_thread_was_given():
    threads, before = [], torch.get_num_threads()

    def network(patches):
        threads.append(torch.get_num_threads())
        return pointwise(patches)

    with on_cores(before + 1):
        predicted(noise(1, 4, 4), network, plan_tiles((4, 4), ANY, tile=4))
    predicted(noise(1, 4, 4), network, plan_tiles((4, 4), ANY, tile=4))
    assert threads == [before + 1, before]
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (noise(1, 8, 9), {}, "image has shape \\(1, 8, 9\\); tiles were planned for \\(8, 8\\)"),
        (noise(8, 8), {}, "image has shape \\(8, 8\\); tiles were planned for"),
        (noise(1, 8, 8), {"batch": 0}, "batch is 0; pass a whole number from 1"),
        (
            noise(1, 8, 8),
            {"classes": 3},
            "network gives shape \\(1, 2, 8, 8\\); \\(1, 3, 8, 8\\) was planned for",
        ),
    ],
)
def test_what_does_not_fit_is_named(image, options, message):
    with pytest.raises(ValueError, match=message):
        predicted(image, pointwise, plan_tiles((8, 8), ANY, tile=8), **options)
