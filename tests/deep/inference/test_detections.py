import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("segmentation_models_pytorch")

from napari_tessera.algorithms.labels.linking import overlap  # noqa: E402
from napari_tessera.deep.inference.cache import Cache  # noqa: E402
from napari_tessera.deep.inference.detections import (  # noqa: E402
    PlaneDetections,
    detected,
    detection_limit,
)
from napari_tessera.deep.inference.pasting import pasted, stacked  # noqa: E402
from napari_tessera.deep.inference.predictor import Predictor  # noqa: E402
from napari_tessera.deep.inference.tile_plan import plan_tiles  # noqa: E402
from napari_tessera.deep.inference.tiling import TileRun  # noqa: E402
from napari_tessera.deep.networks.options import Sizes  # noqa: E402
from napari_tessera.methods.deep.detect import detect  # noqa: E402
from napari_tessera.methods.deep.predict import predict, scores  # noqa: E402
from napari_tessera.pipeline.run import run  # noqa: E402
from napari_tessera.pipeline.source import Source  # noqa: E402
from napari_tessera.pipeline.walk import Walk  # noqa: E402
from napari_tessera.signature.words import VoxelSize  # noqa: E402

from ..finders import Bright, config, folder, painted  # noqa: E402

CPU = torch.device("cpu")
SIZES = Sizes(multiple=32, smallest=64)
EVERY = {"confidence": 0.05, "overlap": 0.5}


@pytest.fixture
def bright(monkeypatch):
    """Let every model be the network that finds what is bright."""
    network = Bright()
    monkeypatch.setattr(Predictor, "network", network)
    return network


def found(image, tile=64, **options):
    tiles = plan_tiles(image.shape[-2:], SIZES, tile=tile)
    image = image[None] if image.ndim == 2 else image
    return detected(image, TileRun(Bright(), tiles, CPU, 3), limit=500, **options)


def boxes_of(*boxes, confidence=None, shape=(12, 12), cut=None, tiles=None, places=None):
    """Return detections that fill their boxes."""
    count = len(boxes)
    return PlaneDetections(
        shape,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.arange(count),
        np.array(confidence or [0.9 - 0.1 * number for number in range(count)], np.float32),
        np.full((count, 28, 28), 255, np.uint8),
        np.array(tiles or [0] * count, np.int64),
        np.array(cut or [False] * count),
        np.array(places or [[0, 0, shape[1], shape[0]]], np.float32),
    )


def same_objects(first, second):
    """Tell whether two labels separate the same pixels."""
    a, b, pixels = overlap(first, second)
    return (
        np.array_equal(first > 0, second > 0)
        and len(a) == len(np.unique(a)) == len(np.unique(b)) == len(np.unique(first[first > 0]))
        and pixels.sum() == np.count_nonzero(first)
    )


# --- pasting


def test_the_surer_object_is_in_front_and_what_it_covers_is_left_out():
    three = boxes_of((0, 0, 4, 2), (2, 0, 6, 2), (0, 0, 3, 2), confidence=[0.6, 0.9, 0.5])
    labels = pasted(three, confidence=0, overlap=0.5).labels[:3, :8]
    np.testing.assert_array_equal(
        labels, [[2, 2, 1, 1, 1, 1, 0, 0], [2, 2, 1, 1, 1, 1, 0, 0], [0] * 8]
    )
    assert labels.dtype == np.uint16
    made = pasted(three, confidence=0, overlap=0.4)  # half of the first one is covered
    assert made.classes.tolist() == [1, 2]
    made = pasted(three, confidence=0, overlap=0.3)
    assert made.classes.tolist() == [1]
    assert made.confidence.tolist() == pytest.approx([0.9])
    assert pasted(three, confidence=0.55, overlap=0.5).labels.max() == 2
    assert pasted(three, confidence=0.95, overlap=0.5).labels.max() == 0


def test_pixels_belong_to_the_box_whose_centre_lies_in_it_and_boxes_may_lie_outside():
    labels = pasted(boxes_of((1.6, -3, 3.4, 1.5), shape=(3, 5)), **EVERY).labels
    np.testing.assert_array_equal(labels, [[0, 0, 1, 0, 0], [0] * 5, [0] * 5])


def test_masks_are_read_between_their_cells():
    disc = boxes_of((0, 0, 60, 40), shape=(40, 60))
    y, x = (np.mgrid[:28, :28] + 0.5) / 28 - 0.5
    disc.masks[0] = np.clip(127.5 + 255 * 8 * (0.5 - np.hypot(y, x)), 0, 255)
    labels = pasted(disc, **EVERY).labels
    rows, columns = np.mgrid[:40, :60] + 0.5
    exact = np.hypot((rows - 20) / 40, (columns - 30) / 60) < 0.5
    assert np.mean((labels > 0) == exact) > 0.985


def test_a_cut_object_gives_way_to_the_whole_one_however_sure():
    places = [[0, 0, 8, 12], [4, 0, 12, 12]]
    cut = boxes_of((5, 1, 8, 5), (5, 1, 10, 5), cut=[True, False], tiles=[0, 1], places=places)
    made = pasted(cut, **EVERY)
    assert made.classes.tolist() == [1]
    assert (made.labels > 0).sum() == 20
    alone = pasted(boxes_of((5, 1, 8, 5), cut=[True], places=places), **EVERY)
    assert (alone.labels > 0).sum() == 12


def test_parts_of_an_object_that_no_tile_sees_whole_are_one():
    places = [[0, 0, 8, 12], [4, 0, 12, 12]]
    parts = boxes_of(
        (1, 1, 8, 5), (4, 1, 11, 5), (4, 7, 9, 9), cut=[True, True, True], tiles=[0, 1, 1],
        places=places,
    )  # fmt: skip
    made = pasted(parts, **EVERY)
    expected = np.zeros((12, 12))
    expected[1:5, 1:11], expected[7:9, 4:9] = 1, 2
    np.testing.assert_array_equal(made.labels, expected)
    assert made.confidence.tolist() == pytest.approx([0.9, 0.7])
    # where tiles do not see the same, objects are two
    apart = boxes_of((1, 1, 8, 3), (4, 3, 11, 5), cut=[True, True], tiles=[0, 1], places=places)
    assert pasted(apart, **EVERY).labels.max() == 2


def test_three_tiles_make_one_object():
    places = [[0, 0, 8, 6], [6, 0, 14, 6], [12, 0, 20, 6]]
    parts = boxes_of(
        (12, 1, 18, 5), (2, 1, 8, 5), (6, 1, 14, 5), cut=[True] * 3, tiles=[2, 0, 1],
        places=places, shape=(6, 20),
    )  # fmt: skip
    made = pasted(parts, **EVERY)
    assert made.labels.max() == 1
    assert (made.labels > 0).sum() == 4 * 16


def test_nothing_found_is_no_object():
    made = pasted(boxes_of(), **EVERY)
    assert made.labels.shape == (12, 12)
    assert made.labels.max() == len(made.classes) == 0


# --- tiles


@given(st.integers(0, 10_000))
@settings(max_examples=15)
def test_tiles_find_what_one_look_at_the_whole_finds(seed):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(40, 210, 2))
    places = []
    for y in range(0, shape[0] - 15, 17):
        for x in range(0, shape[1] - 15, 17):  # smaller than the overlap of 16, a pixel apart
            height, width = random.integers(3, 16, 2)
            places.append((y, x, height, width, random.uniform(0.55, 1)))
    image, labels = painted(shape, *places)
    labels = np.zeros(shape, int)
    for number, (y, x, height, width, _) in enumerate(places, 1):
        labels[y : y + height, x : x + width] = number
    tiled = pasted(found(image), **EVERY).labels
    whole = pasted(found(image, tile=256), **EVERY).labels
    assert same_objects(whole, labels)
    assert same_objects(tiled, labels)


def test_objects_larger_than_the_overlap_are_put_together():
    image, labels = painted((150, 200), (10, 10, 120, 90, 0.9), (20, 120, 100, 12, 0.8))
    assert same_objects(pasted(found(image), **EVERY).labels, labels)


def test_what_is_mirrored_beyond_the_image_is_not_found():
    image, labels = painted((70, 70), (60, 4, 10, 8, 1), (30, 62, 8, 6, 1), (62, 62, 8, 8, 1))
    assert same_objects(pasted(found(image), **EVERY).labels, labels)


def test_tiles_are_worked_on_in_batches_and_progress_is_told():
    seen = []
    found(np.zeros((100, 100), np.float32), report=seen.append)
    assert [each.done for each in seen] == pytest.approx([1 / 3, 2 / 3, 1])


def test_as_many_objects_are_looked_for_as_there_may_be():
    assert detection_limit(config(crowd=0), (512, 512)) == 100
    assert detection_limit(config(crowd=20, patch=128), (512, 512)) == 640
    assert detection_limit(config(options={"detections": 300}), (64, 64)) == 300


# --- the methods


def test_objects_come_with_their_class_and_sureness(tmp_path, bright):
    model = folder(tmp_path / "m", ids=(1,), class_names=("cell",))
    image, labels = painted((40, 50), (2, 3, 5, 8, 0.7), (20, 30, 10, 12, 0.9), (33, 3, 4, 4, 0.6))
    objects, table = detect(image, model=str(model.path), spacing=VoxelSize((2, 0.5), "um"))
    assert same_objects(objects, labels)
    assert table["index"].tolist() == [1, 2, 3]
    assert objects[25, 35] == 1
    assert table["class"].tolist() == ["cell"] * 3
    assert table["confidence"] == pytest.approx([0.9, 0.7, 0.6], abs=0.01)
    assert table["area (um^2)"].tolist() == [120, 40, 16]
    assert table["y min"].tolist() == [20, 2, 33]
    assert table["x max"].tolist() == [41, 10, 6]
    np.testing.assert_array_equal(predict(image, model=str(model.path)), objects)
    assert folder(tmp_path / "n", ids=(4,)).config.ids == (4,)
    assert detect(image, model=str(tmp_path / "n"))[1]["class"].tolist() == [4, 4, 4]


def test_thresholds_do_not_run_the_network_again(tmp_path, bright):
    model, kept = str(folder(tmp_path / "m", thresholds={"threshold": 0.65}).path), Cache(10**7)
    image, _ = painted((40, 50), (2, 3, 5, 8, 0.7), (20, 30, 10, 12, 0.9), (33, 3, 4, 4, 0.6))
    counts = [
        len(detect(image, model=model, confidence=c, cache=kept)[1]["index"])
        for c in (0.1, 0.65, 0.8, 0.95, None)
    ]
    assert counts == [3, 2, 1, 0, 2]
    assert predict(image, model=model, cache=kept).max() == 2
    assert predict(image, model=model, threshold=0.8, cache=kept).max() == 1
    assert detect(image, model=model, overlap=0.2, smallest="8 px", cache=kept)[0].max() == 1
    assert bright.runs == 1
    detect(image[1:], model=model, cache=kept)
    assert bright.runs == 2


def test_nothing_found_gives_an_empty_table(tmp_path, bright):
    dark, levels = np.zeros((40, 50)), ((0.0, 1.0),)
    objects, table = detect(dark, model=str(folder(tmp_path / "m").path), intensities=levels)
    assert objects.max() == 0
    assert {len(column) for column in table.values()} == {0}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_any_number_of_channels_and_any_type(tmp_path, bright, dtype):
    plane, labels = painted((40, 50), (2, 3, 5, 8, 1), (20, 30, 10, 12, 1))
    highest = 1 if dtype == np.float32 else np.iinfo(dtype).max
    for channels in (2, 3):
        model = folder(tmp_path / f"m{channels}", in_channels=channels, rgb=channels == 3)
        image = (np.stack([plane] * channels) * highest).astype(dtype)
        objects, _ = detect(image, model=str(model.path), channel_axis=0)
        assert same_objects(objects, labels)
        assert bright.shapes[-1][1] == channels


def test_images_of_another_pixel_size_and_small_objects_are_enlarged(tmp_path, bright):
    image, labels = painted((64, 64), (8, 8, 8, 8, 1), (24, 32, 8, 8, 1))
    model = folder(tmp_path / "m", spacing=(1.0, 1.0), unit="um")
    objects, _ = detect(image, model=str(model.path), spacing=VoxelSize((2, 2), "um"))
    assert bright.shapes[-1][2:] == (128, 128)
    assert same_objects(objects, labels)
    model = folder(tmp_path / "n", diameter=18.0)
    objects, _ = detect(image, model=str(model.path))
    width = 8 * np.sqrt(4 / np.pi)
    assert bright.shapes[-1][2:] == (128, 128)  # 1.99 times
    assert same_objects(objects, labels)
    bright.shapes.clear()
    detect(image, model=str(model.path), diameter=f"{width:.3f} px")
    assert bright.shapes == [(1, 1, 128, 128)]


def test_volumes_are_linked_from_plane_to_plane(tmp_path, bright):
    first, _ = painted((40, 50), (2, 3, 6, 8, 0.7), (20, 30, 10, 12, 0.9))
    second, _ = painted((40, 50), (3, 4, 6, 8, 0.8), (2, 30, 6, 6, 0.6))
    volume = np.stack([first, second, 0 * first, second])
    objects, table = detect(volume, model=str(folder(tmp_path / "m").path), spacing=(2, 1, 1))
    assert objects.shape == volume.shape
    assert objects[0, 4, 6] == objects[1, 4, 6] != objects[3, 4, 6]
    assert len(table["index"]) == 5
    row = objects[0, 4, 6] - 1
    assert table["confidence"][row] == pytest.approx(0.8, abs=0.01)
    assert table["volume"][row] == 2 * (6 * 8 + 6 * 8)
    assert (table["z min"][row], table["z max"][row]) == (0, 1)


def test_a_stack_has_one_table(tmp_path, bright):
    first, _ = painted((40, 50), (2, 3, 6, 8, 0.7), (20, 30, 10, 12, 0.9))
    second, _ = painted((40, 50), (3, 4, 6, 8, 0.8))
    model = str(folder(tmp_path / "m").path)
    stack = Source.of(np.stack([first, second]), name="stack", axes=("t", "y", "x"))
    for join, ids in ((False, [1, 2, 3]), (True, [1, 2, 2])):
        result = run("detect", stack, {"model": model}, walk=Walk(over="planes", join=join))
        assert result.kind == "objects"
        assert result.table["index"].tolist() == ids
        assert result.table["t"].tolist() == [0, 0, 1]
        assert result.number == max(ids)
        for row, (y, x) in enumerate(((25, 35), (4, 6), (4, 6))):
            assert result.array[result.table["t"][row], y, x] == ids[row]


def test_what_does_not_fit_is_said(tmp_path, bright):
    model = folder(tmp_path / "m")
    image = np.zeros((40, 50))
    with pytest.raises(ValueError, match="'m' finds objects one by one and has no probabilities"):
        scores(image, model=str(model.path))
    with pytest.raises(ValueError, match="takes 1 channel, but image has 3; choose one of them"):
        detect(np.zeros((3, 40, 50)), model=str(model.path), channel_axis=0)
    pixels = folder(tmp_path / "u", network="unet", options={}, targets="boundaries", ids=())
    with pytest.raises(ValueError, match=r"'u' is a U-Net, which scores pixels; .*Mask R-CNN"):
        detect(image, model=str(pixels.path))
    with pytest.raises(ValueError, match="targets is 'boundaries', which Mask R-CNN does not give"):
        config(targets="boundaries", ids=())


def test_pasting_hundreds_of_objects_is_the_same_as_pasting_them_one_by_one():
    random = np.random.default_rng(0)
    corners = random.uniform(0, 480, (300, 2))
    boxes = np.hstack([corners, corners + random.uniform(8, 40, (300, 2))])
    many = boxes_of(*boxes, shape=(512, 512), confidence=list(random.uniform(0.1, 1, 300)))
    made = pasted(many, confidence=0.2, overlap=0.5)
    expected, number = np.zeros((512, 512), int), 0
    for place in np.argsort(-many.confidence, kind="stable"):
        if many.confidence[place] < np.float32(0.2):
            continue
        x0, y0, x1, y1 = np.ceil(many.boxes[place] - 0.5).astype(int).clip(0)
        part = expected[y0:y1, x0:x1]
        if np.count_nonzero(part) <= 0.5 * part.size and not part.all():
            number += 1
            part[part == 0] = number
    np.testing.assert_array_equal(made.labels, expected)
    np.testing.assert_array_equal(stacked([many], confidence=0.2, overlap=0.5).labels, expected)
