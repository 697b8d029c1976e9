import numpy as np
import pytest
from skimage import data

from napari_tessera.algorithms.crf import mean_field as meanfield
from napari_tessera.algorithms.crf.mean_field import Kernels, marginals

from .exact import Exact, volume


def grey():
    return data.camera()[60:108, 220:268].astype(np.float32)[None] / 255


def colour():
    return np.moveaxis(data.astronaut()[110:142, 210:242], -1, 0).astype(np.float32) / 255


def uncertain(guide, labels, seed=0):
    """Return energies of labels by brightness, of which three in ten are wrong."""
    random = np.random.default_rng(seed)
    brightness = guide.mean(axis=0)
    levels = np.linspace(brightness.min(), brightness.max(), labels + 1)[1:-1]
    found = np.digitize(brightness, levels)
    found = np.where(
        random.random(found.shape) < 0.3, random.integers(0, labels, found.shape), found
    )
    unary = np.full((labels, *found.shape), -np.log(0.3 / (labels - 1)), np.float32)
    np.put_along_axis(unary, found[None], -np.log(0.7), 0)
    return unary


def both(guide, kernels):
    """Return guide and kernels with the exact mean field of them, for any number of labels."""
    return guide, kernels, Exact(guide, kernels)


CASES = [
    (grey, Kernels((3, 3), 3, (30, 30), 8), 0.04),
    (grey, Kernels((1, 1), 3, (8, 12), 5), 0.1),
    (volume, Kernels((1, 3, 3), 3, (4, 8, 8), 6), 0.2),
]


@pytest.fixture(scope="module", params=CASES, ids=["grey", "narrow", "volume"])
def usual(request):
    image, kernels, width = request.param
    return both(image() / width, kernels)


@pytest.mark.parametrize("labels", [2, 3, 21])
def test_it_is_near_the_exact_mean_field(usual, labels):
    guide, kernels, exact = usual
    unary = uncertain(guide, labels)
    expected = exact.marginals(unary)
    found = marginals(unary, guide, kernels, iterations=5)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    assert np.abs(found - expected).mean() < 0.002
    assert (found.argmax(axis=0) == expected.argmax(axis=0)).mean() >= 0.995


@pytest.fixture(scope="module")
def colours():
    return both(colour() / 0.1, Kernels((3, 3), 3, (20, 20), 8))


@pytest.mark.parametrize(
    ("labels", "error", "share"), [(2, 1.56e-5, 1), (3, 0.00218, 0.9941), (21, 0.00197, 0.9785)]
)
def test_it_is_as_near_in_colours_as_the_lattice_of_others(colours, labels, error, share):
    """The figures are those of pydensecrf2 1.1 on the same image, kernels and labels."""
    guide, kernels, exact = colours
    unary = uncertain(guide, labels)
    expected = exact.marginals(unary)
    found = marginals(unary, guide, kernels, iterations=5)
    assert np.abs(found - expected).mean() <= error
    assert (found.argmax(axis=0) == expected.argmax(axis=0)).mean() >= share


def test_it_is_near_the_exact_one_where_a_volume_is_hardly_more_than_noise():
    """Errors of the kernels grow from step to step where labels are about as probable."""
    random = np.random.default_rng(1)
    guide = (volume() + random.normal(0, 0.1, volume().shape)).astype(np.float32)[:, :, :16] / 0.15
    unary = uncertain(guide, 2)
    kernels = Kernels((1, 3, 3), 3, (4, 7, 7), 10)
    expected = Exact(guide, kernels).marginals(unary)
    found = marginals(unary, guide, kernels, iterations=5)
    assert np.abs(found - expected).mean() < 0.002
    assert (found.argmax(axis=0) == expected.argmax(axis=0)).mean() > 0.995


@pytest.mark.parametrize("image", [grey, volume, colour])
def test_what_is_missing_in_the_image_has_no_appearance(image):
    guide = image() / np.float32(0.2)
    guide[..., 4:12, 3:15] = np.nan
    guide[0, ..., 0, 0] = np.inf
    unary = uncertain(np.nan_to_num(guide, posinf=0), 3)
    axes = unary.ndim - 1
    kernels = Kernels((2,) * axes, 3, (8,) * axes, 6)
    expected = Exact(guide, kernels).marginals(unary)
    found = marginals(unary, guide, kernels, iterations=5)
    assert np.abs(found - expected).mean() < 0.005
    blind = np.isnan(guide[0])
    np.testing.assert_allclose(found[:, blind], expected[:, blind], atol=0.03)


def test_narrow_kernels_take_the_lattice_and_stay_near(monkeypatch):
    guide, kernels = grey() / np.float32(0.02), Kernels((2, 2), 3, (4, 4), 5)
    unary = uncertain(guide, 3)
    found = marginals(unary, guide, kernels)
    monkeypatch.setattr(meanfield, "CROWD", 1 << 20)
    assert not np.array_equal(marginals(unary, guide, kernels), found)
    assert np.abs(found - Exact(guide, kernels).marginals(unary)).mean() < 0.01


def test_without_iterations_it_is_the_unary_term():
    unary = uncertain(grey(), 3)
    found = marginals(unary, grey(), Kernels((3, 3), 3, (30, 30), 8), iterations=0)
    np.testing.assert_allclose(found, np.exp(-unary), rtol=1e-4)


def test_grid_and_lattice_agree(monkeypatch):
    guide, kernels = grey() / 0.1, Kernels((3, 3), 3, (10, 10), 5)
    unary = uncertain(guide, 3)
    gridded = marginals(unary, guide, kernels)
    monkeypatch.setattr(meanfield, "MEMORY", 0)
    latticed = marginals(unary, guide, kernels)
    assert not np.array_equal(gridded, latticed)
    assert np.abs(gridded - latticed).mean() < 0.01


def test_the_same_whatever_the_number_of_threads(monkeypatch):
    from napari_tessera.algorithms import parallel as tiles
    from napari_tessera.algorithms.crf import bilateral_grid as grid

    guide, kernels = grey() / 0.1, Kernels((3, 3), 3, (10, 10), 5)
    unary = uncertain(guide, 2)
    several = marginals(unary, guide, kernels)
    monkeypatch.setattr(grid, "WORKERS", 1)
    monkeypatch.setattr(tiles, "WORKERS", 1)
    np.testing.assert_array_equal(marginals(unary, guide, kernels), several)
