import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage import data
from skimage import measure as reference

from napari_tessera import VoxelSize, label
from napari_tessera.algorithms.geometry import moments
from napari_tessera.methods.measure.measure import measure
from napari_tessera.signature.progress import Stop
from napari_tessera.signature.units import column

PLACES = {"y", "x", "y min", "x min", "y max", "x max"}
SHARED = {
    "index": "label",
    "pixels": "num_pixels",
    "equivalent diameter": "equivalent_diameter_area",
    "extent": "extent",
    "major axis": "axis_major_length",
    "minor axis": "axis_minor_length",
    "mean": "intensity_mean",
    "std": "intensity_std",
    "min": "intensity_min",
    "max": "intensity_max",
}


@pytest.fixture(scope="module")
def coins():
    image = data.coins()
    return label(image > 110), image


@pytest.fixture(scope="module")
def blobs():
    image = ndimage.gaussian_filter(np.random.default_rng(3).random((40, 50, 60)), 3)
    objects = label(image > np.percentile(image, 80))
    # scikit-image can tell neither the axes of flat objects nor the standard deviation of one voxel
    sizes = np.bincount(objects.ravel())
    return np.where(sizes[objects] > 50, objects, 0), image


@pytest.fixture
def many_slabs(monkeypatch):
    """Cut even small arrays into many slabs."""
    monkeypatch.setattr("napari_tessera.algorithms.parallel.SLAB", 7)


def check_against(table, labels, image, spacing, names):
    found = reference.regionprops_table(
        labels,
        image,
        spacing=spacing,
        properties=tuple({name.split("-")[0] for name in names.values()}),
    )
    for own, other in names.items():
        np.testing.assert_allclose(table[own], found[other], 1e-9, 1e-12, err_msg=own)


def ball(shape, radius, spacing):
    grid = np.indices(shape) - (np.array(shape) // 2).reshape(-1, *[1] * len(shape))
    squares = (grid * np.array(spacing).reshape(-1, *[1] * len(shape))) ** 2
    return (squares.sum(axis=0) <= radius**2).astype(np.uint8)


def test_a_written_out_table():
    labels = np.array([[7, 7, 0], [7, 7, 0], [0, 0, 3]])
    image = np.array([[1, 2, 9], [3, 4, 9], [9, 9, 8]])
    table = measure(labels, image, convex=True)
    small = np.pi / 4 * (2 + 2 / np.sqrt(2))  # perimeter of one pixel by the formula
    expected = {
        "index": [3, 7],
        "pixels": [1, 4],
        "area": [1, 4],
        "equivalent diameter": [2 / np.sqrt(np.pi), 4 / np.sqrt(np.pi)],
        "y": [2, 0.5],
        "x": [2, 0.5],
        "y min": [2, 0],
        "x min": [2, 0],
        "y max": [2, 1],
        "x max": [2, 1],
        "touches border": [True, True],
        "extent": [1, 1],
        "perimeter": [small, np.pi / 4 * (4 + 6 / np.sqrt(2))],
        "circularity": [
            4 * np.pi / small**2,
            16 * np.pi / (np.pi / 4 * (4 + 6 / np.sqrt(2))) ** 2,
        ],
        "major axis": [0, 2],
        "minor axis": [0, 2],
        "eccentricity": [0, 0],
        "orientation (deg)": [0, 0],
        "solidity": [1, 1],
        "max feret": [np.sqrt(2), np.sqrt(8)],
        "mean": [8, 2.5],
        "std": [0, np.sqrt(1.25)],
        "min": [8, 1],
        "max": [8, 4],
        "sum": [8, 10],
    }
    assert [name for name in table if name in expected] == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], values, err_msg=name)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)])
def test_every_column_is_told(shape):
    labels = np.ones(shape, int)
    told = " ".join(measure.__doc__.partition("Returns")[2].partition("Raises")[0].split())
    table = measure(labels, labels * 1.0, convex=True, spacing=VoxelSize((1,) * len(shape), "um"))
    names = {re.sub(r" \(.*\)$", "", name) for name in table}
    assert [name for name in names if not re.search(rf"\b{name}\b", told)] == []


def test_columns_carry_the_unit():
    assert column("area", "um", 2) == "area (um^2)"
    assert column("area", "pixel", 2) == "area"
    flat = measure(np.eye(3, dtype=int), spacing=VoxelSize((2, 1), "nm"), convex=True)
    assert {"area (nm^2)", "y (nm)", "perimeter (nm)", "major axis (nm)"} < set(flat)
    assert {"y min", "extent", "circularity", "max feret (nm)"} < set(flat)
    solid = measure(np.ones((2, 3, 4), int), spacing=VoxelSize((2, 1, 1), "nm"))
    assert {"volume (nm^3)", "z (nm)", "surface (nm^2)", "middle axis (nm)"} < set(solid)
    assert {"sphericity", "elongation", "flatness", "z min"} < set(solid)
    assert solid["volume (nm^3)"].tolist() == [48]


@pytest.mark.parametrize("spacing", [(1, 1), (2, 0.3)])
def test_planes_agree_with_scikit_image(coins, spacing):
    labels, image = coins
    table = measure(labels, image, spacing=spacing)
    names = {"area": "area", "y": "centroid-0", "x": "centroid-1", "eccentricity": "eccentricity"}
    check_against(table, labels, image, spacing, SHARED | names)
    box = reference.regionprops_table(labels, properties=("bbox",))
    for own, other, past in zip(
        ("y min", "x min", "y max", "x max"), range(4), (0, 0, 1, 1), strict=True
    ):
        np.testing.assert_array_equal(table[own] + past, box[f"bbox-{other}"])
    np.testing.assert_allclose(
        table["sum"], ndimage.sum_labels(image, labels, table["index"]), 1e-12
    )


@pytest.mark.parametrize("spacing", [(1, 1), (2, 0.3)])
def test_orientation_is_that_of_scikit_image_from_the_x_axis(coins, spacing):
    table = measure(coins[0], spacing=spacing)
    other = reference.regionprops_table(coins[0], spacing=spacing, properties=("orientation",))
    turned = table["orientation (deg)"] - np.degrees(other["orientation"]) - 90
    off = np.abs((turned + 90) % 180 - 90)
    assert off[table["eccentricity"] > 0.1].max() < 1e-6
    assert (table["orientation (deg)"] < 180).all()


def test_orientation_is_counter_clockwise_on_the_screen():
    rising = np.fliplr(np.eye(5, dtype=int))
    for labels, angle in ((np.eye(5, dtype=int), 135), (rising, 45), (rising[:1], 0)):
        assert measure(labels)["orientation (deg)"][0] == pytest.approx(angle)
    assert measure(np.ones((5, 1), int))["orientation (deg)"][0] == 90


@pytest.mark.parametrize("spacing", [(1, 1, 1), (3, 0.5, 0.4)])
def test_volumes_agree_with_scikit_image(blobs, spacing):
    labels, image = blobs
    table = measure(labels, image, spacing=spacing)
    places = {f"{axis}": f"centroid-{i}" for i, axis in enumerate("zyx")}
    check_against(table, labels, image, spacing, SHARED | {"volume": "area"} | places)
    spread = [
        region.inertia_tensor_eigvals for region in reference.regionprops(labels, spacing=spacing)
    ]
    middle = np.sqrt([10 * (a - b + c) for a, b, c in spread])
    np.testing.assert_allclose(table["middle axis"], middle, 1e-9)
    np.testing.assert_allclose(table["elongation"], 1 - table["middle axis"] / table["major axis"])
    np.testing.assert_allclose(table["flatness"], 1 - table["minor axis"] / table["middle axis"])


def test_slabs_change_nothing(coins, blobs, monkeypatch):
    for labels, image in (coins, blobs):
        whole = measure(labels, image, convex=True, spacing=(2,) * image.ndim)
        monkeypatch.setattr("napari_tessera.algorithms.parallel.SLAB", 3 * image[0].size)
        cut = measure(labels, image, convex=True, spacing=(2,) * image.ndim)
        monkeypatch.undo()
        assert list(cut) == list(whole)
        for name, values in whole.items():
            np.testing.assert_allclose(cut[name], values, 1e-9, 1e-7, err_msg=name)


def test_perimeter_is_that_of_crofton_by_scikit_image(coins):
    table = measure(coins[0])
    for index, perimeter in zip(table["index"], table["perimeter"], strict=True):
        expected = reference.perimeter_crofton(coins[0] == index, directions=4)
        assert perimeter == pytest.approx(expected, rel=1e-12)


@settings(max_examples=60)
@given(arrays(np.uint8, st.tuples(*[st.integers(1, 4)] * 3), elements=st.integers(0, 2)))
def test_every_step_out_of_a_label_is_counted(labels):
    for array in (labels, labels[0]):
        sums, _ = moments.gather_sums(array, [])
        around = np.pad(array, 1)
        for row, index in enumerate(sums.ids):
            own = around == index
            for k, step in enumerate(moments.steps(array.ndim)):
                left = own & ~np.roll(own, -step, range(array.ndim))
                assert sums.exits[row, k] == np.count_nonzero(left)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_circles_and_balls_have_their_border(step):
    disc = measure(ball((131, 131), 60, (step, 1)), spacing=(step, 1))
    assert disc["perimeter"][0] == pytest.approx(2 * np.pi * 60, rel=0.03)
    assert disc["circularity"][0] == pytest.approx(1, rel=0.06)
    solid = measure(ball((51, 51, 51), 24, (step, 1, 1)), spacing=(step, 1, 1))
    assert solid["surface"][0] == pytest.approx(4 * np.pi * 24**2, rel=0.02)
    assert solid["sphericity"][0] == pytest.approx(1, rel=0.02)
    assert solid["major axis"][0] == pytest.approx(48, rel=0.02)
    assert solid["elongation"][0] + solid["flatness"][0] < 0.02


def test_hulls_agree_with_qhull(coins, blobs):
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    for labels, spacing in ((coins[0], np.array([2, 0.5])), (blobs[0], np.array([3, 1, 1]))):
        table = measure(labels, convex=True, spacing=spacing.tolist())
        for row in range(0, len(table["index"]), 5):
            pixels = np.argwhere(labels == table["index"][row])
            corners = np.concatenate([pixels + c for c in np.ndindex(*[2] * labels.ndim)]) * spacing
            hull = ConvexHull(corners)
            content = len(pixels) * spacing.prod()
            assert table["solidity"][row] == pytest.approx(content / hull.volume)
            assert table["max feret"][row] == pytest.approx(pdist(corners[hull.vertices]).max())


def test_flat_objects_have_hulls_and_axes():
    labels = np.zeros((4, 5, 6), int)
    labels[1, 1, 1] = 1
    labels[3, 3, 2:5] = 2
    labels[range(3), 4, range(3)] = 3
    table = measure(labels, convex=True)
    np.testing.assert_allclose(table["solidity"], [1, 1, 3 / 5])
    np.testing.assert_allclose(table["max feret"], np.sqrt([3, 11, 19]))
    assert table["minor axis"].tolist() == table["middle axis"].tolist() == [0, 0, 0]
    assert table["elongation"].tolist() == [0, 1, 1]
    assert table["flatness"].tolist() == [0, 0, 0]


def test_touches_border():
    labels = np.zeros((5, 5), int)
    labels[2, 2], labels[0, 2], labels[4, 4], labels[3, 0] = 1, 2, 3, 4
    assert measure(labels)["touches border"].tolist() == [False, True, True, True]


@given(arrays(np.int8, (6, 7), elements=st.integers(0, 4)))
def test_pixels_add_up(labels):
    table = measure(labels, labels, convex=True)
    assert table["pixels"].sum() == np.count_nonzero(labels)
    assert table["index"].tolist() == [i for i in range(1, 5) if (labels == i).any()]
    assert table["mean"].tolist() == table["index"].tolist()
    assert (table["solidity"] <= 1).all()
    assert (table["extent"] <= table["solidity"]).all()


@settings(max_examples=50)
@given(arrays(np.uint8, (4, 5), elements=st.integers(0, 1)), st.integers(0, 9), st.integers(0, 9))
def test_a_move_changes_the_place_only(shape, down, right):
    shape[2, 2] = 1
    labels = np.zeros((16, 17), int)
    labels[1:5, 1:6] = shape
    before = measure(labels, convex=True)
    after = measure(np.roll(labels, (down, right), (0, 1)), convex=True)
    for name in set(before) - PLACES:
        np.testing.assert_allclose(after[name], before[name], 1e-12, 1e-9, err_msg=name)
    assert after["y"][0] == pytest.approx(before["y"][0] + down)
    assert after["x max"][0] == before["x max"][0] + right


@settings(max_examples=50)
@given(arrays(np.uint16, (3, 4, 5), elements=st.integers(0, 3)), st.permutations([5, 6, 9]))
def test_other_ids_permute_the_rows(labels, ids):
    before = measure(labels)
    after = measure(np.array([0, *ids])[labels])
    order = np.argsort(np.array([0, *ids])[before["index"]])
    for name in set(before) - {"index"}:
        np.testing.assert_allclose(after[name], before[name][order], 1e-12, 1e-9, err_msg=name)


def test_huge_ids(many_slabs):
    labels = np.zeros((6, 5), np.uint32)
    labels[:, 1], labels[3, 3] = 2**32 - 1, 4_000_000_000
    table = measure(labels)
    assert table["index"].tolist() == [4_000_000_000, 2**32 - 1]
    assert table["pixels"].tolist() == [1, 6]
    assert table["y"].tolist() == [3, 2.5]


def test_a_mask_is_one_object():
    assert measure(np.eye(3, dtype=bool))["pixels"].tolist() == [3]


def test_values_that_are_none_are_left_out(many_slabs):
    labels = np.array([[1, 1, 1, 2], [1, 1, 1, 2]])
    image = np.array([[1, np.nan, 5, np.nan], [np.inf, 3, 3, np.nan]])
    table = measure(labels, image)
    assert table["values"].tolist() == [4, 0]
    assert table["pixels"].tolist() == [6, 2]
    np.testing.assert_allclose(table["mean"], [3, np.nan])
    np.testing.assert_allclose(table["std"], [np.sqrt(2), np.nan])
    np.testing.assert_allclose(table["min"], [1, np.nan])
    np.testing.assert_allclose(table["max"], [5, np.nan])
    np.testing.assert_allclose(table["sum"], [12, 0])


def test_deviations_far_from_zero(many_slabs):
    image = 1e9 + np.random.default_rng(0).random((20, 20))
    found = measure(np.ones((20, 20), int), image)["std"][0]
    assert found == pytest.approx(np.std(image - 1e9), rel=1e-6)


# channel_axis belongs to `image`; labels have no channels
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_channels_are_measured_one_by_one(coins, axis):
    labels, image = coins
    both = np.stack([image, 255 - image], axis)
    table = measure(labels, both, channel_axis=axis)
    for number, channel in enumerate((image, 255 - image)):
        alone = measure(labels, channel)
        for name in ("mean", "std", "min", "max", "sum"):
            np.testing.assert_array_equal(table[f"{name} {number}"], alone[name])
    assert "mean" in measure(labels, image[None], channel_axis=0)


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5)])
def test_no_labels_give_an_empty_table_of_the_same_columns(shape):
    image = np.zeros(shape)
    empty = measure(np.zeros(shape, int), image, convex=True)
    some = measure(np.ones(shape, int), image, convex=True)
    assert {name: (0, array.dtype) for name, array in some.items()} == {
        name: (array.size, array.dtype) for name, array in empty.items()
    }


def test_progress_and_stop(many_slabs):
    shares = []
    measure(np.ones((5, 7), int), convex=True, report=lambda progress: shares.append(progress.done))
    assert len(shares) >= 5
    assert shares == sorted(shares)
    assert shares[-1] == 1

    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        measure(np.ones((5, 7), int), report=stop)


def test_bad_input():
    labels = np.ones((3, 4), int)
    with pytest.raises(ValueError, match="labels has the id -2; pass ids of 0"):
        measure(np.array([[1, -2]]))
    with pytest.raises(ValueError, match="image has shape"):
        measure(labels, np.ones((4, 3)))
    with pytest.raises(TypeError, match="pass an array of whole numbers"):
        measure(labels * 1.0)
    with pytest.raises(TypeError, match="convex is 1; pass True or False"):
        measure(labels, convex=1)
