from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("segmentation_models_pytorch")

from safetensors.torch import load_file, save_file  # noqa: E402
from torchvision.models.detection.image_list import ImageList  # noqa: E402
from torchvision.ops import clip_boxes_to_image  # noqa: E402

from napari_tessera.deep.networks.anchors import PUBLISHED_SIDES, anchor_sizes  # noqa: E402
from napari_tessera.deep.networks.instances import GRID, Instances  # noqa: E402
from napari_tessera.deep.networks.mask_rcnn import MaskRCNN, cut_masks  # noqa: E402
from napari_tessera.deep.networks.mask_rcnn_parts import ExactAnchors  # noqa: E402
from napari_tessera.deep.networks.options import MaskRCNNConfig  # noqa: E402
from napari_tessera.deep.networks.registry import build  # noqa: E402
from napari_tessera.deep.training.transfer import encoder_of, freeze, start, train_mode  # noqa: E402

SMALL = "tu-mobilenetv3_small_050"
LOSSES = {"objectness", "proposals", "classes", "boxes", "masks"}


@pytest.fixture(autouse=True)
def one_thread_and_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def small(in_channels=1, classes=2, **options):
    chosen = {"encoder": SMALL, "width": 1 / 8, "proposals": 50, "samples": 32, **options}
    return MaskRCNN(MaskRCNNConfig(**chosen), in_channels=in_channels, classes=classes)


def instances(masks, classes):
    """Return objects with the boxes around their masks."""
    masks = torch.as_tensor(np.array(masks, bool))
    boxes = [
        [where[1].min(), where[0].min(), where[1].max() + 1, where[0].max() + 1]
        for where in (mask.nonzero(as_tuple=True) for mask in masks)
    ]
    return Instances(torch.tensor(boxes, dtype=torch.float32), torch.tensor(classes), masks)


def rectangles(*places, size=64):
    """Return an image (1, Y, X) of rectangles (y, x, height, width, class) and these objects."""
    image, masks = torch.zeros(1, size, size), np.zeros((len(places), size, size), bool)
    for mask, (y, x, height, width, kind) in zip(masks, places, strict=True):
        mask[y : y + height, x : x + width] = True
        image[0, mask] = 0.5 + 0.5 * kind
    return image, instances(masks, [place[4] for place in places])


def nothing(size=64):
    empty = torch.zeros(0, size, size, dtype=torch.bool)
    return Instances(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), empty)


def two_images():
    pairs = [
        rectangles((4, 6, 14, 14, 0), (30, 8, 20, 20, 1), (10, 36, 16, 22, 1)),
        rectangles((40, 40, 18, 18, 0), (5, 5, 16, 16, 1), (36, 6, 14, 20, 0)),
    ]
    images = torch.stack([image for image, _ in pairs])
    return images + 0.02 * torch.randn(images.shape), [objects for _, objects in pairs]


def filled(found, size):
    """Return the pixels (N, Y, X) whose centres lie in cells of the boxes that are rather inside."""
    masks = torch.zeros(len(found), size, size, dtype=torch.bool)
    centres = torch.arange(size) + 0.5
    for mask, box, cells in zip(masks, found.boxes, found.masks, strict=True):
        x0, y0, x1, y1 = box.tolist()
        row = ((centres - y0) / (y1 - y0) * GRID).floor().long()
        column = ((centres - x0) / (x1 - x0) * GRID).floor().long()
        rows, columns = (row >= 0) & (row < GRID), (column >= 0) & (column < GRID)
        inner = cells[row.clamp(0, GRID - 1)][:, column.clamp(0, GRID - 1)] > 0.5
        mask |= inner & rows[:, None] & columns
    return masks


# --- layers


@pytest.mark.parametrize(
    ("options", "classes", "parameters"),
    [
        ({"encoder": "resnet50"}, 90, 44_454_513),  # the background is the 91st
        ({"encoder": "resnet50"}, 1, 43_975_515),
        ({"encoder": "resnet50", "version": 2}, 90, 46_359_409),
    ],
)
def test_parameters_are_the_published_ones(options, classes, parameters):
    with torch.device("meta"):
        network = MaskRCNN(MaskRCNNConfig(**options), in_channels=3, classes=classes)
    assert sum(weights.numel() for weights in network.parameters()) == parameters


def test_published_anchors_are_torchvisions_and_own_ones_are_not_rounded():
    published = small().rpn.anchor_generator.cell_anchors
    assert [each.tolist()[1] for each in published] == [
        [-side / 2, -side / 2, side / 2, side / 2] for side in PUBLISHED_SIDES
    ]
    assert published[0].tolist()[0] == [-23, -11, 23, 11]
    own = small(anchors=(5, 10, 20, 40, 80)).rpn.anchor_generator
    assert isinstance(own, ExactAnchors)
    for half, side in zip(own.cell_anchors, (5, 10, 20, 40, 80), strict=True):
        width, height = (half[:, 2:] - half[:, :2]).T
        assert torch.allclose(width * height, torch.tensor(side**2.0))
        assert torch.allclose(height / width, torch.tensor([0.5, 1, 2]))


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("version", [1, 2])
def test_any_number_of_channels_and_both_versions(channels, version):
    network = small(channels, version=version)
    images = torch.rand(2, channels, 64, 96)
    objects = [nothing()] * 2
    objects = [Instances(each.boxes, each.classes, torch.zeros(0, 64, 96)) for each in objects]
    losses = network.train().loss(images, objects)
    assert losses.keys() == LOSSES
    found = network.eval().detect(images, confidence=0, overlap=0.5, limit=4)
    assert [len(each) for each in found] == [4, 4]
    for each in found:
        assert each.boxes.dtype == each.confidence.dtype == each.masks.dtype == torch.float32
        assert each.classes.dtype == torch.int64
        assert set(each.classes.tolist()) <= {0, 1}
        assert (each.boxes >= 0).all()
        assert (each.boxes <= torch.tensor([96, 64, 96, 64])).all()
        assert (each.boxes[:, 2:] > each.boxes[:, :2]).all()
        assert each.confidence.tolist() == sorted(each.confidence.tolist(), reverse=True)
        assert each.masks.shape == (4, GRID, GRID)
        assert ((each.masks >= 0) & (each.masks <= 1)).all()


# --- masks


def test_masks_are_cut_exactly_at_the_box():
    mask = np.zeros((1, 40, 40), bool)
    mask[0, 4:18, 6:34] = True  # 14 x 28 pixels: two cells a row of pixels, one a column
    mask[0, 4:8, 6:9] = False
    boxes = torch.tensor([[6.0, 4, 34, 18], [0, 4, 28, 18]])
    found = cut_masks(torch.from_numpy(mask), boxes, torch.tensor([0, 0])) > 0.5
    expected = np.ones((GRID, GRID), bool)
    expected[:8, :3] = False
    assert np.array_equal(found[0], expected)
    assert np.array_equal(found[1, :, 6:], expected[:, :22])
    assert not found[1, :, :6].any()


@settings(max_examples=20)
@given(st.data())
def test_cut_masks_cover_the_whole_of_their_own_box_and_nothing_of_another(data):
    height, width = (data.draw(st.integers(1, GRID)) for _ in range(2))
    y, x = (data.draw(st.integers(0, 64 - length)) for length in (height, width))
    mask = torch.zeros(2, 64, 64, dtype=torch.bool)
    mask[1, y : y + height, x : x + width] = True
    box = torch.tensor([[x, y, x + width, y + height]], dtype=torch.float32)
    own, other = cut_masks(mask, box.repeat(2, 1), torch.tensor([1, 0]))
    # half at the very edge, all from half a pixel within
    centres = (torch.arange(GRID) + 0.5) / GRID
    down, right = (
        (torch.minimum(centres, 1 - centres) * length + 0.5).clamp(max=1)
        for length in (height, width)
    )
    assert (own >= down[:, None] * right - 1e-4).all()
    assert not other.any()


def test_mask_loss_knows_the_true_class_and_place():
    """Logits that are the truth in the true class, and its contrary in the other, cost nothing."""
    _, objects = rectangles((0, 0, 32, 32, 1))
    objects.masks[0, :16] = False  # the lower half of its box
    network = small().train()
    boxes, classes = [torch.tensor([[0.0, 0, 32, 32], [32.0, 32, 64, 64]])], [torch.tensor([2, 0])]
    chosen, shapes = [torch.tensor([0, 0])], [(64, 64)]

    def masks(features, boxes, shapes):
        half = torch.full((1, GRID, GRID), -50.0)
        half[:, GRID // 2 :] = 50
        return torch.stack([half * sign for sign in (-1, -1, 1)], dim=1)

    network._mask_logits = masks
    loss = network._mask_loss({}, boxes, chosen, classes, [objects], shapes)
    assert loss < 1e-6 + 50 / GRID  # but for the row of cells at the edge
    assert network._mask_loss({}, boxes, chosen, [torch.tensor([1, 0])], [objects], shapes) > 40


# --- training


def test_two_images_are_learnt_and_every_object_found():
    images, objects = two_images()
    network = small(anchors=anchor_sizes([16]), samples=48).train()
    optimiser = torch.optim.AdamW(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, 100)
    for step in range(100):
        optimiser.zero_grad()
        losses = network.loss(images, objects)
        sum(losses.values()).backward()
        if step == 0:
            unreached = [
                name
                for name, weights in network.named_parameters()
                if weights.grad is None or not weights.grad.any()
            ]
            assert losses.keys() == LOSSES
            assert unreached == []
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimiser.step()
        schedule.step()
    found = network.eval().detect(images, confidence=0.5, overlap=0.5, limit=20)
    for own, truth in zip(found, objects, strict=True):
        assert len(own) == len(truth)
        shared = filled(own, 64)[:, None] & truth.masks
        either = filled(own, 64)[:, None] | truth.masks
        overlap, partner = (shared.sum((2, 3)) / either.sum((2, 3))).max(1)
        assert sorted(partner.tolist()) == [0, 1, 2]
        assert (overlap > 0.7).all()
        assert torch.equal(own.classes, truth.classes[partner])


@pytest.mark.parametrize("version", [1, 2])
def test_images_without_objects_can_be_learnt_from(version):
    network = small(version=version).train()
    image, objects = rectangles((4, 6, 14, 14, 0))
    noise = torch.rand(1, 64, 64)
    for images, truth in (
        (noise[None], [nothing()]),  # a batch of one
        (torch.stack([image + noise, noise]), [objects, nothing()]),
    ):
        losses = network.loss(images, truth)
        sum(losses.values()).backward()
        assert all(each.isfinite() and each.ndim == 0 for each in losses.values())
        assert (losses["masks"] > 0) == (len(truth) > 1)
    assert all(
        weights.grad is None or weights.grad.isfinite().all() for weights in network.parameters()
    )


def test_loss_in_either_mode_leaves_the_network_as_it_is():
    images, objects = two_images()
    network = small()
    for training in (True, False):
        network.train(training)
        before = {name: each.clone() for name, each in network.state_dict().items()}
        losses = network.loss(images, objects)
        assert all(each.isfinite() for each in losses.values())
        assert all(module.training == training for module in network.modules())
        moved = [
            name for name, each in network.state_dict().items() if (each != before[name]).any()
        ]
        assert bool(moved) == training  # the statistics of batch normalisation
        attributes = vars(network.rpn), vars(network.roi_heads)
        network.detect(images, confidence=0.9, overlap=0.1, limit=3)
        assert attributes == (vars(network.rpn), vars(network.roi_heads))
        assert network.roi_heads.score_thresh == 0.05
        assert network.rpn.pre_nms_top_n() == (100 if training else 50)


def test_short_floats_do_not_move_boxes():
    """In bfloat16 places beyond 256 would be even numbers; half of the anchors' are odd."""
    network, seen = small().eval(), []
    torch.nn.init.zeros_(network.rpn.head.bbox_pred.weight)  # proposals are anchors
    network.roi_heads.box_roi_pool.register_forward_hook(lambda _, given, __: seen.append(given[1]))
    image = torch.rand(1, 1, 64, 576)
    with torch.autocast("cpu", torch.bfloat16):
        found = network.detect(image, confidence=0, overlap=0.5, limit=400)[0]
    assert found.boxes.dtype == found.confidence.dtype == found.masks.dtype == torch.float32
    features = [torch.zeros(1, 1, 64 // stride, 576 // stride) for stride in (4, 8, 16, 32, 64)]
    anchors = network.rpn.anchor_generator(ImageList(image, [(64, 576)]), features)[0]
    allowed = {tuple(box) for box in clip_boxes_to_image(anchors, (64, 576)).tolist()}
    proposed = [tuple(box) for box in seen[0][0].tolist()]
    assert sum(box[0] > 256 and box[0] % 2 for box in proposed) > 20
    assert set(proposed) <= allowed


def test_losses_in_short_floats_are_close_to_the_exact():
    network = small().eval()
    image, objects = rectangles((8, 70, 40, 40, 0), (50, 10, 33, 37, 1), size=128)
    losses = []
    for enabled in (False, True):
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            losses.append(network.loss(image[None], [objects]))
    for name, exact in losses[0].items():
        assert losses[1][name].dtype == torch.float32
        assert losses[1][name].item() == pytest.approx(exact.item(), rel=0.05, abs=0.02)


def test_what_is_wrong_is_named():
    network, (image, objects) = small(), rectangles((4, 6, 14, 14, 0))
    with pytest.raises(ValueError, match="objects is of 2 images, but images has 1"):
        network.loss(image[None], [objects, objects])
    flat = Instances(torch.tensor([[3.0, 4, 3, 9]]), objects.classes, objects.masks)
    with pytest.raises(ValueError, match=r"image 0 have the box \[3.0, 4.0, 3.0, 9.0\].*no area"):
        network.loss(image[None], [flat])
    with pytest.raises(ValueError, match=r"spatial shape \(40, 64\); pass multiples of 32"):
        network.detect(torch.zeros(1, 1, 40, 64), confidence=0, overlap=0.5, limit=1)
    with pytest.raises(ValueError, match="standardise is True, but in_channels is 1; pass red"):
        small(standardise=True)
    with pytest.raises(ValueError, match="encoder is 'resnet7'; pass a name from"):
        small(encoder="resnet7")


# --- finding


def test_every_one_of_many_objects_is_found_if_the_limit_allows():
    """Heads that see an object at each proposal: 15 x 15 boxes of 16 pixels, side by side."""
    network = small(proposals=50).eval()
    y, x = np.meshgrid(np.arange(15.0) * 16, np.arange(15.0) * 16, indexing="ij")
    grid = torch.tensor(np.stack([x, y, x + 16, y + 16], -1).reshape(-1, 4), dtype=torch.float32)
    asked = []

    class Proposer(type(network.rpn)):
        def forward(self, images, features, targets=None):
            asked.append((self.pre_nms_top_n(), self.post_nms_top_n()))
            return [grid[: self.post_nms_top_n()]], {}

    network.rpn.__class__ = Proposer
    for layer in (
        network.roi_heads.box_predictor.cls_score,
        network.roi_heads.box_predictor.bbox_pred,
    ):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    network.roi_heads.box_predictor.cls_score.bias.data[1] = 5
    image = torch.zeros(1, 1, 256, 256)
    for limit, expected in ((300, 225), (225, 225), (120, 120), (10, 10)):
        found = network.detect(image, confidence=0.5, overlap=0.5, limit=limit)[0]
        assert len(found) == len(found.masks) == expected
        assert len({tuple(box) for box in found.boxes.tolist()}) == expected
        assert asked[-1] == (max(50, 2 * limit),) * 2
    assert not network.detect(image, confidence=0.999, overlap=0.5, limit=10)[0].boxes.numel()


def test_proposals_come_from_the_whole_image():
    network = small(anchors=(8, 16, 32, 64, 128), proposals=50).eval()
    found = network.detect(torch.rand(1, 1, 128, 160), confidence=0, overlap=0.99, limit=400)[0]
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    assert len(found) == 400
    assert (centres.amin(0) < 16).all()
    assert (centres.amax(0) > torch.tensor([144, 112])).all()


def test_masks_found_piece_by_piece_are_the_same(monkeypatch):
    from napari_tessera.deep.networks import mask_rcnn

    network, images = small().eval(), torch.rand(2, 1, 64, 64)
    whole = network.detect(images, confidence=0, overlap=0.9, limit=10)
    monkeypatch.setattr(mask_rcnn, "AT_ONCE", 3)
    for pieces, own in zip(
        network.detect(images, confidence=0, overlap=0.9, limit=10), whole, strict=True
    ):
        assert len(own) == 10
        torch.testing.assert_close(pieces.masks, own.masks)
    alone = network.detect(images[1:], confidence=0, overlap=0.9, limit=10)[0]
    torch.testing.assert_close(alone.masks, whole[1].masks, atol=1e-5, rtol=1e-4)


def test_saved_and_loaded_it_finds_the_same(tmp_path):
    network, other = small(2, 3).eval(), small(2, 3).eval()
    images = torch.rand(1, 2, 64, 64)
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    asked = {"confidence": 0, "overlap": 0.5, "limit": 7}
    expected = network.detect(images, **asked)[0]
    assert not torch.equal(other.detect(images, **asked)[0].masks, expected.masks)
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    found = other.detect(images, **asked)[0]
    for name in ("boxes", "classes", "confidence", "masks"):
        assert torch.equal(getattr(found, name), getattr(expected, name))


# --- weights of others


def test_imagenet_weights_go_into_the_encoder():
    options = {"encoder": "tu-tf_efficientnet_lite0", "proposals": 50, "samples": 32}
    network = build("mask_rcnn", in_channels=1, classes=2, width=1 / 8, **options)
    said = start(network, "imagenet", in_channels=1)
    assert said.endswith("tu-tf_efficientnet_lite0, starts from its ImageNet weights.")
    assert encoder_of(network) is network.backbone.encoder
    freeze(network, True)
    train_mode(network, True)
    learning = {name.split(".")[1] for name, w in network.named_parameters() if w.requires_grad}
    assert learning == {"fpn", "head", "box_head", "box_predictor", "mask_head", "mask_predictor"}
    assert network.roi_heads.training
    assert not network.backbone.encoder.training
    images, objects = two_images()
    sum(network.loss(images, objects).values()).backward()


# --- options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"version": 3}, "version is 3; choose one of 1, 2"),
        ({"width": 3}, "width is 3; it must be from 0.015625 to 2"),
        ({"detections": 0}, "detections is 0; it must be from 1 to 10000"),
        ({"proposals": 20.5}, "proposals is 20.5; pass a whole number"),
        ({"samples": True}, "samples is True; pass a number"),
        ({"anchors": (8, 16, 32)}, r"anchors is \(8, 16, 32\); pass five positive numbers"),
        ({"anchors": (8, 16, 32, 128, 64)}, "the smallest first"),
        ({"anchors": "8"}, "anchors is '8'; pass five"),
        ({"standardise": "yes"}, "standardise is 'yes'; choose one of False, True"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        MaskRCNNConfig(**options)


def test_options_survive_json():
    import json

    config = MaskRCNNConfig(anchors=(8, 16, 32.5, 64, 128))
    assert MaskRCNNConfig(**json.loads(json.dumps(asdict(config)))) == config


# --- anchors


def test_anchors_follow_the_objects():
    assert anchor_sizes([]) == PUBLISHED_SIDES
    assert anchor_sizes([float("nan"), 0]) == PUBLISHED_SIDES
    assert anchor_sizes(np.full(1000, 10)) == (10, 20, 40, 80, 160)
    assert anchor_sizes([400]) == (25, 50, 100, 200, 400)
    assert anchor_sizes([2, 2, 2]) == (4, 8, 16, 32, 64)
    assert anchor_sizes([30, 60, 120, 240, 480]) == (30, 60, 120, 240, 480)


@given(st.lists(st.floats(1, 2000), min_size=1, max_size=30))
def test_the_median_object_has_an_anchor_of_its_size(diameters):
    sides = np.array(anchor_sizes(diameters))
    assert len(sides) == 5
    assert sides[0] >= 4
    np.testing.assert_allclose(sides[1:] / sides[:-1], 2, rtol=0.02)
    median = max(float(np.median(diameters)), 4)
    if median < 16 * 4 * 40:
        assert np.abs(np.log2(sides / median)).min() < 0.02
