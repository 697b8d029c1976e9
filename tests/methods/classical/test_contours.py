from itertools import pairwise
from typing import get_type_hints

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special
from skimage import data, measure

from napari_tessera import label, threshold
from napari_tessera.algorithms.geometry.polygons import polygons_to_labels
from napari_tessera.methods.classical.canny import canny
from napari_tessera.methods.classical.contours import contours
from napari_tessera.signature.progress import Stop
from napari_tessera.signature.units import column
from napari_tessera.signature.words import VoxelSize

SMALL = st.tuples(st.integers(1, 12), st.integers(1, 12))
LABELS = hnp.arrays(np.int32, SMALL, elements=st.sampled_from([0, 0, 1, 2, 3, 70_000]))
LINES = hnp.arrays(np.uint8, SMALL, elements=st.sampled_from([0, 0, 1]))


def _disc(radius, size=None, spacing=(1, 1)):
    size = size or int(2 * radius + 5)
    y, x = (np.arange(size) - size // 2 for _ in range(2))
    return np.hypot(y[:, None] * spacing[0], x * spacing[1]) <= radius


def test_a_written_out_object_runs_clockwise_between_the_pixels():
    polygons, table = contours(np.array([[0, 0, 0, 0], [0, 5, 5, 0], [0, 0, 0, 0]]), tolerance=0)
    expected = [[0.5, 1], [0.5, 2], [1, 2.5], [1.5, 2], [1.5, 1], [1, 0.5], [0.5, 1]]
    assert [polygon.tolist() for polygon in polygons] == [expected]
    assert {name: values.tolist() for name, values in table.items()} == {
        "index": [1],
        "label": [5],
        "closed": [True],
        "hole": [False],
        "length": [pytest.approx(2 + 4 * 0.5**0.5)],
        "area": [1.5],
    }


def test_holes_run_the_other_way():
    ring = np.ones((3, 3), int)
    ring[1, 1] = 0
    (outer, hole), table = contours(ring, tolerance=0)
    assert hole.tolist() == [[1.5, 1], [1, 1.5], [0.5, 1], [1, 0.5], [1.5, 1]]
    assert len(outer) == 13
    assert outer.min() == -0.5  # closed at the border of the image
    assert table["hole"].tolist() == [False, True]
    assert table["area"].tolist() == [8.5, 0.5]


def test_touching_objects_have_an_outline_each():
    polygons, table = contours(np.array([[1, 2]]), tolerance=0)
    assert table["label"].tolist() == [1, 2]
    assert [0, 0.5] in polygons[0].tolist()
    assert [0, 0.5] in polygons[1].tolist()


def test_pixels_that_touch_at_corners_are_one_object():
    polygons, table = contours(np.array([[3, 0], [0, 3]]), tolerance=0)
    assert len(polygons) == 1
    assert table["area"].tolist() == [1.5]


def test_outlines_are_those_of_scikit_image():
    labels = label(threshold(data.coins(), smoothing="1 px"))
    polygons, table = contours(labels, tolerance=0)
    expected = []
    for own in np.unique(labels)[1:]:
        padded = np.pad((labels == own).astype(float), 1)
        lines = measure.find_contours(padded, 0.5, fully_connected="high")
        expected += [{tuple(vertex) for vertex in line - 1} for line in lines]
    found = [{tuple(vertex) for vertex in polygon} for polygon in polygons]
    assert len(found) == len(expected)
    key = sorted
    assert sorted(map(key, found)) == sorted(map(key, expected))
    assert table["label"].max() == labels.max()


@given(LABELS)
@settings(max_examples=150)
def test_outlines_filled_again_are_the_labels(labels):
    polygons, table = contours(labels, tolerance=0)
    np.testing.assert_array_equal(
        polygons_to_labels(polygons, labels.shape, table["label"]), labels
    )
    signs = np.where(table["hole"], -1, 1)
    for number in np.unique(labels)[1:]:
        own = table["label"] == number
        # each line cuts off half a pixel in all at its corners
        area = (signs * table["area"])[own].sum() + 0.5 * signs[own].sum()
        assert area == pytest.approx((labels == number).sum())


def test_outlines_of_many_objects_filled_again_are_the_labels():
    labels = label(threshold(np.tile(data.coins(), (2, 2)), smoothing="0.5 px"))
    polygons, table = contours(labels, tolerance=0)
    found = polygons_to_labels(polygons, labels.shape, table["label"])
    np.testing.assert_array_equal(found, labels)
    simple, table = contours(labels)
    assert sum(map(len, simple)) < sum(map(len, polygons)) / 2.5
    near = polygons_to_labels(simple, labels.shape, table["label"])
    assert (near == labels).mean() > 0.99


@pytest.mark.parametrize("radius", [10.3, 30.2, 100.1])
@pytest.mark.parametrize(("tolerance", "excess"), [(0, 0.065), ("0.7 px", 0.03)])
def test_area_and_length_of_a_circle(radius, tolerance, excess):
    (outline,), table = contours(_disc(radius).astype(np.uint8), tolerance=tolerance)
    assert (outline[0] == outline[-1]).all()
    assert table["closed"].tolist() == [True]
    assert table["area"][0] == pytest.approx(np.pi * radius**2, rel=0.025)
    # steps are longer than the circle they follow
    assert 0 < table["length"][0] / (2 * np.pi * radius) - 1 < excess


def test_anisotropic_pixels_are_measured_in_their_unit():
    spacing = VoxelSize((0.5, 0.25), "micrometer")
    disc = _disc(20, 201, spacing)
    (outline,), table = contours(disc, tolerance="1 px", spacing=spacing)
    assert list(table) == ["index", "label", "closed", "hole", "length (um)", "area (um^2)"]
    assert table["area (um^2)"][0] == pytest.approx(np.pi * 20**2, rel=0.01)
    assert table["length (um)"][0] == pytest.approx(2 * np.pi * 20, rel=0.05)
    assert np.abs(np.hypot(*((outline - 100) * spacing).T) - 20).max() < 0.6
    coarse = contours(disc, tolerance="1 um", spacing=spacing)[0][0]
    assert len(coarse) < len(outline)
    assert column("length", "pixel") == "length"
    assert column("length", "um") == "length (um)"


def test_simplified_lines_stay_within_the_tolerance():
    disc = _disc(30).astype(int)
    (every,), _ = contours(disc, tolerance=0)
    for tolerance in (0.3, 1, 3):
        (few,), _ = contours(disc, tolerance=f"{tolerance} px")
        assert {tuple(v) for v in few} <= {tuple(v) for v in every}
        a, b = few[:-1, None], few[1:, None]
        along = ((every - a) * (b - a)).sum(-1) / ((b - a) ** 2).sum(-1)
        feet = a + np.clip(along, 0, 1)[..., None] * (b - a)
        assert np.hypot(*np.moveaxis(every - feet, -1, 0)).min(0).max() <= tolerance + 1e-9


def test_small_objects_do_not_vanish():
    dot = np.zeros((9, 9), int)
    dot[4, 4] = 1
    assert len(contours(dot, tolerance="3 px")[0][0]) == 5
    assert contours(dot, min_length="3 px")[0] == []
    assert len(contours(dot, min_length="2.8 px")[0]) == 1


def test_no_labels_give_no_polygons():
    for trace in ("outlines", "edges"):
        polygons, table = contours(np.zeros((4, 5), np.uint8), trace=trace)
        assert polygons == []
        assert [len(values) for values in table.values()] == [0] * 6
        assert table["closed"].dtype == bool
        assert table["index"].dtype.kind == "i"


def test_lines_are_cut_where_they_branch():
    tee = np.array([[1, 1, 1, 1, 1], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0]])
    polygons, table = contours(tee, trace="edges", tolerance=0)
    ends = sorted(sorted((tuple(line[0]), tuple(line[-1]))) for line in polygons)
    assert ends == [[(0, 0), (0, 2)], [(0, 2), (0, 4)], [(0, 2), (2, 2)]]
    assert table["length"].tolist() == [2, 2, 2]
    assert not table["closed"].any()
    assert table["area"].tolist() == [0, 0, 0]


def test_a_line_is_in_order_and_steps_are_no_branches():
    stairs = np.array([[0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 0, 0]])
    (line,), _ = contours(stairs, trace="edges", tolerance=0)
    assert line.tolist() == [[0, 3], [1, 3], [1, 2], [1, 1], [2, 1], [2, 0]]
    (line,), _ = contours(np.eye(4, dtype=int), trace="edges")
    assert line.tolist() == [[0, 0], [3, 3]]


def test_loops_are_closed_and_single_pixels_left_out():
    loop = np.array([[0, 1, 0, 0, 0], [1, 0, 1, 0, 0], [0, 1, 0, 0, 9]])
    (line,), table = contours(loop, trace="edges", tolerance=0)
    assert line.tolist() == [[0, 1], [1, 2], [2, 1], [1, 0], [0, 1]]
    assert table["closed"].tolist() == [True]
    assert table["hole"].tolist() == [False]
    assert table["area"].tolist() == [2]


def test_thick_lines_are_thinned_and_labels_kept_apart():
    thick = np.zeros((20, 30), int)
    thick[4:7, 3:27] = 4
    thick[12, 2:28] = 6
    polygons, table = contours(thick, trace="edges")
    assert table["label"].tolist() == [4, 6]
    assert polygons[0][:, 0].tolist() == [5, 5]
    assert table["length"][1] == 25


@given(LINES)
@settings(max_examples=100)
def test_lines_pass_every_pixel_that_has_a_neighbour(lines):
    blocks = lines[1:, 1:] & lines[1:, :-1] & lines[:-1, 1:] & lines[:-1, :-1]
    lines[1:, 1:][blocks > 0] = 0  # thin already
    blocks = lines[1:, 1:] & lines[1:, :-1] & lines[:-1, 1:] & lines[:-1, :-1]
    assert not blocks.any()
    polygons, _ = contours(lines, trace="edges", tolerance=0)
    passed = np.zeros_like(lines)
    links = set()
    for line in polygons:
        steps = np.abs(np.diff(line, axis=0))
        assert (steps.max(axis=1) == 1).all()
        passed[tuple(line.astype(int).T)] = 1
        pairs = [frozenset((tuple(a), tuple(b))) for a, b in pairwise(line)]
        assert links.isdisjoint(pairs)
        assert len(set(pairs)) == len(pairs)
        links |= set(pairs)
    neighbours = measure.label(lines, connectivity=2)
    sizes = np.bincount(neighbours.ravel())
    np.testing.assert_array_equal(passed, (lines > 0) & (sizes[neighbours] > 1))


@pytest.mark.parametrize("angle", [0, 20, 45, 70, 90, 135])
@pytest.mark.parametrize("offset", [0, 0.2, 0.5, 0.8])
def test_a_blurred_step_is_found_between_the_pixels(angle, offset):
    y, x = np.mgrid[:40, :60]
    across = (np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle)))
    image = 100 * special.erf(((x - 30) * across[0] + (y - 20) * across[1] - offset) / 2**0.5)
    polygons, _ = contours(canny(image), image, trace="edges", tolerance=0)
    places = np.concatenate(polygons)
    places = places[((places > 5) & (places < [34, 54])).all(axis=1)]
    assert len(places) > 20
    distance = (places[:, 1] - 30) * across[0] + (places[:, 0] - 20) * across[1] - offset
    assert np.abs(distance).max() < 0.05


def test_the_edge_of_a_disc_is_its_circle_in_anisotropic_pixels():
    spacing = VoxelSize((1, 0.5), "um")
    y, x = np.mgrid[:60, :120]
    radius = np.hypot(y - 30, (x - 60) / 2)
    image = 50 * special.erf((20.3 - radius) / 1.5)
    edges = canny(image, smoothing="2 px", spacing=spacing)
    (line,), table = contours(edges, image, trace="edges", tolerance=0, spacing=spacing)
    assert table["closed"].tolist() == [True]
    found = np.hypot(line[:, 0] - 30, (line[:, 1] - 60) / 2)
    assert np.abs(found - 20.3).max() < 0.1
    assert table["area (um^2)"][0] == pytest.approx(np.pi * 20.3**2, rel=0.01)


def test_closed_edges_can_become_labels_again():
    disc = _disc(15, 50)
    polygons, table = contours(canny(disc), disc, trace="edges")
    assert table["closed"].all()
    filled = polygons_to_labels(polygons, disc.shape)
    assert (filled[disc] == 1).mean() > 0.97
    assert (filled[~disc] == 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image": np.zeros((2, 4))}, "image is given, but it is used only with trace = 'edges'"),
        ({"image": np.zeros((3, 3)), "trace": "edges"}, "image has shape .* labels has"),
        ({"smoothing": "2 px"}, "smoothing is '2 px', but it is used only with trace"),
        ({"trace": "lines"}, "trace is 'lines'; choose one of outlines, edges, boxes"),
        ({"tolerance": "much"}, "tolerance is 'much'"),
        ({"min_length": -1}, "min_length is -1"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        contours(np.ones((2, 4), int), **options)


def test_volumes_and_fractions_are_refused():
    with pytest.raises(ValueError, match=r"labels has shape \(2, 3, 4\); pass a plane"):
        contours(np.ones((2, 3, 4), int))
    with pytest.raises(TypeError, match="labels has dtype float64"):
        contours(np.full((3, 4), 0.5))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_every_dtype_is_taken(dtype):
    labels = _disc(4).astype(dtype)
    expected = contours(_disc(4).astype(np.int32))[0][0]
    np.testing.assert_array_equal(contours(labels)[0][0], expected)
    large = np.full((2, 2), 2**40)
    assert contours(large)[1]["label"].tolist() == [2**40]


def test_missing_values_leave_vertices_where_they_are():
    image = np.tile(special.erf(np.arange(20.0) - 9.7), (30, 1))
    edges = canny(image)
    image[10, 10] = np.nan
    (line,), _ = contours(edges, image, trace="edges", tolerance=0)
    whole = line == np.round(line)
    assert whole[(line[:, 0] > 8) & (line[:, 0] < 12)].all()
    assert not whole[(line[:, 0] > 15) & (line[:, 0] < 25), 1].any()


def test_progress_rises_and_can_stop_the_work():
    seen = []
    edges = canny(data.camera())
    contours(edges, data.camera(), trace="edges", report=lambda p: seen.append(p.done / p.total))
    assert seen == sorted(seen)

    def stop(_):
        raise Stop

    with pytest.raises(Stop):
        contours(edges, report=stop)


def test_labels_are_left_alone_and_hints_can_be_read():
    labels = _disc(4).astype(int)
    before = labels.copy()
    contours(labels)
    contours(labels, trace="edges")
    np.testing.assert_array_equal(labels, before)
    assert "return" in get_type_hints(contours, include_extras=True)


def test_boxes_lie_around_all_pixels_of_a_label():
    labels = np.array([[0, 7, 0, 0], [7, 0, 0, 900], [0, 0, 7, 0]], np.uint16)
    polygons, table = contours(labels, trace="boxes", spacing=VoxelSize((2, 1), "um"))
    assert polygons[0].tolist() == [
        [-0.5, -0.5],
        [-0.5, 2.5],
        [2.5, 2.5],
        [2.5, -0.5],
        [-0.5, -0.5],
    ]
    assert polygons[1].tolist() == [[0.5, 2.5], [0.5, 3.5], [1.5, 3.5], [1.5, 2.5], [0.5, 2.5]]
    assert table["label"].tolist() == [7, 900]
    assert table["area (um^2)"].tolist() == [18, 2]
    assert not table["hole"].any()
    with pytest.raises(ValueError, match="tolerance is '2 px', but it is used only with trace"):
        contours(labels, trace="boxes", tolerance="2 px")
