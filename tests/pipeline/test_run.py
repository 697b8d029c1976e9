from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_tessera import METHODS, label, threshold, watershed
from napari_tessera.methods.refine.paint import as_text
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Points, Region, Source, grey
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import NothingToSeparate, Stop
from napari_tessera.signature.words import VoxelSize


@pytest.fixture
def stack(rng):
    image = rng.integers(0, 100, (3, 12, 14)).astype(np.uint8)
    image[:, 2:6, 2:6] += 100
    image[:, 7:11, 8:12] += 100
    return image


def test_planes_are_worked_on_one_by_one(stack):
    result = run("threshold", Source.of(stack), {"smoothing": "1 px"})
    expected = np.stack([threshold(plane, smoothing="1 px") for plane in stack])
    np.testing.assert_array_equal(result.array, expected)
    assert result.kind == "classes"


def test_one_level_for_all_planes(stack):
    stack[1] //= 2
    result = run("threshold", Source.of(stack), walk=Walk(levels_from="all"))
    np.testing.assert_array_equal(result.array, threshold(stack))
    assert not np.array_equal(result.array, run("threshold", Source.of(stack)).array)


def test_a_z_axis_makes_a_volume(stack):
    source = Source.of(stack, axes="zyx", spacing=VoxelSize((2, 1, 1), "um"))
    assert source.over == "volume"
    result = run("watershed", source, {"smoothing": "1 px", "seed_distance": "4 px"})
    expected = watershed(stack, smoothing="1 px", seed_distance="4 px", spacing=(2, 1, 1))
    np.testing.assert_array_equal(result.array, expected)


def test_object_ids_are_unique_over_planes_and_classes_are_kept(stack):
    classes = run("threshold", Source.of(stack)).array
    objects = run("label", Source.of(classes)).array
    np.testing.assert_array_equal(objects > 0, classes > 0)
    ids = [set(np.unique(plane)) - {0} for plane in objects]
    assert not (ids[0] & ids[1] or ids[1] & ids[2])
    np.testing.assert_array_equal(objects[0], label(classes[0]))


def test_overlapping_objects_keep_one_number_on_request():
    planes = np.zeros((3, 4, 8), np.uint8)
    planes[0, 1:3, 0:3] = planes[1, 1:3, 1:4] = planes[2, 1:3, 2:5] = 1
    planes[1:, 1:3, 6:8] = 1
    objects = run("label", Source.of(planes), walk=Walk(join=True)).array
    assert [sorted(set(np.unique(p)) - {0}) for p in objects] == [[1], [1, 2], [1, 2]]


def test_objects_are_not_joined_from_one_series_to_the_next():
    planes = np.ones((2, 2, 3, 3), np.uint8)
    objects = run("label", Source.of(planes), walk=Walk(join=True)).array
    assert [[np.unique(p).tolist() for p in series] for series in objects] == [
        [[1], [1]],
        [[2], [2]],
    ]


def test_ids_widen_when_they_no_longer_fit():
    grid = np.zeros((2, 300, 300), np.uint8)
    grid[:, ::2, ::2] = 1
    objects = run("label", Source.of(grid), {"connectivity": "faces"}).array
    assert objects.dtype == np.uint32
    assert objects.max() == 45_000


@pytest.mark.parametrize("wrap", [lambda a: da.from_array(a, chunks=5), zarr.array])
def test_lazy_arrays_give_the_same(stack, wrap):
    expected = run("threshold", Source.of(stack)).array
    np.testing.assert_array_equal(run("threshold", Source.of(wrap(stack))).array, expected)


class Counting:
    """An array that remembers how much was read at once."""

    def __init__(self, array):
        self.array, self.shape, self.ndim, self.dtype = array, array.shape, array.ndim, array.dtype
        self.largest = 0

    def __getitem__(self, index):
        piece = self.array[index]
        self.largest = max(self.largest, piece.size)
        return piece


def test_no_more_than_a_plane_is_read_at_once(stack):
    counting = Counting(stack)
    run("threshold", Source.of(counting), walk=Walk(levels_from="all"))
    assert counting.largest == stack[0].size


@pytest.mark.parametrize("axis", [0, 1, 3])
def test_channels_may_be_on_any_axis(stack, axis):
    colours = np.stack([stack, stack // 2, stack // 4], axis)
    whole = run("threshold", Source.of(colours, channel_axis=axis)).array
    mixed = grey(np.stack([stack, stack // 2, stack // 4], -1))
    expected = np.stack([threshold(plane) for plane in mixed])
    np.testing.assert_array_equal(whole, expected)
    one = Source.of(colours, channel_axis=axis)
    one = replace(one, channel=1)
    np.testing.assert_array_equal(
        run("threshold", one).array, run("threshold", Source.of(stack // 2)).array
    )


def test_time_and_volumes_together(rng):
    movie = rng.random((2, 4, 6, 7))
    source = Source.of(movie, axes=("t", "z", "y", "x"))
    result = run("threshold", source).array
    np.testing.assert_array_equal(result, np.stack([threshold(volume) for volume in movie]))


@pytest.mark.parametrize("over", ["planes", "volume"])
def test_five_axes_channels_among_them(rng, over):
    movie = rng.integers(0, 255, (2, 3, 2, 6, 7)).astype(np.uint8)  # t, z, c, y, x
    source = Source.of(movie, axes=("t", "z", "y", "x"), channel_axis=2)
    result = run("threshold", replace(source, channel=1), walk=Walk(over=over)).array
    own = movie[:, :, 1]
    pieces = own if over == "volume" else own.reshape(-1, 6, 7)
    expected = np.stack([threshold(piece) for piece in pieces]).reshape(own.shape)
    np.testing.assert_array_equal(result, expected)


def test_a_region_is_worked_on_by_itself(stack):
    region = Region((1, 2, 3), (3, 10, 13))
    result = run("threshold", Source.of(stack), walk=Walk(region=region))
    part = stack[1:3, 2:10, 3:13]
    np.testing.assert_array_equal(result.array, run("threshold", Source.of(part)).array)
    assert result.start == (1, 2, 3)


def test_a_regions_mask_counts_for_levels_and_result():
    image = np.array([[0, 1, 100, 101], [200, 200, 200, 200]])
    region = Region((0, 0), (2, 4), np.array([[1, 1, 1, 1], [0, 0, 0, 0]], bool))
    result = run("threshold", Source.of(image), walk=Walk(region=region)).array
    assert result.tolist() == [[0, 0, 1, 1], [0, 0, 0, 0]]


def test_a_region_outside_is_refused(stack):
    with pytest.raises(ValueError, match=r"region goes from \(0, 0, 0\) to \(9, 2, 2\)"):
        run("threshold", Source.of(stack), walk=Walk(region=Region((0, 0, 0), (9, 2, 2))))


def test_points_mark_objects_in_their_plane(stack):
    points = Points(np.array([[0, 3, 3], [2, 3, 3], [2, 8, 9]]))
    options = {"markers": points, "smoothing": "1 px"}
    region = Region((2, 0, 0), (3, 12, 14))
    result = run("watershed", Source.of(stack), options, walk=Walk(region=region)).array
    assert sorted(np.unique(result)) == [0, 1, 2]
    assert result[0, 3, 3] == 1
    assert result[0, 8, 9] == 2


def test_painted_markers_keep_their_values_in_every_plane(stack):
    markers = np.zeros(stack.shape, int)
    markers[:, 3, 3], markers[:, 8, 9] = 5, 9
    result = run("watershed", Source.of(stack), {"markers": markers, "smoothing": "1 px"}).array
    assert all(sorted(np.unique(plane)) == [0, 5, 9] for plane in result)


def test_one_mask_serves_all_planes(stack):
    mask = np.zeros(stack.shape[1:], bool)
    mask[:, :7] = True
    result = run("threshold", Source.of(stack), {"mask": mask}).array
    assert not result[:, :, 7:].any()
    assert result[:, 2:6, 2:6].mean() > 0.6
    with pytest.raises(ValueError, match=r"mask has shape \(5, 5\) but image has \(3, 12, 14\)"):
        run("threshold", Source.of(stack), {"mask": mask[:5, :5]})


def test_a_blank_plane_is_left_empty_and_counted(stack):
    stack[1] = 7
    result = run("threshold", Source.of(stack))
    assert result.skipped == 1
    assert not result.array[1].any()
    with pytest.raises(
        NothingToSeparate,
        match="nothing to separate in any of 3 places; in the first: image is constant",
    ):
        run("threshold", Source.of(stack * 0))


@pytest.mark.parametrize(
    ("spoil", "options"),
    [
        (lambda plane: plane * 0 + 7, {"method": "otsu", "classes": 3}),
        (lambda plane: plane * 0 + 7, {"method": "hysteresis"}),
        (lambda plane: plane * np.nan, {}),
    ],
)
def test_no_odd_plane_ends_the_run(stack, spoil, options):
    image = stack.astype(float)
    image[1] = spoil(image[1])
    result = run("threshold", Source.of(image), options)
    assert (result.skipped, result.array[1].any()) == (1, False)
    np.testing.assert_array_equal(result.array[2], threshold(image[2], **options))


def test_markers_in_some_planes_only(stack):
    points = Points(np.array([[0, 3, 3], [2, 3, 3]]))
    result = run("watershed", Source.of(stack), {"markers": points, "smoothing": "1 px"})
    assert result.skipped == 1
    assert [np.unique(plane).tolist() for plane in result.array] == [[0, 1], [0], [0, 2]]


def test_lazy_markers_keep_their_ids(stack):
    markers = np.zeros(stack.shape, np.uint8)
    markers[:, 3, 3], markers[:, 8, 9] = 5, 9
    options = {"markers": da.from_array(markers), "smoothing": "1 px"}
    result = run("watershed", Source.of(stack), options).array
    assert all(sorted(np.unique(plane)) == [0, 5, 9] for plane in result)


def test_labels_outside_a_regions_mask_join_nothing():
    region = Region((0, 0), (1, 3), np.array([[True, False, True]]))
    assert run(
        "label", Source.of(np.ones((1, 3), int)), walk=Walk(region=region)
    ).array.tolist() == [[1, 0, 2]]


def test_statistics_can_be_stopped(stack):
    many, calls = np.concatenate([stack] * 30), []

    def stop(progress):
        calls.append(progress)
        raise Stop

    with pytest.raises(Stop):
        run("threshold", Source.of(many), walk=Walk(levels_from="all"), report=stop)
    assert len(calls) == 1


def test_progress_ends_at_one_and_stop_ends_the_run(stack):
    seen = []
    run("threshold", Source.of(stack), report=lambda p: seen.append(p.done))
    assert seen[-1] == 1
    calls = []

    def stop(progress):
        calls.append(progress)
        raise Stop

    with pytest.raises(Stop):
        run("threshold", Source.of(np.concatenate([stack] * 30)), report=stop)
    assert len(calls) < 20


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"smothing": 1}, TypeError, "threshold has no option 'smothing'; it has method, levels"),
        ({"smoothing": "1 apple"}, ValueError, "smoothing is '1 apple'"),
        ({"classes": 1}, ValueError, "classes is 1"),
    ],
)
def test_bad_options_are_named_before_anything_runs(options, error, message):
    with pytest.raises(error, match=message):
        run("threshold", Source.of(np.zeros((3, 3))), options)


def test_a_plane_is_no_volume():
    with pytest.raises(ValueError, match="working on volume needs 3 axes"):
        run("threshold", Source.of(np.eye(3)), walk=Walk(over="volume"))


STARTS = [
    ("threshold", "whole"),
    ("label", "whole"),
    ("fill_holes", "whole"),
    ("top_hat", "whole"),
    ("measure", "places of its own"),
    ("contours", "places of its own"),
]


@pytest.mark.parametrize(("method", "what"), STARTS)
def test_results_begin_where_the_region_begins(stack, method, what):
    """A number per axis, without a region too: forms and files place results by it."""
    labels = (stack > 120).astype(np.uint8)
    source = Source.of(labels if METHODS[method].source.word.name == "labels" else stack)
    assert run(method, source).start == (0, 0, 0)
    region = Region((1, 2, 3), (3, 12, 13))
    result = run(method, source, walk=Walk(region=region))
    # polygons and tables have the coordinates of the source
    assert result.start == ((1, 2, 3) if what == "whole" else (0, 0, 0))
    if what == "whole":
        assert result.array.shape == (2, 10, 10)


@pytest.mark.parametrize(
    ("method", "options"),
    [("relabel", {}), ("delete", {"path": ((0, 2, 2),)}), ("paint", {})],
)
def test_what_changes_the_whole_begins_at_its_first_pixel(stack, method, options):
    labels = (stack > 120).astype(np.uint8)
    if method == "paint":
        options = {"drawn": as_text(np.array([[0, 2, 2]]), np.array([5]))}
    assert run(method, Source.of(labels), options).start == (0, 0, 0)


def test_polygons_and_rows_of_a_region_have_places_in_the_source(stack):
    labels = np.zeros(stack.shape, np.uint8)
    labels[:, 3:6, 3:6] = 4
    walk = Walk(region=Region((1, 2, 2), (3, 8, 8)))
    table = run("measure", Source.of(labels), walk=walk).table
    assert table["axis 0"].tolist() == [1, 2]
    polygons = run("contours", Source.of(labels), {"tolerance": "0 px"}, walk=walk).polygons
    assert [set(each[:, 0]) for each in polygons] == [{1}, {2}]
    assert [each[:, 1:].mean(0).round().tolist() for each in polygons] == [[4, 4]] * 2


def test_a_blank_frame_keeps_its_labels_where_they_are_refined(rng):
    labels = np.zeros((3, 24, 26), np.uint8)
    labels[:, 4:14, 4:14] = 1
    image = labels * 100.0 + rng.normal(0, 3, labels.shape)
    image[1] = 0
    axes = ("t", "y", "x")
    images = {"image": Source.of(image, axes=axes)}
    found = run("crf", Source.of(labels, axes=axes), images, Walk(levels_from="each"))
    np.testing.assert_array_equal(found.array[1], labels[1])
    assert found.skipped == 1


@pytest.mark.parametrize("method", ["morphology", "relabel", "delete", "paint"])
def test_whole_floats_and_bytes_of_true_are_labels_on_every_way(method):
    labels = np.zeros((2, 12, 14), np.uint8)
    labels[:, 3:9, 3:9] = 1
    given = {
        "delete": {"path": ((0, 5, 5),)},
        "paint": {"drawn": as_text(np.array([[0, 0, 0]]), np.array([1]))},
    }.get(method, {})
    expected = run(method, Source.of(labels), given).array
    for same in (labels.astype(">f4"), (labels * 255).view(bool), labels.astype("f8")):
        np.testing.assert_array_equal(run(method, Source.of(same), given).array, expected)


@pytest.mark.parametrize("method", ["threshold", "fill_holes", "measure"])
@pytest.mark.parametrize(
    ("start", "stop"),
    [((0, 0), (99, 5)), ((90, 90), (99, 99)), ((2, 2), (2, 5)), ((0, 0, 0), (1, 2, 2))],
)
def test_a_region_outside_is_refused_by_every_method(method, start, stop):
    source = Source.of(np.eye(12, 14, dtype=np.uint8))
    with pytest.raises(ValueError, match="region goes from .*; choose a region inside it"):
        run(method, source, walk=Walk(region=Region(start, stop)))


@pytest.mark.parametrize("shape", [(9, 14), (14, 12), (2, 12, 14), (12,)])
def test_an_image_of_another_grid_is_named(shape):
    source = Source.of(np.eye(12, 14, dtype=np.uint8))
    image = Source.of(np.zeros(shape)) if len(shape) > 1 else np.zeros(shape)
    with pytest.raises(
        ValueError, match=r"image has shape .* but image has|pass one of the same grid"
    ):
        run("measure", source, {"image": image})
