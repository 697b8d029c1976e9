import hashlib
from collections import OrderedDict

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("segmentation_models_pytorch")
detection = pytest.importorskip("torchvision.models.detection")

from safetensors.torch import save_file  # noqa: E402
from torchvision.models import segmentation  # noqa: E402
from torchvision.models.detection._utils import overwrite_eps  # noqa: E402
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone  # noqa: E402
from torchvision.ops import FrozenBatchNorm2d  # noqa: E402

from napari_tessera.deep.networks.options import ScenesConfig  # noqa: E402
from napari_tessera.deep.networks.registry import build  # noqa: E402
from napari_tessera.deep.networks.torchvision_scenes import SceneNetwork  # noqa: E402
from napari_tessera.deep.training import transfer  # noqa: E402
from napari_tessera.deep.weights import coco as coco_weights  # noqa: E402
from napari_tessera.deep.weights import imagenet as pretrained  # noqa: E402
from napari_tessera.deep.weights.coco import (  # noqa: E402
    PUBLISHED,
    classes_learnt,
    converted,
    fetched,
    learnt,
    palette,
)
from napari_tessera.signature.progress import Progress, Stop  # noqa: E402

OBJECTS = [name for name, about in PUBLISHED.items() if about.network == "mask_rcnn"]
SCENES = [name for name in PUBLISHED if name not in OBJECTS]

COUNTS = {
    "fcn_resnet50": 32_957_013,
    "fcn_resnet101": 51_949_141,
    "deeplabv3_resnet50": 39_638_869,
    "deeplabv3_resnet101": 58_630_997,
    "deeplabv3_mobilenet_v3_large": 11_025_477,
}
"""Parameters for 21 classes, without the auxiliary classifier."""


@pytest.fixture(autouse=True)
def one_thread_and_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def theirs(name, **options):
    """Return torchvision's own network with random weights, as that with COCO's is built."""
    if name in SCENES:
        make = getattr(segmentation, name)
        return make(weights=None, weights_backbone=None, num_classes=21, aux_loss=True, **options)
    if name.endswith("v2"):
        make = detection.maskrcnn_resnet50_fpn_v2
        return make(weights=None, weights_backbone=None, num_classes=91, **options)
    backbone = resnet_fpn_backbone(backbone_name="resnet50", weights=None)
    network = detection.MaskRCNN(backbone, 91, **options)
    overwrite_eps(network, 0.0)
    return network


def lively(network):
    """Give batch normalisation statistics, and scores differences, as training would."""
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, FrozenBatchNorm2d | torch.nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(1, 8)
                layer.weight.uniform_(0.5, 1.2)
                layer.bias.normal_(0, 0.1)
    return network.eval()


def categories(name):
    return coco_weights._listed(PUBLISHED[name]).meta["categories"]


def old_names(weights):
    """Return weights as the published file of Mask R-CNN names them."""
    names = {"rpn.head.conv.0.0.": "rpn.head.conv."}
    for layer in range(4):
        names[f"roi_heads.mask_head.{layer}.0."] = f"roi_heads.mask_head.mask_fcn{layer + 1}."
        for blocks in ("inner_blocks", "layer_blocks"):
            names[f"backbone.fpn.{blocks}.{layer}.0."] = f"backbone.fpn.{blocks}.{layer}."
    renamed = OrderedDict()
    for name, each in weights.items():
        new = name
        for ours, old in names.items():
            new = new.replace(ours, old)
        renamed[new] = each
    return renamed


# --- networks


@pytest.mark.parametrize("name", SCENES)
def test_scene_networks_have_the_published_parameters(name):
    with torch.device("meta"):
        network = SceneNetwork(ScenesConfig(name), in_channels=3, classes=21).eval()
        assert network(torch.zeros(2, 3, 64, 72)).shape == (2, 21, 64, 72)
    assert sum(weights.numel() for weights in network.parameters()) == COUNTS[name]


@pytest.mark.parametrize("name", ["deeplabv3_mobilenet_v3_large", "fcn_resnet50"])
@pytest.mark.parametrize("channels", [1, 5])
def test_scene_networks_take_other_channels(name, channels):
    with torch.device("meta"):
        network = SceneNetwork(ScenesConfig(name), in_channels=channels, classes=2).eval()
        assert network(torch.zeros(1, channels, 32, 32)).shape == (1, 2, 32, 32)


def test_scene_networks_learn():
    network = build("torchvision", in_channels=2, classes=3).train()
    scores = network(torch.rand(2, 2, 64, 64))
    torch.nn.functional.cross_entropy(scores, torch.randint(0, 3, (2, 64, 64))).backward()
    assert all(weights.grad is not None for weights in network.parameters())
    assert transfer.encoder_of(network) is network.backbone


def test_scene_networks_name_what_is_wrong():
    with pytest.raises(ValueError, match="architecture is 'unet'; choose one of deeplabv3"):
        ScenesConfig(architecture="unet")
    with pytest.raises(ValueError, match="in_channels is 2; pass red, green and blue"):
        SceneNetwork(ScenesConfig(standardise=True), in_channels=2, classes=3)


# --- weights


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_tensor_has_its_place(name):
    with torch.device("meta"):
        given = theirs(name).state_dict()
        own = converted(given, categories(name))
        network = coco_weights._network(
            PUBLISHED[name], len(classes_learnt(name)) + (name in OBJECTS)
        )
    wanted = network.state_dict()
    if name == "maskrcnn_resnet50_fpn":  # frozen batch normalisation counts nothing
        wanted = {key: each for key, each in wanted.items() if not key.endswith("_tracked")}
    assert {key: each.shape for key, each in own.items()} == {
        key: each.shape for key, each in wanted.items()
    }
    left_out = {key.split(".")[0] for key in given} - {key.split(".")[0] for key in own}
    assert left_out == ({"aux_classifier"} if name in SCENES else set())


def test_mask_rcnn_finds_what_torchvisions_finds(tmp_path):
    """From a file with the names of the published one, whose batch normalisation is frozen."""
    name = "maskrcnn_resnet50_fpn"
    other = lively(theirs(name, min_size=128, max_size=128, box_score_thresh=0.02))
    unused = [place for place, each in enumerate(categories(name)) if each == "N/A"]
    with torch.no_grad():
        other.roi_heads.box_predictor.cls_score.weight.mul_(60)
        other.roi_heads.box_predictor.cls_score.bias[unused] = -1e4  # nothing was ever one
        other.rpn.head.bbox_pred.weight.mul_(5)
    path = tmp_path / "coco.pth"
    torch.save(old_names(other.state_dict()), path)
    found = learnt(name, file=path)
    image = torch.rand(3, 128, 128)
    with torch.no_grad():
        expected = other([image])[0]
        batch, _ = other.transform([image])
        features = other.backbone(batch.tensors)
        raw = other.roi_heads(features, other.rpn(batch, features)[0], batch.image_sizes)[0][0]
    own = found.network.detect(image[None], confidence=0.02, overlap=0.5, limit=100)[0]
    assert 20 < len(own) == len(expected["boxes"])
    names = [found.class_names[number] for number in own.classes]
    assert names == [categories(name)[number] for number in expected["labels"]]
    assert len(set(names)) > 1
    torch.testing.assert_close(own.confidence, expected["scores"], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(own.boxes, expected["boxes"], atol=1e-2, rtol=1e-3)
    torch.testing.assert_close(own.masks, raw["masks"][:, 0], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_scenes_are_scored_as_torchvision_does(tmp_path, ending):
    name = "deeplabv3_mobilenet_v3_large"
    other, path = lively(theirs(name)), tmp_path / f"coco{ending}"
    (torch.save if ending == ".pth" else save_file)(other.state_dict(), path)
    found = learnt(name, file=str(path))
    image = torch.rand(1, 3, 70, 96)
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    with torch.no_grad():
        expected = other((image - mean) / deviation)["out"]
        torch.testing.assert_close(found.network(image), expected, atol=1e-4, rtol=1e-4)
    assert not found.network.training
    assert found.about.side == 520
    assert found.class_names[:2] == ("background", "aeroplane")
    assert len(found.class_names) == len(found.colours) == 21
    assert found.colours[15] == "#c08080"  # VOC's person


def test_frozen_normalisation_that_learns_gives_the_same():
    torch.manual_seed(3)
    frozen = FrozenBatchNorm2d(4, eps=0.0)
    frozen.running_var.copy_(torch.tensor([1e-7, 1e-3, 1.0, 100]))
    frozen.weight.normal_()
    own = torch.nn.BatchNorm2d(4).eval()
    prefix = "backbone.body.bn1."
    given = {prefix + key: each for key, each in frozen.state_dict().items()}
    weights = converted(given, [])
    own.load_state_dict(
        {key.removeprefix("backbone.encoder.bn1."): each for key, each in weights.items()},
        strict=False,
    )
    features = torch.rand(1, 4, 3, 3)
    torch.testing.assert_close(own(features), frozen(features), rtol=1e-4, atol=1e-4)
    # a variance of 0 stays what it is instead of becoming infinite
    given[prefix + "running_var"] = torch.zeros(4)
    kept = converted(given, [])["backbone.encoder.bn1.weight"]
    assert torch.equal(kept, frozen.weight)


def test_classes_left_out_are_dropped_from_the_last_layers():
    given = {
        "roi_heads.box_predictor.cls_score.bias": torch.arange(4.0),
        "roi_heads.box_predictor.bbox_pred.weight": torch.arange(16.0)[:, None],
        "roi_heads.mask_predictor.mask_fcn_logits.bias": torch.arange(4.0),
        "roi_heads.mask_predictor.conv5_mask.bias": torch.arange(7.0),
    }
    found = converted(given, ["__background__", "cat", "N/A", "dog"])
    assert [each.flatten().tolist() for each in found.values()] == [
        [0, 1, 3],
        [0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15],
        [0, 1, 3],
        [0, 1, 2, 3, 4, 5, 6],
    ]


def test_names_and_colours():
    names = classes_learnt("maskrcnn_resnet50_fpn_v2")
    assert len(names) == 80
    assert "N/A" not in names
    assert (names[0], names[2], names[79]) == ("person", "car", "toothbrush")
    assert classes_learnt("fcn_resnet101")[15] == "person"
    assert len(set(palette(256))) == 256
    assert palette(22)[20:] == ("#004080", "#804080")  # VOC's monitor, and the next


# --- errors


def test_other_weights_are_refused(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"layer.weight": torch.zeros(3, 3)}, path)
    wanted = "DeepLabV3, MobileNetV3.*pass deeplabv3_mobilenet_v3_large-fc3c493d.pth"
    with pytest.raises(ValueError, match="does not hold the weights of " + wanted):
        learnt("deeplabv3_mobilenet_v3_large", file=path)
    few = segmentation.deeplabv3_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=5
    )
    torch.save(few.state_dict(), path)
    with pytest.raises(ValueError, match="some tensors have other shapes.*pass deeplabv3"):
        learnt("deeplabv3_mobilenet_v3_large", file=path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        learnt("fcn_resnet50", file=tmp_path / "none.pth")
    with pytest.raises(ValueError, match="name is 'yolo'; choose one of maskrcnn_resnet50_fpn"):
        learnt("yolo")


def test_what_is_no_tensor_is_not_read(tmp_path):
    path = tmp_path / "evil.pth"
    torch.save({"weights": pytest.raises}, path)
    with pytest.raises(ValueError, match="damaged or holds more than tensors"):
        learnt("fcn_resnet50", file=path)


# --- downloads


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return PyTorch's cache, in a folder of its own, from which nobody can be reached."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(pretrained, "reachable", lambda address: False)
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Return a function that puts bytes where the weights of FCN are fetched."""
    monkeypatch.setattr(pretrained, "reachable", lambda address: True)

    def serve(content, digest=None):
        digest = digest or hashlib.sha256(content).hexdigest()[:8]
        path = tmp_path / f"fcn-{digest}.pth"
        path.write_bytes(content)
        listed = type("Listed", (), {"url": path.as_uri(), "meta": {}})
        monkeypatch.setattr(coco_weights, "_listed", lambda about: listed)
        return path.name

    return serve


def test_offline_the_error_says_how_to_give_the_file(cache):
    with pytest.raises(ConnectionError) as error:
        learnt("maskrcnn_resnet50_fpn")
    assert str(error.value) == (
        "the weights of Mask R-CNN, ResNet-50 are not on this computer and download.pytorch.org "
        "cannot be reached; fetch "
        "https://download.pytorch.org/models/maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth (170 MB) "
        f"elsewhere and pass the path of that file, or put it into {cache}"
    )


def test_what_is_in_the_cache_is_not_fetched(cache):
    cache.mkdir(parents=True)
    path = cache / "fcn_resnet50_coco-1167a1af.pth"
    path.write_bytes(b"weights")
    assert fetched("fcn_resnet50") == path


def test_weights_are_fetched_once(cache, server):
    name, seen = server(b"weights" * 300_000), []
    path = fetched("fcn_resnet50", report=seen.append)
    assert path == cache / name
    assert path.read_bytes() == b"weights" * 300_000
    assert [each.name for each in cache.iterdir()] == [name]
    assert all(isinstance(each, Progress) and 0 < each.done < 1 for each in seen)
    assert len(seen) == 3
    assert seen[0].values == {"note": "Downloading FCN, ResNet-50"}


def test_damaged_downloads_are_not_kept(cache, server):
    server(b"half", digest="01234567")
    with pytest.raises(ConnectionError, match="the download failed: what file:.* is damaged"):
        fetched("fcn_resnet50")
    assert list(cache.iterdir()) == []


def test_a_download_that_is_stopped_leaves_nothing(cache, server):
    server(b"weights")

    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        fetched("fcn_resnet50", report=stop)
    assert list(cache.iterdir()) == []
