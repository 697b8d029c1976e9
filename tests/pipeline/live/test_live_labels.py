"""Live labels are those of a run, wherever one looks first; they are there at once, and bounded."""

import threading
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_tessera.algorithms.labels.linking import overlap
from napari_tessera.pipeline.live import steps as live_steps
from napari_tessera.pipeline.live.live_labels import READ_ONLY, LiveLabels, LiveStatus, LiveView
from napari_tessera.pipeline.recipes.data import pack
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Points, Source

PATIENCE = 60


class Watched:
    """An array that counts what threads read, and can hold them up."""

    def __init__(self, array, chunks=None):
        self.array, self.shape, self.ndim, self.dtype = array, array.shape, array.ndim, array.dtype
        self.gate, self.boxes = threading.Event(), []
        self.gate.set()
        if chunks is not None:
            self.chunks = chunks

    def __getitem__(self, index):
        assert self.gate.wait(PATIENCE)
        self.boxes.append(index)
        return self.array[index]


@pytest.fixture
def small_blocks(monkeypatch):
    """Let blocks have sides of 16 pixels."""
    monkeypatch.setattr(live_steps, "BLOCK", 400)
    monkeypatch.setattr(live_steps, "SIDE", 16)


def blobs(seed, shape):
    rng = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(rng.normal(size=shape), 1.5)
    return np.digitize(image / image.std(), np.linspace(-2, 2, 60)).astype(np.uint8)


def same_up_to_numbers(one, other):
    """Check that two labellings have the same objects, whatever their numbers."""
    np.testing.assert_array_equal(one > 0, other > 0)
    first, second, _ = overlap(one, other)
    assert len(first) == len(set(first.tolist())) == len(set(second.tolist()))


def chain(*steps):
    recipe = None
    for name, values in steps:
        before = None if recipe is None else recipe.to_dict()
        recipe = Recipe(name, values, before=before, source={"name": "image"})
    return recipe


RECIPES = {
    "threshold": chain(("threshold", {"smoothing": "1 px"})),
    "label": chain(("threshold", {}), ("label", {})),
    "expand": chain(("threshold", {}), ("label", {}), ("expand", {"distance": "2 px"})),
    "volume": chain(("threshold", {"method": "manual", "levels": (30.0,)}), ("label", {})),
}


@settings(max_examples=60)
@given(
    st.sampled_from(["threshold", "label", "expand"]),
    st.integers(0, 10**6),
    st.integers(40, 70),
    st.integers(40, 70),
    st.randoms(use_true_random=False),
)
def test_wherever_one_looks_first_the_labels_are_those_of_a_run(name, seed, high, wide, order):
    source = Source.of(blobs(seed, (high, wide)))
    with mock.patch.multiple(live_steps, BLOCK=500, SIDE=16):
        labels = LiveLabels([source], RECIPES[name])
    assert labels._levels[0].grid.is_cut
    with labels:
        assert labels.levels[0].shape == (high, wide)
        corners = [(y, x) for y in range(0, high, 15) for x in range(0, wide, 15)]
        order.shuffle(corners)
        for y, x in corners:
            labels.look_at(0, (slice(y, min(high, y + 15)), slice(x, min(wide, x + 15))))
            assert labels.wait(PATIENCE)
        found = np.asarray(labels.levels[0])
    truth = RECIPES[name].run(source, blocks=None).array
    if name == "label":
        same_up_to_numbers(found, truth)
    else:  # which of two objects a pixel between them belongs to may differ after expanding
        np.testing.assert_array_equal(found > 0, truth > 0)


def test_planes_of_a_volume_are_cut_out_of_blocks_of_it():
    image = blobs(3, (20, 40, 50))
    source = Source.of(image, axes="zyx")
    recipe = Recipe("watershed", {"smoothing": "1 px", "seed_distance": "2 px"}, over="volume")
    with LiveLabels([source], recipe) as labels:
        labels[7]
        assert labels.wait(PATIENCE)
        found = labels[7]
    np.testing.assert_array_equal(found > 0, recipe.run(source).array[7] > 0)


def test_objects_of_blocks_of_a_volume_become_one(small_blocks):
    source = Source.of(blobs(5, (20, 40, 50)), axes="zyx")
    first = Recipe(
        "threshold",
        {"method": "manual", "levels": (30.0,)},
        over="volume",
        source={"name": "image"},
    )
    recipe = Recipe("label", {}, over="volume", before=first.to_dict(), source={"name": "image"})
    with LiveLabels([source], recipe) as labels:
        assert labels._levels[0].grid.is_cut
        labels[()]
        assert labels.wait(PATIENCE)
        same_up_to_numbers(labels[()], recipe.run(source).array)


def test_what_is_read_is_there_at_once_and_worked_on_then(small_blocks):
    image = Watched(blobs(0, (60, 60)))
    image.gate.clear()
    recipe = RECIPES["threshold"]
    with LiveLabels([Source.of(image)], recipe) as labels:
        assert labels[20:30, 20:30].tolist() == np.zeros((10, 10)).tolist()
        assert image.boxes == []
        assert labels.status.done < labels.status.blocks
        image.gate.set()
        assert labels.wait(PATIENCE)
        truth = recipe.run(Source.of(image.array)).array
        np.testing.assert_array_equal(labels[20:30, 20:30], truth[20:30, 20:30])
        assert not np.asarray(labels.levels[0])[50:, 50:].any()


def known():
    return chain(("threshold", {"method": "manual", "levels": (30.0,)}))


def starts(image):
    return [tuple(part.start for part in box[-2:]) for box in image.boxes]


def test_the_centre_comes_first_and_then_what_is_beside(small_blocks, monkeypatch):
    monkeypatch.setattr("napari_tessera.pipeline.live.live_labels.WORKERS", 1)
    image = Watched(blobs(0, (200, 200)))
    with LiveLabels([Source.of(image)], known()) as labels:
        side = labels._levels[0].grid.sides[0]
        looked = (slice(2 * side, 5 * side), slice(3 * side, 6 * side))
        labels.look_at(0, looked)
        assert labels.wait(PATIENCE)
    halo = labels._levels[0].grid.halo[0]
    cells = [tuple((at + halo) // side for at in start) for start in starts(image)]
    assert cells[0] == (3, 4)
    shown = {(y, x) for y in (2, 3, 4) for x in (3, 4, 5)}
    assert set(cells[:9]) == shown
    # next, those beside one another along an axis, and no others
    assert set(cells[9:]) == {(y, x) for y in (1, 5) for x in (3, 4, 5)} | {
        (y, x) for y in (2, 3, 4) for x in (2, 6)
    }


def test_blocks_that_are_looked_at_no_more_are_dropped(small_blocks, monkeypatch):
    monkeypatch.setattr("napari_tessera.pipeline.live.live_labels.WORKERS", 1)
    image = Watched(blobs(0, (200, 200)))
    image.gate.clear()
    with LiveLabels([Source.of(image)], known()) as labels:
        labels.look_at(0, (slice(0, 100), slice(0, 100)))
        labels.look_at(0, (slice(190, 200), slice(190, 200)))
        image.gate.set()
        assert labels.wait(PATIENCE)
    far = [start for start in starts(image) if min(start) >= 150]
    assert len(far) == 8
    assert len(image.boxes) - len(far) <= 1  # the one that was begun


def test_nothing_is_read_of_what_nobody_looks_at(small_blocks):
    image = Watched(blobs(0, (60, 60)))
    with LiveLabels([Source.of(image)], known()) as labels:
        np.asarray(labels.levels[0])
        labels.look_at(0, None)
        labels.look_at(0, (slice(5, 5), slice(0, 9)))
        assert labels.wait(PATIENCE)
        assert image.boxes == []
        assert labels.status == LiveStatus(0, 0, fits=True)


@pytest.mark.parametrize("memory", [3000, 20_000])
def test_no_more_labels_are_kept_than_is_allowed(small_blocks, memory):
    image, most = blobs(0, (200, 200)), []
    recipe = chain(("threshold", {"method": "manual", "levels": (30.0,)}), ("label", {}))
    labels = LiveLabels(
        [Source.of(image)], recipe, memory=memory, arrived=lambda: most.append(labels.nbytes)
    )
    with labels:
        for at in range(0, 200, 10):
            labels.look_at(0, (slice(at, at + 10), slice(at, at + 10)))
            assert labels.wait(PATIENCE)
            assert labels.nbytes <= memory
    assert len(most) >= 8
    assert max(most) <= memory


def test_one_is_told_to_zoom_in_rather_than_compute_what_cannot_be_kept(small_blocks):
    image = Watched(blobs(0, (200, 200)))
    with LiveLabels([Source.of(image)], known(), memory=3000) as labels:
        assert labels[()].shape == (200, 200)
        assert labels.wait(PATIENCE)
        assert not labels.status.fits
        assert str(labels.status).startswith("Live: zoom in; what is shown has 169 blocks")
        assert image.boxes == []
        labels[:5, :5]
        assert labels.wait(PATIENCE)
        assert labels.status.fits
        assert image.boxes


def test_a_pyramid_is_read_at_the_level_that_is_looked_at():
    full = blobs(0, (120, 160)).repeat(4, 0).repeat(4, 1)
    images = [Watched(full), Watched(full[::2, ::2]), Watched(full[1::4, 1::4])]
    sources = [Source.of(each) for each in images]
    recipe = chain(("threshold", {"method": "manual", "smoothing": "4 px", "levels": (30.0,)}))
    with LiveLabels(sources, recipe) as labels:
        assert [each.shape for each in labels.levels] == [(480, 640), (240, 320), (120, 160)]
        labels.look_at(2, (slice(0, 120), slice(0, 160)))
        assert labels.wait(PATIENCE)
        found = np.asarray(labels.levels[2])
    assert [len(each.boxes) for each in images][:2] == [0, 0]
    truth = chain(("threshold", {"method": "manual", "smoothing": "1 px", "levels": (30.0,)})).run(
        Source.of(images[2].array)
    )
    np.testing.assert_array_equal(found, truth.array)


def test_levels_that_leave_out_pixels_show_the_middle_of_each_larger_one(small_blocks):
    with mock.patch.dict("napari_tessera.pipeline.live.levels.COARSEST", {2: 5000}):
        labels = LiveLabels([Source.of(blobs(0, (271, 280)))], RECIPES["label"])
    with labels:
        labels[()]
        assert labels.wait(PATIENCE)
        whole = labels[()]
        assert [each.shape for each in labels.levels] == [(271, 280), (135, 140), (67, 70)]
        np.testing.assert_array_equal(labels.levels[2], whole[2:270:4, 2::4][:67, :70])
        part = labels.levels[1][10:20, 100:]
        np.testing.assert_array_equal(part, whole[21:40:2, 201::2])
        labels.look_at(2, (slice(0, 67), slice(0, 70)))
        assert labels.status.done == labels.status.blocks


def test_points_and_labels_that_are_refined_keep_their_numbers(small_blocks):
    image = blobs(0, (60, 60))
    points = Points(np.array([[10, 10], [40, 40]]), np.array([9, 4]))
    recipe = Recipe("watershed", {}, {"markers": pack(points)})
    with LiveLabels([Source.of(image)], recipe) as labels:
        labels[()]
        assert labels.wait(PATIENCE)
        assert set(np.unique(labels[()])) <= {0, 4, 9}
        assert labels[10, 10] == 9
    before = recipe.to_dict()
    with LiveLabels(
        [Source.of(image)], Recipe("smooth", {"radius": "1 px"}, before=before)
    ) as both:
        both[()]
        assert both.wait(PATIENCE)
        assert set(np.unique(both[()])) == {0, 4, 9}
    given = (image > 40).astype(np.uint16) * 300
    recipe = Recipe("smooth", {"radius": "1 px"})
    source = Source.of(given, name="labels")
    with LiveLabels([source], recipe) as labels:
        labels[()]
        assert labels.wait(PATIENCE)
        assert labels.dtype == np.uint16
        np.testing.assert_array_equal(labels[()], recipe.run(source).array)


def test_what_a_method_says_is_raised_where_one_waits(small_blocks):
    class Broken(Watched):
        def __getitem__(self, index):
            raise OSError("the disk is gone")

    with LiveLabels([Source.of(Broken(blobs(0, (60, 60))))], known()) as labels:
        labels[:5, :5]
        with pytest.raises(OSError, match="the disk is gone"):
            labels.wait(PATIENCE)
        assert str(labels.status.error) == "the disk is gone"


def test_when_it_is_closed_no_thread_is_left(small_blocks):
    image = Watched(blobs(0, (200, 200)))
    image.gate.clear()
    labels = LiveLabels([Source.of(image)], known())
    labels[:100, :100]
    assert labels.is_busy
    labels.close()
    image.gate.set()
    assert labels.wait(PATIENCE)
    assert not [t for t in threading.enumerate() if "live" in t.name]
    labels[:100, :100]
    assert not labels.is_busy


def test_they_cannot_be_written_to(small_blocks):
    with LiveLabels([Source.of(blobs(0, (60, 60)))], known()) as labels:
        with pytest.raises(ValueError, match=READ_ONLY):
            labels[3, 4] = 1
        with pytest.raises(ValueError, match="freeze them to disk"):
            labels.levels[0][3:5] = 1


def test_they_are_indexed_as_arrays_are():
    image = blobs(0, (6, 40, 50))
    with LiveLabels([Source.of(image)], known()) as labels:
        labels[()]
        assert labels.wait(PATIENCE)
        whole = labels[()]
        assert whole.any()
        assert (labels.shape, labels.ndim, labels.dtype) == ((6, 40, 50), 3, np.uint8)
        view = labels.levels[0]
        assert isinstance(view[2], LiveView)
        assert (len(view), view.size) == (6, 12_000)
        for index in (
            (2,),
            (2, slice(3, 9)),
            (Ellipsis, 4),
            (slice(1, 4), -1, slice(-7, None)),
            (0, 1, 2),
            (slice(4, 2),),
        ):
            np.testing.assert_array_equal(view[index], whole[index])
            np.testing.assert_array_equal(labels[index], whole[index])
        np.testing.assert_array_equal(view[1:5, :, 10:20][2, 5:, :3], whole[3, 5:, 10:13])
        with pytest.raises(IndexError, match="the shape is"):
            view[6]
        with pytest.raises(IndexError, match="there are 3 axes"):
            view[0, 0, 0, 0]
        with pytest.raises(IndexError, match="read every pixel"):
            view[::2]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (LiveStatus(1, 4, fits=True), "1 of 4 blocks."),
        (LiveStatus(0, 4, fits=True, finding=True), "are being found"),
        (LiveStatus(4, 4, fits=True, sampled=True), "from a sample of blocks"),
    ],
)
def test_how_far_it_is_is_said_in_a_sentence(status, words):
    assert words in str(status)
