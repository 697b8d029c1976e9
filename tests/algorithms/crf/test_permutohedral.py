import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from skimage import data

from napari_tessera.algorithms.crf import permutohedral as module
from napari_tessera.algorithms.crf.permutohedral import Lattice, gain
from napari_tessera.signature.progress import Stop


def exact(features, values):
    """Return the Gaussian sums themselves."""
    return np.exp(-cdist(features, features, "sqeuclidean") / 2) @ values


def normalised(sums, features, values):
    """Return values filtered by D^-1/2 K D^-1/2, where D = K 1."""
    root = np.sqrt(sums(np.ones((len(features), 1), np.float32)))
    return sums((values / root).astype(np.float32)) / root


def corners(features):
    """Return the corners of the simplex around each pixel, and weights, as the paper has them."""
    axes = features.shape[1]
    columns = np.zeros((axes + 1, axes))
    for axis in range(axes):
        columns[: axis + 1, axis] = 1
        columns[axis + 1, axis] = -(axis + 1)
    columns /= np.sqrt(np.arange(1, axes + 1) * np.arange(2, axes + 2))
    heights = features.astype(float) @ columns.T * (axes + 1) * np.sqrt(2 / 3)
    zero = np.round(heights / (axes + 1)) * (axes + 1)
    ranks = np.argsort(np.argsort(zero - heights, axis=1, kind="stable"), axis=1)
    ranks += (zero.sum(axis=1, keepdims=True) / (axes + 1)).astype(int)
    wrap = (ranks < 0).astype(int) - (ranks > axes)
    ranks, zero = ranks + wrap * (axes + 1), zero + wrap * (axes + 1)
    rests = np.take_along_axis(heights - zero, np.argsort(ranks, axis=1), axis=1) / (axes + 1)
    ring = np.column_stack([rests, rests[:, 0] - 1])
    weights = (ring[:, :-1] - ring[:, 1:])[:, ::-1]
    rest = np.arange(axes + 1)[np.newaxis, :, np.newaxis]
    steps = rest - (axes + 1) * (ranks[:, np.newaxis] > axes - rest)
    return (zero[:, np.newaxis] + steps).astype(int), weights


def plain(features, values):
    """Filter with the lattice as a dictionary of vertices, in float64."""
    places, weights = corners(features)
    axes = features.shape[1]
    vertices, numbers = np.unique(places.reshape(-1, axes + 1), axis=0, return_inverse=True)
    sums = np.zeros((len(vertices), values.shape[1]))
    np.add.at(
        sums,
        numbers.ravel(),
        (weights[..., np.newaxis] * values[:, np.newaxis]).reshape(-1, values.shape[1]),
    )
    index = {tuple(vertex): number for number, vertex in enumerate(vertices.tolist())}
    links = np.empty((axes + 1, 2, len(vertices)), int)
    for axis in range(axes + 1):
        step = np.ones(axes + 1, int)
        step[axis] = -axes
        for side, sign in enumerate((-1, 1)):
            near = (vertices + sign * step).tolist()
            links[axis, side] = [index.get(tuple(each), -1) for each in near]

    def blurred(order):
        current = np.vstack([sums, np.zeros_like(sums[:1])])
        for axis in order:
            before, after = links[axis]
            current[:-1] = current[:-1] / 2 + (current[before] + current[after]) / 4
        return current[numbers.reshape(len(features), -1)]

    both = (blurred(range(axes + 1)) + blurred(range(axes, -1, -1))) / 2
    return len(vertices), gain(axes) * (weights[..., np.newaxis] * both).sum(axis=1)


def photograph(side=48, position=60, colour=10):
    """Return position and colour of the pixels of a piece of a photograph, in widths."""
    image = data.astronaut()[100 : 100 + side, 200 : 200 + side]
    places = np.stack(np.mgrid[:side, :side], -1) / position
    return np.concatenate([places, image / colour], -1).reshape(-1, 5).astype(np.float32), image


@pytest.mark.parametrize("axes", [2, 3, 4, 5, 6])
def test_agrees_with_the_lattice_of_the_paper(axes, rng):
    features = rng.normal(0, 1.5, (700, axes)).astype(np.float32)
    values = rng.random((700, 3)).astype(np.float32)
    lattice = Lattice(features)
    count, expected = plain(features, values)
    assert lattice.vertices == count
    np.testing.assert_allclose(lattice.filter(values), expected, rtol=1e-4)


def test_agrees_on_a_photograph_whose_pixels_share_vertices(rng):
    features, _ = photograph()
    values = rng.random((len(features), 1)).astype(np.float32)
    lattice = Lattice(features)
    count, expected = plain(features, values)
    # a few colours lie on the border of two simplices, where rounding decides
    assert abs(lattice.vertices - count) <= 0.01 * count
    assert lattice.vertices < len(features)
    np.testing.assert_allclose(lattice.filter(values), expected, rtol=2e-2)


@pytest.mark.parametrize(("axes", "tolerance"), [(2, 0.005), (3, 0.01), (4, 0.01), (5, 0.015)])
def test_comes_near_to_the_gaussian_sums_where_pixels_are_dense(axes, tolerance, rng):
    features = (4 * rng.random((4000, axes))).astype(np.float32)
    middle = np.all(np.abs(features - 2) < 1, axis=1)
    values = rng.random((4000, 1)).astype(np.float32)
    found, expected = Lattice(features).filter(values), exact(features, values)
    assert abs(np.mean(found[middle] / expected[middle]) - 1) < tolerance


@pytest.mark.parametrize(("position", "colour"), [(60, 10), (20, 20)])
def test_normalised_filter_of_a_photograph(position, colour):
    features, image = photograph(position=position, colour=colour)
    bright = (image[..., :1].reshape(-1, 1) > 128).astype(np.float32)
    found = normalised(Lattice(features).filter, features, bright)
    expected = normalised(lambda values: exact(features, values), features, bright)
    assert np.abs(found - expected).mean() < 0.021
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.993


def test_normalised_filter_of_an_anisotropic_volume(rng):
    places = np.stack(np.mgrid[:6, :16, :16], -1) * (2.0, 0.5, 0.5) / 3
    bright = (places[..., 1:2] > 1.3) * 1.0
    noisy = bright + rng.normal(0, 0.1, bright.shape)
    features = np.concatenate([places, noisy / 0.2], -1).reshape(-1, 4).astype(np.float32)
    values = (bright + (rng.random(bright.shape) < 0.2)).reshape(-1, 1) % 2
    found = normalised(Lattice(features).filter, features, values)
    expected = normalised(lambda values: exact(features, values), features, values)
    assert np.abs(found - expected).mean() < 0.01
    assert np.array_equal(found > 0.5, expected > 0.5)


def test_pixels_far_apart_do_not_meet():
    features = np.array([[0, 0, 0], [0, 0, 0], [50, 0, 0], [0, 50, 50]], np.float32)
    values = np.array([[1, 0], [2, 0], [4, 0], [0, 1]], np.float32)
    own = Lattice(features[:1]).filter(values[:1, :1])[0, 0]
    sums = Lattice(features).filter(values)
    assert sums[:2] / own == pytest.approx(np.array([[3, 0], [3, 0]]))
    assert (sums[2:] > 0).tolist() == [[True, False], [False, True]]


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 6), st.sampled_from([0.3, 2.0, 20.0]))
def test_the_kernel_is_symmetric_and_sharing_loses_nothing(seed, axes, width):
    rng = np.random.default_rng(seed)
    features = rng.normal(0, width, (200, axes)).astype(np.float32)
    first, second = rng.random((2, 200, 1)).astype(np.float32)
    lattice = Lattice(features)
    one = float(np.vdot(first, lattice.filter(second)))
    assert float(np.vdot(lattice.filter(first), second)) == pytest.approx(one, rel=1e-5)
    vertices = lattice.splat(first)
    assert vertices.shape == (lattice.vertices + 1, 1)
    assert not vertices[0].any()
    assert float(vertices.sum()) == pytest.approx(float(first.sum()), rel=1e-5)
    # taking is sharing the other way round
    taken = lattice.slice(vertices)
    assert float(np.vdot(taken, first)) == pytest.approx(float((vertices**2).sum()), rel=1e-4)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_the_order_of_pixels_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 2, (300, 5)).astype(np.float32)
    values, order = rng.random((300, 2)).astype(np.float32), rng.permutation(300)
    mixed = Lattice(features[order]).filter(values[order])
    np.testing.assert_allclose(mixed, Lattice(features).filter(values)[order], rtol=1e-4)


@pytest.mark.parametrize("channels", [2, 3, 8, 24])
def test_channels_do_not_mix(channels, rng):
    features, _ = photograph(32)
    values = rng.random((1024, channels)).astype(np.float32)
    lattice = Lattice(features)
    alone = [lattice.filter(values[:, [channel]]) for channel in range(channels)]
    np.testing.assert_allclose(lattice.filter(values), np.hstack(alone), rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 8])
def test_the_same_floats_whatever_the_number_of_workers(channels, rng, monkeypatch):
    monkeypatch.setattr(module, "_SMALLEST", 100)
    monkeypatch.setattr(module, "_WORTH", 0)
    features, _ = photograph()
    values = rng.random((len(features), channels)).astype(np.float32)
    first, *others = (Lattice(features, workers=workers) for workers in (1, 2, 5))
    assert len(first.parts) == 16
    expected = first.filter(values)
    for lattice in others:
        assert lattice.vertices == first.vertices
        np.testing.assert_array_equal(lattice.filter(values), expected)
    monkeypatch.setattr(module, "_SMALLEST", 1 << 13)
    whole = Lattice(features)
    assert (len(whole.parts), whole.vertices) == (1, first.vertices)
    np.testing.assert_allclose(whole.filter(values), expected, rtol=1e-5)


def test_parts_can_be_worked_on_one_by_one(rng, monkeypatch):
    monkeypatch.setattr(module, "_SMALLEST", 100)
    features, _ = photograph(32)
    values = rng.random((1024, 4)).astype(np.float32)
    lattice = Lattice(features)
    assert [part.pixels for part in lattice.parts[:2]] == [slice(0, 100), slice(100, 200)]
    assert lattice.parts[-1].pixels.stop == 1024
    sums, result = lattice.sums(4), np.empty_like(values)
    for part in reversed(lattice.parts):
        part.splat(values[part.pixels], sums)
    vertices = lattice.blur(lattice.collect(sums))
    for part in lattice.parts:
        part.slice(vertices, result[part.pixels])
        np.testing.assert_allclose(part.weights.sum(axis=0), 1, rtol=1e-5)
    np.testing.assert_array_equal(result, lattice.filter(values))


def test_values_stay_as_they_are_and_may_be_of_any_kind(rng):
    features = rng.random((50, 3))
    values = np.asfortranarray(rng.integers(0, 9, (50, 2)))
    before = values.copy()
    lattice = Lattice(features)
    vertices = lattice.splat(values)
    kept = vertices.copy()
    found = lattice.slice(lattice.blur(vertices))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(values, before)
    np.testing.assert_array_equal(vertices, kept)
    np.testing.assert_array_equal(found, lattice.filter(values.astype(np.float32)))


def test_a_table_that_grows_finds_every_vertex_again(rng):
    features = rng.uniform(-40, 40, (5000, 6)).astype(np.float32)
    places, _ = corners(features)
    lattice = Lattice(features)
    # every pixel has a simplex of its own here
    assert lattice.vertices == len(np.unique(places.reshape(-1, 7), axis=0)) == 35_000
    assert lattice.nbytes > 35_000 * (7 * 2 + 4) * 4


def test_positions_far_from_the_origin(rng):
    features = (2000 + rng.random((500, 4))).astype(np.float32)
    values = rng.random((500, 1)).astype(np.float32)
    _, expected = plain(features, values)
    np.testing.assert_allclose(Lattice(features).filter(values), expected, rtol=0.01)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 7), (0, 3), (2, 3, 4)])
def test_features_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"features has shape .* 2 to 6 features"):
        Lattice(np.zeros(shape, np.float32))


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("pixel", [0, 3, 8])
def test_features_that_are_no_numbers_are_refused(odd, pixel):
    features = np.zeros((9, 3), np.float32)
    features[pixel, 1] = odd
    with pytest.raises(ValueError, match="features has values that are not finite"):
        Lattice(features)


def test_features_that_span_too_much_are_refused():
    features = np.zeros((2, 6), np.float32)
    features[1] = 4000
    with pytest.raises(ValueError, match=r"features span \[4000.0, .* use wider kernels"):
        Lattice(features)


@pytest.mark.parametrize("shape", [(4,), (3, 2), (5, 2)])
def test_values_of_another_shape_are_refused(shape):
    lattice = Lattice(np.zeros((4, 2), np.float32))
    with pytest.raises(ValueError, match=r"values has shape .*; pass \(4, channels\)"):
        lattice.filter(np.zeros(shape, np.float32))


def test_it_can_be_stopped_while_it_is_made(monkeypatch):
    monkeypatch.setattr(module, "_SMALLEST", 16)
    shares = []

    def stop(progress):
        shares.append(progress.done)
        if len(shares) == 3:
            raise Stop

    with pytest.raises(Stop):
        Lattice(np.zeros((256, 2), np.float32), report=stop)
    assert shares == pytest.approx([1 / 32, 2 / 32, 3 / 32])
