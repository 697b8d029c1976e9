import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.optim.swa_utils import update_bn  # noqa: E402
from torchvision.ops import box_iou, complete_box_iou_loss  # noqa: E402

from napari_tessera.deep.networks.anchors import PUBLISHED, STRETCH, STRIDES, fitted_anchors  # noqa: E402
from napari_tessera.deep.networks.instances import GRID, Instances  # noqa: E402
from napari_tessera.deep.networks.options import YOLOConfig  # noqa: E402
from napari_tessera.deep.networks.yolo.cells import Answers, answers, boxes_meant  # noqa: E402
from napari_tessera.deep.networks.yolo.detections import decoded_detections  # noqa: E402
from napari_tessera.deep.networks.yolo.loss import BALANCE, GAINS, losses, sureness_wanted  # noqa: E402
from napari_tessera.deep.networks.yolo.masks import mask_errors, masks_in  # noqa: E402
from napari_tessera.deep.networks.yolo.model import YOLO  # noqa: E402

# size, classes, parameters
COUNTS = [
    ("n", 80, 1_991_549), ("n", 1, 1_884_662),
    ("s", 80, 7_621_277), ("s", 1, 7_408_214),
    ("m", 80, 21_990_397), ("m", 1, 21_671_158),
    ("l", 80, 47_924_957), ("l", 1, 47_499_542),
    ("x", 80, 88_819_517), ("x", 1, 88_287_926),
]  # fmt: skip

ANCHORS = torch.tensor(PUBLISHED).view(3, 3, 2)


@pytest.fixture(autouse=True)
def one_thread_and_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def narrow(in_channels=1, classes=1, **options):
    return YOLO(YOLOConfig(width=0.25, **options), in_channels=in_channels, classes=classes)


def rectangles(corners, side=64, classes=None):
    """Return an image of bright rectangles (x0, y0, x1, y1) and the truth about them."""
    masks = torch.zeros(len(corners), side, side, dtype=torch.bool)
    for mask, (x0, y0, x1, y1) in zip(masks, corners, strict=True):
        mask[y0:y1, x0:x1] = True
    boxes = torch.tensor(corners, dtype=torch.float32).reshape(-1, 4)
    classes = torch.zeros(len(corners), dtype=torch.long) if classes is None else classes
    return masks.any(0)[None].float() if len(corners) else torch.zeros(1, side, side), Instances(
        boxes, torch.as_tensor(classes), masks
    )


def random_boxes(random, count, side=64):
    first = random.uniform(0, side - 4, (count, 2))
    sizes = np.exp(random.uniform(np.log(2), np.log(side), (count, 2)))
    last = np.minimum(first + sizes, side)
    return torch.from_numpy(np.hstack([first, last])).float()


def said_about(box, anchor, column, row, stride, *, sure=5.0, classes=(5.0,), masks=(0.0,)):
    """Return what the cell has to say to mean a box: `boxes_meant` the other way round."""
    box, anchor = torch.as_tensor(box), torch.as_tensor(anchor)
    middle = (box[:2] + box[2:]) / 2 / stride - torch.tensor([column, row])
    place = ((middle + 0.5) / 2).logit()
    lengths = (((box[2:] - box[:2]) / anchor).sqrt() / 2).logit()
    return torch.cat([place, lengths, torch.tensor([sure, *classes, *masks])])


def silence(side=64, classes=1, masks=1):
    """Return levels on which no cell sees anything."""
    levels = [torch.zeros(3, side // s, side // s, 5 + classes + masks) for s in STRIDES]
    for said in levels:
        said[..., 4] = -20
    return levels


# --- network


@pytest.mark.parametrize(("size", "classes", "parameters"), COUNTS)
def test_parameters_and_shapes_are_the_published_ones(size, classes, parameters):
    with torch.device("meta"):
        network = YOLO(YOLOConfig(size), in_channels=3, classes=classes)
        shapes = [tuple(each.shape) for each in network(torch.zeros(1, 3, 640, 640))]
    assert sum(weights.numel() for weights in network.parameters()) == parameters
    cells = [(1, 3, n, n, 5 + classes + 32) for n in (80, 40, 20)]
    assert shapes == [*cells, (1, 32, 160, 160)]


@pytest.mark.parametrize(("channels", "classes", "masks"), [(1, 1, 32), (3, 4, 5), (5, 2, 1)])
def test_any_number_of_channels_and_shape(channels, classes, masks):
    network = narrow(channels, classes, masks=masks).eval()
    fine, middle, coarse, prototypes = network(torch.rand(2, channels, 64, 96))
    count = 5 + classes + masks
    assert fine.shape == (2, 3, 8, 12, count)
    assert middle.shape == (2, 3, 4, 6, count)
    assert coarse.shape == (2, 3, 2, 3, count)
    assert prototypes.shape == (2, masks, 16, 24)
    with pytest.raises(ValueError, match=r"spatial shape \(64, 65\); pass multiples of 32"):
        network(torch.zeros(1, channels, 64, 65))


def test_cells_expect_little_at_first():
    network = YOLO(YOLOConfig(), in_channels=1, classes=4).eval()
    for layer, stride in zip(network.cells, STRIDES, strict=True):
        torch.nn.init.zeros_(layer.weight)
        said = layer.bias.view(3, 5 + 4 + 32).sigmoid()
        # the random part of a bias is at most 1 / sqrt(channels) <= 1 / 8
        np.testing.assert_allclose(said[:, 4].detach(), 8 / (640 / stride) ** 2, rtol=0.15)
        np.testing.assert_allclose(said[:, 5:9].detach(), 0.6 / 3.6, rtol=0.15)


def test_layers_normalise_as_published():
    norms = [m for m in narrow().modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.03)}


def test_saved_and_loaded_it_finds_the_same(tmp_path):
    network, other = narrow(2, 3).eval(), narrow(2, 3).eval()
    image = torch.randn(1, 2, 64, 64)
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    assert not any("anchors" in key for key in network.state_dict())  # they are options
    (expected,) = network.detect(image, confidence=0, overlap=0.5, limit=20)
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    (found,) = other.detect(image, confidence=0, overlap=0.5, limit=20)
    assert len(found) == 20
    for name in ("boxes", "classes", "confidence", "masks"):
        assert torch.equal(getattr(found, name), getattr(expected, name))


def test_onnx_says_the_same(tmp_path):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    network = narrow().eval()
    image = torch.rand(1, 1, 64, 96)
    path = tmp_path / "network.onnx"
    torch.onnx.export(network, (image,), path, dynamo=True, verbose=False)
    session = runtime.InferenceSession(path)
    found = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    for each, expected in zip(found, network(image), strict=True):
        np.testing.assert_allclose(each, expected.detach().numpy(), atol=1e-4)


def test_a_training_patch_gives_the_coarsest_cells_several_values():
    """Normalisation remembers n / (n - 1) times the variance it used, layer upon layer."""
    sizes = YOLOConfig().sizes
    assert sizes.multiple == STRIDES[-1]
    assert (sizes.smallest / STRIDES[-1]) ** 2 >= 16


# --- options


def test_anchors_may_come_from_a_file():
    listed = [list(pair) for pair in PUBLISHED]
    assert YOLOConfig(anchors=listed) == YOLOConfig(anchors=PUBLISHED)
    assert hash(YOLOConfig(anchors=listed)) == hash(YOLOConfig(anchors=PUBLISHED))
    assert torch.equal(narrow(anchors=listed).anchors, narrow().anchors)


@pytest.mark.parametrize(
    "anchors", [(), PUBLISHED[:8], [(1, 2, 3)] * 9, [(0, 1)] * 9, [(1, math.inf)] * 9, 5, "n" * 9]
)
def test_wrong_anchors_are_refused(anchors):
    with pytest.raises(ValueError, match="anchors is .*; pass nine pairs"):
        YOLOConfig(anchors=anchors)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "b"}, "size is 'b'; choose one of n, s, m, l, x"),
        ({"masks": 0}, "masks is 0; it must be from 1"),
        ({"masks": 257}, "masks is 257; it must be"),
        ({"width": 3}, "width is 3; it must be from 0.015625 to 2"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        YOLOConfig(**options)


# --- which cells answer


def concerned(box, anchor, stride, rows, columns):
    """Return the cells that answer for a box, cell by cell."""
    width, height = box[2] - box[0], box[3] - box[1]
    if max(width / anchor[0], anchor[0] / width, height / anchor[1], anchor[1] / height) >= STRETCH:
        return set()
    x, y = (box[0] + box[2]) / 2 / stride, (box[1] + box[3]) / 2 / stride
    column, row = min(int(x), columns - 1), min(int(y), rows - 1)
    found = {(row, column)}
    found.add(
        (row, column + (1 if x - column > 0.5 else -1)) if x - column != 0.5 else (row, column)
    )
    found.add((row + (1 if y - row > 0.5 else -1), column) if y - row != 0.5 else (row, column))
    return {(r, c) for r, c in found if 0 <= r < rows and 0 <= c < columns}


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.sampled_from(range(3)))
def test_cells_answer_as_one_by_one(seed, level):
    random = np.random.default_rng(seed)
    count, stride = int(random.integers(0, 9)), STRIDES[level]
    boxes = random_boxes(random, count)
    images = torch.from_numpy(random.integers(0, 3, count))
    rows, columns = 64 // stride, 96 // stride
    found = answers(boxes, images, ANCHORS[level], stride=stride, shape=(rows, columns))
    expected = {
        (int(images[k]), a, row, column, k)
        for k in range(count)
        for a in range(3)
        for row, column in concerned(
            boxes[k].numpy(), ANCHORS[level, a].numpy(), stride, rows, columns
        )
    }
    listed = list(zip(*(each.tolist() for each in (*found.places, found.objects)), strict=True))
    assert len(listed) == len(set(listed)) == len(found)
    assert set(listed) == expected


def test_boxes_at_the_limit_or_without_an_area_have_no_answer():
    boxes = torch.tensor([[0.0, 0, 40, 10], [5, 5, 5, 9], [0, 0, 39.9, 10]])
    found = answers(
        boxes,
        torch.zeros(3, dtype=torch.long),
        torch.tensor([[10.0, 10.0]]),
        stride=8,
        shape=(8, 8),
    )
    assert set(found.objects.tolist()) == {2}


def test_centres_in_the_corners_stay_within_the_cells():
    boxes = torch.tensor([[-8.0, -8, 8, 8], [60, 60, 68, 68]])
    found = answers(
        boxes, torch.tensor([0, 1]), torch.tensor([[10.0, 10.0]]), stride=8, shape=(8, 8)
    )
    assert found.rows.tolist() == found.columns.tolist() == [0, 7]


def test_a_cell_can_mean_any_box_it_answers_for():
    random = np.random.default_rng(1)
    boxes = random_boxes(random, 200).double()
    for level, stride in enumerate(STRIDES):
        anchors = ANCHORS[level].double()
        found = answers(
            boxes,
            torch.zeros(200, dtype=torch.long),
            anchors,
            stride=stride,
            shape=(64 // stride,) * 2,
        )
        assert len(found) > 20
        own = anchors[found.anchors]
        said = torch.stack(
            [
                said_about(boxes[k], anchor, int(column), int(row), stride)[:4]
                for k, anchor, column, row in zip(
                    found.objects, own, found.columns, found.rows, strict=True
                )
            ]
        )
        assert said.isfinite().all()
        meant = boxes_meant(said, found.rows, found.columns, own, stride=stride)
        torch.testing.assert_close(meant, boxes[found.objects])


# --- loss


def complete_overlap(a, b):
    """Return the complete intersection over union of two boxes, from the paper."""
    across = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    sizes = [(box[2] - box[0], box[3] - box[1]) for box in (a, b)]
    ratio = across / (sum(w * h for w, h in sizes) - across)
    apart = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    around = (max(a[2], b[2]) - min(a[0], b[0])) ** 2 + (max(a[3], b[3]) - min(a[1], b[1])) ** 2
    aspect = (
        4
        / math.pi**2
        * (math.atan(sizes[0][0] / sizes[0][1]) - math.atan(sizes[1][0] / sizes[1][1])) ** 2
    )
    return ratio - apart / around - (aspect**2 / (1 - ratio + aspect) if aspect else 0)


def cross_entropy(logit, wanted):
    return math.log1p(math.exp(-abs(logit))) + max(logit, 0) - logit * wanted


def losses_one_by_one(levels, prototypes, objects, classes):
    """Return the losses, answer by answer, with whole masks that are cropped."""
    total = dict.fromkeys(GAINS, 0.0)
    for level, (said, stride) in enumerate(zip(levels, STRIDES, strict=True)):
        rows, columns = said.shape[2:4]
        wanted = torch.zeros(said.shape[:4])
        box, kind, masks = [], [], []
        for image, truth in enumerate(objects):
            own = []
            for k, true in enumerate(truth.boxes):
                for a, anchor in enumerate(ANCHORS[level]):
                    for row, column in concerned(
                        true.numpy(), anchor.numpy(), stride, rows, columns
                    ):
                        cell = said[image, a, row, column]
                        s = cell[:4].sigmoid()
                        middle = (2 * s[:2] - 0.5 + torch.tensor([column, row])) * stride
                        half = (2 * s[2:]) ** 2 * anchor / 2
                        overlap = complete_overlap(
                            torch.cat([middle - half, middle + half]).tolist(), true.tolist()
                        )
                        box.append(1 - overlap)
                        wanted[image, a, row, column] = max(
                            wanted[image, a, row, column], overlap, 0
                        )
                        hot = [float(c == truth.classes[k]) for c in range(classes)]
                        kind += [
                            cross_entropy(float(v), h)
                            for v, h in zip(cell[5 : 5 + classes], hot, strict=True)
                        ]
                        logits = torch.tensordot(cell[5 + classes :], prototypes[image], 1)
                        share = functional.avg_pool2d(truth.masks[k][None, None].float(), 4)[0, 0]
                        error = functional.binary_cross_entropy_with_logits(
                            logits, share, reduction="none"
                        )
                        y, x = torch.meshgrid(
                            *(torch.arange(n) for n in share.shape), indexing="ij"
                        )
                        x0, y0, x1, y1 = true / 4
                        inside = (x + 1 > x0) & (x < x1) & (y + 1 > y0) & (y < y1)
                        own.append(error[inside].mean().item())
            if own:
                masks.append(np.mean(own))
        total["objectness"] += BALANCE[level] * np.mean(
            [
                cross_entropy(float(v), float(w))
                for v, w in zip(said[..., 4].ravel(), wanted.ravel(), strict=True)
            ]
        )
        total["boxes"] += np.mean(box) if box else 0
        total["classes"] += np.mean(kind) if kind else 0
        total["masks"] += np.sum(masks) / len(objects)
    return {name: GAINS[name] * value for name, value in total.items()}


@pytest.mark.parametrize("seed", range(3))
def test_losses_are_those_counted_one_by_one(seed):
    random = np.random.default_rng(seed)
    levels = [torch.randn(2, 3, 64 // s, 96 // s, 5 + 3 + 4) for s in STRIDES]
    prototypes = torch.randn(2, 4, 16, 24)
    objects = []
    for count in (5, seed):  # the second image of the first seed is empty
        masks = torch.rand(count, 64, 96) > 0.5
        kinds = torch.from_numpy(random.integers(0, 3, count))
        objects.append(Instances(random_boxes(random, count), kinds, masks))
    found = losses(levels, prototypes, objects, ANCHORS)
    expected = losses_one_by_one(levels, prototypes, objects, 3)
    assert {name: value.item() for name, value in found.items()} == pytest.approx(
        expected, rel=1e-4
    )


def test_library_and_paper_agree_on_the_overlap():
    random = np.random.default_rng(0)
    first, second = random_boxes(random, 50), random_boxes(random, 50)
    expected = [
        1 - complete_overlap(a, b) for a, b in zip(first.tolist(), second.tolist(), strict=True)
    ]
    np.testing.assert_allclose(complete_box_iou_loss(first, second), expected, rtol=1e-4, atol=1e-5)


def test_cells_that_say_the_truth_have_nothing_to_learn_about_boxes():
    _, truth = rectangles([(10, 12, 30, 34)])
    levels = [said[None] for said in silence(masks=1)]
    for level, stride in enumerate(STRIDES):
        found = answers(
            truth.boxes,
            torch.tensor([0]),
            ANCHORS[level],
            stride=stride,
            shape=levels[level].shape[2:4],
        )
        for _, a, row, column in zip(*found.places, strict=True):
            levels[level][0, a, row, column] = said_about(
                truth.boxes[0],
                ANCHORS[level, a],
                int(column),
                int(row),
                stride,
                sure=20.0,
                masks=(1.0,),
            )
    full = torch.full((1, 1, 16, 16), 20.0)
    found = losses(levels, full, [truth], ANCHORS)
    assert set(found) == {"boxes", "objectness", "masks"}  # one class is no question
    assert found["boxes"] < 1e-5
    assert found["objectness"] < 1e-5
    wrong = losses(levels, -full, [truth], ANCHORS)
    assert wrong["masks"] > found["masks"] + 0.05 * 10


def test_masks_count_within_their_boxes_only():
    """Two columns of blocks of 4 x 4 pixels; the object fills the left one and a half blocks."""
    truth = Instances(
        torch.tensor([[0.0, 0, 6, 4]]), torch.tensor([0]), torch.zeros(1, 8, 8, dtype=torch.bool)
    )
    truth.masks[0, :4, :6] = True
    prototypes = torch.tensor([[[[2.0, -1.0], [9.0, 9.0]]]])
    (found,) = mask_errors(prototypes[0], torch.tensor([[1.0]]), torch.tensor([0]), truth)
    expected = (cross_entropy(2, 1) + cross_entropy(-1, 0.5)) / 2
    assert found.item() == pytest.approx(expected)
    tiny = Instances(torch.tensor([[5.0, 5, 5.5, 5.5]]), truth.classes, truth.masks)
    (found,) = mask_errors(prototypes[0], torch.tensor([[1.0]]), torch.tensor([0]), tiny)
    assert found.item() == pytest.approx(cross_entropy(9, 0))


def test_masks_are_counted_in_the_order_of_the_answers():
    prototypes, mixtures = torch.randn(3, 16, 16), torch.randn(6, 3)
    _, truth = rectangles([(5, 6, 21, 22), (36, 10, 50, 30), (12, 40, 34, 54)])
    numbers = torch.tensor([2, 0, 2, 1, 0, 2])
    together = mask_errors(prototypes, mixtures, numbers, truth)
    for k in range(6):
        alone = mask_errors(prototypes, mixtures[[k]], numbers[[k]], truth)
        torch.testing.assert_close(together[[k]], alone)


def test_a_cell_where_objects_meet_is_as_sure_as_the_best_of_them():
    boxes = torch.tensor([[9.0, 9, 23, 23], [10, 8, 24, 22]])
    anchors = torch.tensor([[14.0, 14.0]])
    met = answers(boxes, torch.zeros(2, dtype=torch.long), anchors, stride=32, shape=(2, 2))
    assert (met.rows + met.columns == 0).sum() == 2
    overlaps = torch.full((len(met),), -0.5)  # boxes far from the truth count as 0
    overlaps[(met.rows + met.columns == 0)] = torch.tensor([0.4, 0.7])
    expected = torch.zeros(1, 1, 2, 2)
    expected[0, 0, 0, 0] = 0.7
    for order in (slice(None), torch.arange(len(met)).flip(0)):
        some = Answers(*(each[order] for each in (*met.places, met.objects)))
        assert torch.equal(
            sureness_wanted(overlaps[order], some, torch.Size((1, 1, 2, 2))), expected
        )


@pytest.mark.parametrize("classes", [1, 3])
def test_one_image_reaches_every_parameter(classes):
    network = narrow(classes=classes).train()
    image, truth = rectangles(
        [(5, 6, 21, 26), (30, 28, 60, 58)], classes=torch.tensor([0, classes - 1])
    )
    found = network.loss(image[None], [truth])
    sum(found.values()).backward()
    for name, weights in network.named_parameters():
        assert weights.grad is not None, name
        assert weights.grad.isfinite().all(), name
        assert weights.grad.any(), name


def test_images_without_objects_teach_that_there_is_nothing():
    network = narrow(classes=2).train()
    images, (_, none) = torch.rand(2, 1, 64, 64), rectangles([])
    found = network.loss(images, [none, none])
    assert {name: value.item() for name, value in found.items() if name != "objectness"} == {
        "boxes": 0, "classes": 0, "masks": 0,
    }  # fmt: skip
    before = found["objectness"]
    assert before.isfinite()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(10):
        optimiser.zero_grad()
        sum(network.loss(images, [none, none]).values()).backward()
        optimiser.step()
    assert network.loss(images, [none, none])["objectness"] < before / 2


def test_empty_images_beside_full_ones_are_counted():
    """The mean over images of what is wrong with masks halves; boxes are a mean over boxes."""
    levels = [torch.randn(1, 3, 64 // s, 64 // s, 5 + 1 + 2) for s in STRIDES]
    prototypes = torch.randn(1, 2, 16, 16)
    _, truth = rectangles([(5, 6, 21, 26)])
    _, none = rectangles([])
    alone = losses(levels, prototypes, [truth], ANCHORS)
    both = losses(
        [each.repeat(2, 1, 1, 1, 1) for each in levels],
        prototypes.repeat(2, 1, 1, 1),
        [truth, none],
        ANCHORS,
    )
    torch.testing.assert_close(both["masks"], alone["masks"] / 2)
    torch.testing.assert_close(both["boxes"], alone["boxes"])
    with pytest.raises(ValueError, match="objects has 2 items for 1 images; pass one per image"):
        losses(levels, prototypes, [truth, none], ANCHORS)


def test_half_precision_is_finite_and_near():
    network = narrow().eval()
    image, truth = rectangles([(5, 6, 21, 26)])
    expected = network.loss(image[None], [truth])
    with torch.autocast("cpu", torch.bfloat16):
        found = network.loss(image[None], [truth])
    for name, value in found.items():
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(expected[name].item(), rel=0.1)


# --- detection


def found(levels, prototypes=None, confidence=0.25, overlap=0.45, limit=10):
    prototypes = torch.zeros(1, 16, 16) if prototypes is None else prototypes
    return decoded_detections(
        levels, prototypes, ANCHORS, confidence=confidence, overlap=overlap, limit=limit
    )


def test_boxes_are_found_on_every_level_the_surest_first():
    levels = silence()
    boxes = [[10.0, 12, 22, 30], [20.0, 4, 62, 40], [1.0, 1, 63, 63]]
    for level, (box, sure) in enumerate(zip(boxes, (1.0, 3.0, 2.0), strict=True)):
        stride, anchor = STRIDES[level], level % 3
        column, row = (int((box[n] + box[n + 2]) / 2 / stride) for n in (0, 1))
        levels[level][anchor, row, column] = said_about(
            box, ANCHORS[level, anchor], column, row, stride, sure=sure
        )
    results = found(levels)
    torch.testing.assert_close(results.boxes, torch.tensor([boxes[1], boxes[2], boxes[0]]))
    torch.testing.assert_close(results.confidence, torch.tensor([3.0, 2.0, 1.0]).sigmoid())
    assert results.classes.tolist() == [0, 0, 0]
    assert results.masks.shape == (3, GRID, GRID)
    assert len(found(levels, limit=2)) == 2
    assert len(found(levels, confidence=0.9)) == 1
    assert len(found(levels, confidence=0.99)) == 0


def test_same_boxes_are_one_object_unless_their_classes_differ():
    levels = silence(classes=2)
    box = [8.0, 8, 24, 24]
    for column, sure, kinds in (
        (1, 1.0, (4.0, -4.0)),
        (2, 2.0, (4.0, -4.0)),
        (2, 3.0, (-4.0, 4.0)),
    ):
        anchor = 0 if kinds[0] > 0 else 1
        levels[0][anchor, 2, column] = said_about(
            box, ANCHORS[0, anchor], column, 2, 8, sure=sure, classes=kinds
        )
    results = found(levels)
    assert results.classes.tolist() == [1, 0]
    expected = torch.tensor([3.0, 2.0]).sigmoid() * torch.tensor(4.0).sigmoid()
    torch.testing.assert_close(results.confidence, expected)
    assert len(found(levels, overlap=1)) == 3


def test_the_only_class_does_not_lower_the_confidence():
    levels = silence()
    levels[0][0, 2, 2] = said_about(
        [8.0, 8, 24, 24], ANCHORS[0, 0], 2, 2, 8, sure=0.0, classes=(-30.0,)
    )
    assert found(levels).confidence.tolist() == [0.5]


def test_overlap_decides_which_neighbours_stay():
    levels = silence()
    first, second = [8.0, 8, 28, 28], [12.0, 8, 32, 28]  # 16 of 24 columns in common
    levels[0][2, 2, 2] = said_about(first, ANCHORS[0, 2], 2, 2, 8, sure=1.0)
    levels[0][2, 2, 3] = said_about(second, ANCHORS[0, 2], 3, 2, 8, sure=2.0)
    assert found(levels, overlap=0.6).boxes.round().tolist() == [second]
    assert found(levels, overlap=0.7).boxes.round().tolist() == [second, first]


def test_boxes_end_with_the_image_and_slivers_are_left_out():
    levels = silence()
    levels[0][0, 0, 7] = said_about([54.0, -4, 70, 14], ANCHORS[0, 0], 7, 0, 8)
    levels[0][1, 4, 0] = said_about([-4.5, 20, 0.5, 60], ANCHORS[0, 1], 0, 4, 8)
    levels[0][2, 4, 4] = said_about([36.0, 30, 45, 39], ANCHORS[0, 2], 4, 4, 8, sure=4.0)
    results = found(levels)
    torch.testing.assert_close(results.boxes, torch.tensor([[54.0, 0, 64, 14], [36, 30, 45, 39]]))


def test_masks_are_mixtures_of_prototypes_looked_at_in_the_box():
    """The first prototype is high in the left half of the image, the second in the upper half."""
    prototypes = torch.full((2, 16, 16), -8.0)
    prototypes[0, :, :8] = 8
    prototypes[1, :8] = 8
    boxes = torch.tensor([[16.0, 16, 48, 48], [0, 0, 64, 64], [40, 2, 60, 20]])
    mixtures = torch.tensor([[1.0, 0.0], [0, -1], [0.5, 0.5]])
    left, lower, nothing = masks_in(prototypes, mixtures, boxes) > 0.5
    half = torch.arange(GRID) < GRID // 2
    assert torch.equal(left, half.expand(GRID, GRID))
    assert torch.equal(lower, ~half[:, None].expand(GRID, GRID))
    assert not nothing.any()
    assert masks_in(prototypes, mixtures, boxes)[2].allclose(torch.tensor(0.5))
    assert masks_in(prototypes, mixtures[:0], boxes[:0]).shape == (0, GRID, GRID)


def test_a_mask_is_what_the_image_at_full_size_would_be():
    """Prototypes that rise evenly are known between their pixels too."""
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(24.0), indexing="ij")
    prototypes = torch.stack([(4 * x + 2) / 50, (4 * y + 2) / 50])  # the place in pixels / 50
    boxes = torch.tensor([[10.0, 20, 38, 48], [30, 8, 86, 22]])
    found = masks_in(prototypes, torch.tensor([[1.0, -1.0], [2.0, 1.0]]), boxes)
    for mask, (x0, y0, x1, y1), (a, b) in zip(found, boxes, ((1, -1), (2, 1)), strict=True):
        middle = (torch.arange(GRID) + 0.5) / GRID
        expected = (a * (x0 + (x1 - x0) * middle) + b * (y0 + (y1 - y0) * middle)[:, None]) / 50
        torch.testing.assert_close(mask, expected.sigmoid(), atol=1e-4, rtol=1e-4)


def test_more_masks_than_are_mixed_together_are_the_same():
    random = np.random.default_rng(0)
    boxes = random_boxes(random, 300)
    prototypes, mixtures = torch.randn(4, 16, 16), torch.randn(300, 4)
    found = masks_in(prototypes, mixtures, boxes)
    for number in (0, 127, 128, 299):
        one = masks_in(prototypes, mixtures[[number]], boxes[[number]])[0]
        torch.testing.assert_close(found[number], one, atol=1e-5, rtol=1e-5)


def test_detection_of_a_batch_is_that_of_its_images():
    network = narrow(classes=3).eval()
    images = torch.rand(2, 1, 64, 96)
    options = {"confidence": 0.001, "overlap": 0.3, "limit": 15}
    for both, image in zip(network.detect(images, **options), images, strict=True):
        (alone,) = network.detect(image[None], **options)
        assert 0 < len(both) <= 15
        torch.testing.assert_close(both.boxes, alone.boxes, atol=1e-3, rtol=1e-4)
        assert torch.equal(both.classes, alone.classes)
        assert torch.equal(both.confidence, both.confidence.sort(descending=True)[0])
        assert both.confidence.min() > 0.001
        assert both.masks.shape == (len(both), GRID, GRID)
        assert not both.masks.requires_grad
        x0, y0, x1, y1 = both.boxes.unbind(1)
        assert x0.min() >= 0
        assert y0.min() >= 0
        assert x1.max() <= 96
        assert y1.max() <= 64
        for kind in range(3):
            boxes = both.boxes[both.classes == kind]
            assert (box_iou(boxes, boxes).fill_diagonal_(0) <= 0.3).all()


# --- learning


def painted(detections, shape):
    """Return the pixels of each object at full size."""
    masks = torch.zeros(len(detections), *shape, dtype=torch.bool)
    for full, (x0, y0, x1, y1), mask in zip(masks, detections.boxes, detections.masks, strict=True):
        rows = (torch.arange(shape[0]) + 0.5 - y0) / (y1 - y0) * GRID
        columns = (torch.arange(shape[1]) + 0.5 - x0) / (x1 - x0) * GRID
        inside = ((rows >= 0) & (rows < GRID))[:, None] & ((columns >= 0) & (columns < GRID))
        at = mask[rows.long().clamp(0, GRID - 1)][:, columns.long().clamp(0, GRID - 1)]
        full[:] = inside & (at > 0.5)
    return masks


def best_overlaps(detections, truth):
    """Return the intersection over union of each true mask with the mask nearest to it."""
    found = painted(detections, truth.masks.shape[1:]).flatten(1).float()
    true = truth.masks.flatten(1).float()
    both = true @ found.t()
    ratios = both / (true.sum(1)[:, None] + found.sum(1) - both)
    return ratios.max(1).values if len(detections) else torch.zeros(len(truth))


def test_two_images_of_squares_are_learnt():
    scenes = [
        rectangles([(5, 6, 21, 22), (36, 10, 50, 30), (12, 40, 34, 54), (44, 42, 60, 58)]),
        rectangles([(4, 4, 26, 26), (30, 36, 54, 52)]),
    ]
    images, truth = torch.stack([image for image, _ in scenes]), [each for _, each in scenes]
    anchors = fitted_anchors(torch.cat([each.boxes for each in truth]).numpy())
    network = YOLO(YOLOConfig(width=0.5, anchors=anchors), in_channels=1, classes=1)
    steps = 80
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.02, total_steps=steps)
    for _ in range(steps):
        optimiser.zero_grad()
        sum(network.loss(images, truth).values()).backward()
        optimiser.step()
        schedule.step()
    # running means follow slowly, as published; repeated, because a batch is normalised by its
    # variance over n but remembered by that over n - 1, and at stride 32 n is 8 here
    update_bn([images.repeat(32, 1, 1, 1)], network)
    network.eval()
    for detections, each in zip(network.detect(images, confidence=0.5), truth, strict=True):
        assert len(detections) == len(each)
        assert best_overlaps(detections, each).min() > 0.7
