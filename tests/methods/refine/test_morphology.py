from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_tessera.algorithms.morphology import closing as claims
from napari_tessera.algorithms.morphology.elements import element
from napari_tessera.methods.refine.morphology import morphology, smooth, top_hat
from napari_tessera.signature.progress import Stop

SHAPES = [("ball", 0), ("box", 0), ("line", 0), ("line", 90), ("line", 30), ("line", -60)]
GRIDS = [((19, 26), (1, 1)), ((7, 15, 17), (1, 1, 1)), ((7, 15, 17), (2.5, 1, 1.3))]
BLOCKS = np.array(
    [
        [1, 1, 1, 1, 2, 2, 2],
        [1, 1, 1, 1, 2, 2, 2],
        [1, 1, 1, 1, 2, 2, 2],
        [0, 0, 0, 0, 0, 2, 0],
        [0, 0, 3, 0, 0, 2, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ],
    np.uint16,
)


def blobs(shape, seed=0, dtype=np.uint16):
    """Return irregular labels, some of them in touch, some in several pieces."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1.2)
    high = noise > np.quantile(noise, 0.55)
    objects = ndimage.label(high)[0] * (1 + (noise > np.quantile(noise, 0.8)))
    return (objects % 23).astype(dtype)


def footprint(kind, radius, angle, spacing):
    """Return the element and its pixels as a mask."""
    own = element(kind, tuple(radius / step for step in spacing), angle)
    mask = own.footprint()
    return own, mask if len(spacing) == 3 else mask[0]


def shifted(labels, offset):
    """Return what lies `offset` away from each pixel, 0 beyond the border."""
    result = np.zeros_like(labels)
    pairs = [(max(0, -k), min(n, n - k)) for k, n in zip(offset, labels.shape, strict=True)]
    if all(low < high for low, high in pairs):
        there = tuple(slice(a + k, b + k) for (a, b), k in zip(pairs, offset, strict=True))
        result[tuple(slice(*pair) for pair in pairs)] = labels[there]
    return result


def slowly(labels, mask, spacing):
    """Return every operation by its definition: label by label, offset by offset."""
    ids = [int(label) for label in np.unique(labels) if label]
    found = {name: np.zeros_like(labels) for name in ("erosion", "opening")}
    found |= {name: labels.copy() for name in ("dilation", "closing")}
    best = np.full(labels.shape, np.inf)
    for label in ids:
        own = labels == label
        left = ndimage.binary_erosion(own, mask, border_value=1)
        found["erosion"][left] = label
        found["opening"][ndimage.binary_dilation(left, mask)] = label
        wide = ndimage.binary_dilation(own, mask)
        closed = ndimage.binary_erosion(wide, mask, border_value=1) & (labels == 0)
        far = ndimage.distance_transform_edt(~own, sampling=spacing)
        wins = closed & (far < best - 1e-6)
        found["closing"][wins], best[wins] = label, far[wins]
    best[:] = np.inf
    for offset in np.argwhere(mask) - np.array(mask.shape) // 2:
        near, far = shifted(labels, offset), np.linalg.norm(offset * np.array(spacing))
        tie = (np.abs(far - best) < 1e-6) & (near < found["dilation"])
        wins = (labels == 0) & (near > 0) & ((far < best - 1e-6) | tie)
        found["dilation"][wins], best[wins] = near[wins], far
    found["gradient"] = np.where(found["erosion"] == 0, labels, 0)
    return found


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (
            "erosion",
            [
                [1, 1, 1, 0, 0, 2, 2],
                [1, 1, 1, 0, 0, 2, 2],
                [0, 0, 0, 0, 0, 2, 0],
                [0, 0, 0, 0, 0, 0, 0],
                [0, 0, 0, 0, 0, 0, 0],
                [0, 0, 0, 0, 0, 0, 0],
            ],
        ),
        (
            "opening",
            [
                [1, 1, 1, 1, 2, 2, 2],
                [1, 1, 1, 1, 2, 2, 2],
                [1, 1, 1, 0, 2, 2, 2],
                [0, 0, 0, 0, 0, 2, 0],
                [0, 0, 0, 0, 0, 0, 0],
                [0, 0, 0, 0, 0, 0, 0],
            ],
        ),
        (
            "dilation",  # where 2 and 1, or 3 and 1, are as near, the lower one comes
            [
                [1, 1, 1, 1, 2, 2, 2],
                [1, 1, 1, 1, 2, 2, 2],
                [1, 1, 1, 1, 2, 2, 2],
                [1, 1, 1, 1, 2, 2, 2],
                [0, 3, 3, 3, 2, 2, 2],
                [0, 0, 3, 0, 0, 2, 0],
            ],
        ),
        (
            "closing",
            [
                [1, 1, 1, 1, 2, 2, 2],
                [1, 1, 1, 1, 2, 2, 2],
                [1, 1, 1, 1, 2, 2, 2],
                [0, 0, 0, 0, 0, 2, 2],
                [0, 0, 3, 0, 0, 2, 0],
                [0, 0, 0, 0, 0, 0, 0],
            ],
        ),
        (
            "gradient",
            [
                [0, 0, 0, 1, 2, 0, 0],
                [0, 0, 0, 1, 2, 0, 0],
                [1, 1, 1, 1, 2, 0, 2],
                [0, 0, 0, 0, 0, 2, 0],
                [0, 0, 3, 0, 0, 2, 0],
                [0, 0, 0, 0, 0, 0, 0],
            ],
        ),
    ],
)
def test_every_operation_on_a_written_out_plane(operation, expected):
    result = morphology(BLOCKS, operation=operation, radius="1 px")
    assert result.tolist() == expected
    assert result.dtype == np.uint16


@pytest.mark.parametrize("shape_of_element", SHAPES, ids=str)
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_every_operation_is_the_one_its_definition_gives(grid, shape_of_element):
    (shape, spacing), (kind, angle) = grid, shape_of_element
    labels = blobs(shape)
    given_angle = {"angle": angle} if kind == "line" else {}
    for radius in (1, 2.5, 4):
        _, mask = footprint(kind, radius, angle, spacing)
        for operation, expected in slowly(labels, mask, spacing).items():
            result = morphology(
                labels,
                operation=operation,
                element=kind,
                radius=radius,
                spacing=spacing,
                **given_angle,
            )
            np.testing.assert_array_equal(result, expected, err_msg=f"{operation} {radius}")


@pytest.mark.parametrize(
    ("angle", "expected"),
    [
        (0, [[0, 0, 0], [1, 1, 1], [0, 0, 0]]),
        (45, [[0, 0, 1], [0, 1, 0], [1, 0, 0]]),
        (90, [[0, 1, 0], [0, 1, 0], [0, 1, 0]]),
        (-45, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    ],
)
def test_a_line_rises_to_the_right(angle, expected):
    point = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    line = {"element": "line", "angle": angle, "radius": "1.5 px"}
    assert morphology(point, operation="dilation", **line).tolist() == expected


def test_neighbours_share_the_gap_by_distance_and_ties_go_to_the_lower():
    row = np.array([[0, 9, 0, 0, 0, 4, 0, 0, 6]])
    options = {"operation": "dilation", "radius": "3 px"}
    expected = [[9, 9, 9, 4, 4, 4, 4, 6, 6]]
    for kind in ("ball", "box", "line"):
        assert morphology(row, element=kind, **options).tolist() == expected


def test_objects_that_close_over_the_same_pixel_share_it_by_distance():
    labels = np.array(
        [
            [0, 0, 0, 5, 8, 5, 0, 0, 0],
            [0, 0, 0, 5, 0, 5, 0, 0, 0],
            [0, 0, 0, 5, 8, 5, 0, 0, 0],
        ]
    )
    options = {"operation": "closing", "element": "box", "radius": 1.0}
    for spacing, owner in (((1, 1), 5), ((0.5, 1), 8)):
        expected = labels.copy()
        expected[1, 4] = owner
        result = morphology(labels, spacing=spacing, **options)
        np.testing.assert_array_equal(result, expected)


def test_nothing_lies_beyond_the_border():
    full = np.full((4, 5), 3)
    for operation in ("erosion", "opening", "closing", "dilation"):
        assert (morphology(full, operation=operation, radius="2 px") == 3).all()
    assert not morphology(full, operation="gradient", radius="2 px").any()
    near_it = np.array([[0, 2, 0, 0, 0]])
    assert morphology(near_it, operation="closing", radius="1 px").tolist() == [[2, 2, 0, 0, 0]]


def test_large_and_small_objects_are_closed_alike(monkeypatch):
    labels = blobs((30, 34), seed=3)
    options = {"operation": "closing", "radius": "3 px"}
    together = morphology(labels, **options)
    assert np.any(together != labels)
    monkeypatch.setattr(claims, "_LARGE", 0)
    monkeypatch.setattr(claims, "PIECE", 1)
    np.testing.assert_array_equal(morphology(labels, **options), together)


@pytest.mark.parametrize("operation", ["opening", "closing", "erosion", "dilation", "gradient"])
def test_ids_of_any_dtype_are_kept(operation):
    pattern = np.array([[1, 1, 1, 0, 1], [1, 1, 1, 0, 2], [1, 1, 1, 0, 2]])
    expected = morphology(pattern.astype(np.uint8), operation=operation, radius="1 px")
    for dtype, ids in (
        (np.int64, [0, 3, 10**12]),
        (np.int32, [0, 5, 70_000]),
        (np.uint16, [0, 40_000, 65_535]),
        (np.uint64, [0, 2**40, 2**63]),
    ):
        own = np.array(ids, dtype)
        result = morphology(own[pattern], operation=operation, radius="1 px")
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, own[expected])
    mask = morphology(pattern == 1, operation=operation, radius="1 px")
    assert mask.dtype == bool


def test_a_radius_below_one_pixel_changes_nothing():
    for kind in ("ball", "box", "line"):
        options = {"element": kind, "radius": "0.5 px"}
        for operation in ("opening", "closing", "erosion", "dilation"):
            np.testing.assert_array_equal(
                morphology(BLOCKS, operation=operation, **options), BLOCKS
            )
        assert not morphology(BLOCKS, operation="gradient", **options).any()
        assert not top_hat(BLOCKS, **options).any()


@settings(max_examples=30)
@given(arrays(np.uint8, (6, 7), elements=st.integers(0, 3)), st.sampled_from(["ball", "box"]))
def test_opening_and_closing_are_idempotent_and_never_change_an_id(labels, kind):
    options = {"element": kind, "radius": 1.5}
    opened = morphology(labels, operation="opening", **options)
    assert ((opened == labels) | (opened == 0)).all()
    np.testing.assert_array_equal(morphology(opened, operation="opening", **options), opened)
    eroded = morphology(labels, operation="erosion", **options)
    assert (opened[eroded > 0] == eroded[eroded > 0]).all()
    rim = morphology(labels, operation="gradient", **options)
    np.testing.assert_array_equal(eroded + rim, labels)
    for operation in ("closing", "dilation"):
        grown = morphology(labels, operation=operation, **options)
        assert (grown[labels > 0] == labels[labels > 0]).all()
        assert set(np.unique(grown)) - {0} == set(np.unique(labels)) - {0}


def test_objects_and_classes_come_out_the_same():
    for operation in ("opening", "closing"):
        results = [
            morphology(BLOCKS, operation=operation, labels_are=k) for k in ("objects", "classes")
        ]
        np.testing.assert_array_equal(*results)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"angle is 30.*used only with element = 'line'"):
        morphology(BLOCKS, angle=30.0)
    with pytest.raises(ValueError, match=r"radius is '40 px'.*half of the image's longest"):
        morphology(BLOCKS, radius="40 px")
    with pytest.raises(TypeError, match="labels has dtype float64"):
        smooth(np.full((3, 3), 0.5))


@pytest.mark.parametrize(
    "method",
    [
        *[
            lambda labels, report, o=o, e=e: morphology(
                labels, operation=o, element=e, report=report
            )
            for o, e in product(("opening", "closing", "dilation"), ("ball", "box", "line"))
        ],
        lambda labels, report: top_hat(labels, radius="2 px", report=report),
        lambda labels, report: smooth(labels, report=report),
    ],
)
def test_progress_rises_to_the_end_and_the_run_can_be_stopped(method):
    labels = blobs((3, 20, 24))
    seen = []
    method(labels, lambda progress: seen.append(progress.done / progress.total))
    assert seen == sorted(seen)
    assert seen[-1] == 1

    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        method(labels, stop)


def test_top_hat_keeps_narrow_details_only():
    image = np.array([[20, 20, 50, 20, 20, 60, 60, 60, 60, 20, 5, 20]], np.uint8)
    bright = top_hat(image, radius="1 px")
    assert bright.tolist() == [[0, 0, 30, 0, 0, 0, 0, 0, 0, 0, 0, 15]]
    dark = top_hat(image, tone="dark", radius="1 px")
    assert dark.tolist() == [[0, 0, 0, 30, 30, 0, 0, 0, 0, 0, 15, 0]]


def test_top_hat_evens_out_the_light():
    light = np.linspace(0, 100, 40, dtype=np.float32)[None] + np.zeros((30, 1), np.float32)
    spots = np.zeros((30, 40), np.float32)
    spots[10:12, 9:11], spots[20:22, 30:32] = 50, 50
    flat = top_hat(light + spots, radius="4 px")
    assert flat.dtype == np.float32
    assert flat[10, 9] > 40
    assert flat[20, 30] > 40
    assert flat[spots == 0].max() < 12


def test_gaps_stay_gaps_and_do_not_spread():
    image = np.random.default_rng(0).random((9, 11)).astype(np.float32)
    whole = top_hat(image, radius="2 px")
    image[4, 5], image[0, 0] = np.nan, np.inf
    result = top_hat(image, radius="2 px")
    assert np.isnan(result[4, 5])
    assert np.isnan(result[0, 0])
    assert np.isnan(result).sum() == 2
    np.testing.assert_array_equal(result[:, 10], whole[:, 10])
    assert np.nanmin(result) >= 0


@pytest.mark.parametrize(
    ("given_dtype", "dtype"),
    [(np.int8, np.uint8), (np.int32, np.uint32), (bool, np.uint8), (np.float64, np.float64)],
)
def test_top_hat_holds_every_difference(given_dtype, dtype):
    low = np.iinfo(given_dtype).min if np.dtype(given_dtype).kind == "i" else 0
    high = np.iinfo(given_dtype).max if np.dtype(given_dtype).kind == "i" else 1
    image = np.full((5, 5), low, given_dtype)
    image[2, 2] = high
    result = top_hat(image, radius="1 px")
    assert result.dtype == dtype
    assert int(result[2, 2]) == int(high) - int(low)
    assert np.count_nonzero(result) == 1


def test_a_top_hat_in_a_volume_takes_unequal_spacing():
    image = np.zeros((5, 9, 9), np.uint8)
    image[2] = 80
    options = {"radius": 1.0, "spacing": (2, 1, 1)}
    assert not top_hat(image, **options).any()  # the ball reaches no other plane
    assert (top_hat(image, radius=2.0, spacing=(2, 1, 1))[2] == 80).all()


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("radius", [1, 2, 3.4])
def test_smooth_takes_the_most_frequent_label(grid, radius):
    shape, spacing = grid
    labels = blobs(shape, seed=4, dtype=np.int32) * 50
    _, mask = footprint("ball", radius, 0, spacing)
    ids = np.unique(labels)
    found = [
        ndimage.correlate((labels == k).astype(int), mask.astype(int), mode="constant") for k in ids
    ]
    found = np.stack(found)
    own = np.take_along_axis(found, np.searchsorted(ids, labels)[None], 0)[0]
    expected = np.where(own == found.max(axis=0), labels, ids[found.argmax(axis=0)])
    result = smooth(labels, radius=radius, spacing=spacing)
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, expected)


def test_smooth_on_a_written_out_plane():
    labels = np.array(
        [
            [1, 1, 1, 1, 2, 2],
            [1, 1, 2, 1, 2, 2],
            [1, 1, 1, 2, 2, 2],
            [1, 1, 1, 1, 2, 2],
            [0, 0, 0, 0, 0, 0],
        ]
    )
    expected = [
        [1, 1, 1, 1, 2, 2],
        [1, 1, 1, 2, 2, 2],
        [1, 1, 1, 1, 2, 2],
        [1, 1, 1, 1, 2, 2],
        [0, 0, 0, 0, 0, 0],
    ]
    assert smooth(labels, radius="1 px").tolist() == expected


def test_smooth_leaves_ids_of_any_size():
    labels = np.where(blobs((12, 13)) > 5, 2**40, -3).astype(np.int64)
    small = np.where(labels > 0, 1, 0)
    expected = np.where(smooth(small) == 1, 2**40, -3)
    np.testing.assert_array_equal(smooth(labels), expected)
