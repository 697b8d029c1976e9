import pickle

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("segmentation_models_pytorch")

import huggingface_hub as hub  # noqa: E402
import timm  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402

from napari_tessera.deep.models import library as model  # noqa: E402
from napari_tessera.deep.networks.encoders import encoder  # noqa: E402
from napari_tessera.deep.networks.registry import NETWORKS, build  # noqa: E402
from napari_tessera.deep.training import transfer  # noqa: E402
from napari_tessera.deep.weights import imagenet as pretrained  # noqa: E402
from napari_tessera.deep.weights.imagenet import imagenet_weights  # noqa: E402
from napari_tessera.signature.progress import Progress  # noqa: E402

SMALL = {
    "unet": {"width": 1 / 32},
    "unet2015": {"width": 1 / 32},
    "fcn": {"width": 1 / 32},
    "segnet": {"width": 1 / 32},
    "segnet_basic": {"width": 1 / 8},
    "deeplabv3plus": {"width": 1 / 32},
    "dpt": {"width": 1 / 32},
}
PLAIN = ["unet", "unet2015", "fcn", "segnet", "segnet_basic"]
LITE0 = ["deeplabv3plus", "pspnet", "pan", "segformer"]


@pytest.fixture(autouse=True)
def one_thread_and_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    """Refuse every connection, and keep an empty cache; return where connections were tried."""
    tried = []

    def refuse(address, timeout=None):
        tried.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(pretrained, "getproxies", dict)
    return tried


def small(name, in_channels=1, classes=2, **options):
    return build(name, in_channels=in_channels, classes=classes, **SMALL.get(name, {}), **options)


class Connection:
    def close(self):
        pass


def kept(network):
    return {name: weights.clone() for name, weights in network.state_dict().items()}


def changed(before, network):
    return {
        name for name, weights in network.state_dict().items() if not weights.equal(before[name])
    }


# --- which part is frozen


PIXELS = [name for name, entry in NETWORKS.items() if not entry.one_by_one]


@pytest.mark.parametrize("name", PIXELS)
class TestEveryNetwork:
    def steps(self, name, network, frozen):
        sizes, count = NETWORKS[name].sizes, NETWORKS[name].smallest_batch
        image = torch.randn(count, 1, *[sizes.smallest + 2 * sizes.margin] * 2)
        optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.1)
        for _ in range(2):
            transfer.freeze(network, frozen)
            transfer.train_mode(network, frozen)
            optimiser.zero_grad()
            network(image).square().mean().backward()
            optimiser.step()

    def test_a_frozen_encoder_stays_as_it_is_to_the_last_bit(self, name):
        network = small(name)
        if hasattr(network, "score_fr"):  # begins at zero, and so would the gradients
            nn.init.ones_(network.score_fr.weight)
        part = transfer.encoder_of(network)
        before, encoder_before = kept(network), kept(part)
        self.steps(name, network, frozen=True)
        assert changed(encoder_before, part) == set()
        assert changed(before, network)
        assert network.training
        assert not part.training
        self.steps(name, network, frozen=False)
        assert part.training
        left = set(encoder_before) - changed(encoder_before, part)
        if name == "pspnet":  # it ends at stride 8
            left -= {key for key in left if key.startswith("model.blocks.") and key[13] in "3456"}
        assert left == set()


@pytest.mark.parametrize("name", ["unet", "fcn", "fpn"])
def test_gradients_from_before_are_not_followed(name):
    network = small(name)
    part = transfer.encoder_of(network)
    for weights in network.parameters():
        weights.grad = torch.ones_like(weights)
    transfer.freeze(network, True)
    before = kept(part)
    torch.optim.AdamW(network.parameters(), lr=1, weight_decay=0.1).step()
    assert changed(before, part) == set()


@pytest.mark.parametrize(
    ("name", "options", "part"),
    [
        ("unet", {}, "contracting"),
        ("unet", {"axes": 3}, "contracting"),
        ("unet2015", {}, "contracting"),
        ("fcn", {}, "backbone"),
        ("segnet", {}, "down"),
        ("segnet_basic", {}, "down"),
        ("deeplabv3plus", {}, "encoder"),
        ("manet", {}, "encoder"),
        ("dpt", {}, "encoder"),
    ],
)
def test_what_finds_features_is_the_encoder(name, options, part):
    network = small(name, **options)
    assert transfer.encoder_of(network) is getattr(network, part)


def test_encoders_of_others_are_told_too():
    options = {"in_channels": 1, "classes": 2, "encoder": "tu-tf_efficientnet_lite0"}
    fcn, unet = build("fcn", **options), build("unet", **options)
    assert transfer.encoder_of(fcn) is fcn.backbone.encoder
    assert transfer.encoder_of(unet) is unet.encoder
    with pytest.raises(ValueError, match="network is a Conv2d, of which no encoder is known"):
        transfer.encoder_of(nn.Conv2d(1, 1, 1))


@pytest.mark.parametrize("name", ["unet", "segnet_basic", "manet"])
def test_random_weights_are_left_alone(name):
    network = small(name)
    before = kept(network)
    said = transfer.start(network, "none", in_channels=1)
    assert said == f"{NETWORKS[name].title} starts from random weights."
    assert changed(before, network) == set()


@pytest.mark.parametrize(
    "name", ["unet2015", "fcn", "segnet", "deeplabv3plus", "unetplusplus", "dpt"]
)
def test_networks_are_called_what_people_call_them(name):
    with torch.device("meta"):
        assert transfer.network_title(small(name)) == NETWORKS[name].title


# --- ImageNet


@pytest.mark.parametrize("name", LITE0)
def test_the_encoder_of_choice_has_its_weights_offline(name, no_network):
    network = small(name, 2)
    before, notes = kept(network), []
    said = transfer.start(network, "imagenet", in_channels=2, report=notes.append)
    title = NETWORKS[name].title
    assert (
        said
        == f"The encoder of {title}, tu-tf_efficientnet_lite0, starts from its ImageNet weights."
    )
    expected, found = imagenet_weights(), transfer.encoder_of(network).state_dict()
    stem = expected.pop("model.conv_stem.weight")
    assert all(found[key].equal(weights) for key, weights in expected.items())
    grey = stem.sum(1) / 2
    torch.testing.assert_close(found["model.conv_stem.weight"], torch.stack([grey, grey], 1))
    assert all("encoder." in key for key in changed(before, network))
    assert notes == [
        Progress(0, 1, {"note": "Looking for the ImageNet weights of tu-tf_efficientnet_lite0"})
    ]
    assert no_network == []


@pytest.mark.parametrize("name", PLAIN)
def test_networks_without_such_weights_say_so(name):
    network = small(name)
    before = kept(network)
    said = transfer.start(network, "imagenet", in_channels=1)
    assert said == f"{NETWORKS[name].title} has no ImageNet weights; it starts from random ones."
    assert changed(before, network) == set()


@pytest.mark.parametrize(
    ("name", "chosen", "repository"),
    [
        ("fpn", "resnet18", "smp-hub/resnet18.imagenet"),
        ("unet", "tu-resnet18", "timm/resnet18.a1_in1k"),
        ("dpt", "tu-vit_tiny_patch16_224.augreg_in21k", "timm/vit_tiny_patch16_224.augreg_in21k"),
    ],
)
def test_without_a_network_the_error_comes_at_once(name, chosen, repository, no_network):
    network = build(name, in_channels=1, classes=2, encoder=chosen)
    with pytest.raises(ConnectionError) as caught:
        transfer.start(network, "imagenet", in_channels=1)
    assert no_network == [("huggingface.co", 443)]  # tried once, not again and again
    said = str(caught.value)
    assert f"those of the encoder {chosen!r} are not on this computer" in said
    assert "huggingface.co cannot be reached; choose the encoder 'tu-tf_efficientnet_lite0'" in said
    assert f"fetch https://huggingface.co/{repository}/resolve/" in said


def test_who_wants_no_network_is_asked_for_none(no_network, monkeypatch):
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    network = build("fpn", in_channels=1, classes=2, encoder="resnet18")
    with pytest.raises(ConnectionError, match="HF_HUB_OFFLINE is set; choose the encoder"):
        transfer.start(network, "imagenet", in_channels=1)
    assert no_network == []


def test_a_download_that_fails_is_explained(monkeypatch):
    def download(repository, file, *, revision, local_files_only=False):
        raise OSError("disk is full")

    monkeypatch.setattr("socket.create_connection", lambda *_, **__: Connection())
    monkeypatch.setattr(hub, "hf_hub_download", download)
    network = build("fpn", in_channels=1, classes=2, encoder="resnet18")
    with pytest.raises(ConnectionError, match="the download failed: disk is full; choose"):
        transfer.start(network, "imagenet", in_channels=1)


def test_the_proxy_is_what_has_to_be_reached(no_network, monkeypatch):
    monkeypatch.setattr(pretrained, "getproxies", lambda: {"https": "http://proxy.local:3128"})
    assert not pretrained.reachable("https://huggingface.co")
    assert no_network == [("proxy.local", 3128)]


def test_names_that_take_long_to_look_up_are_not_waited_for(monkeypatch):
    from threading import Event

    found = Event()

    def connect(address, timeout):
        found.wait(60)
        return Connection()

    monkeypatch.setattr("socket.create_connection", connect)
    # whoever waits for the answer gets it
    assert not pretrained.reachable("https://huggingface.co", seconds=0.05)
    found.set()


def in_cache(monkeypatch, weights, path):
    """Let `weights` be what lies in the cache, for whatever repository."""
    save_file(weights, path)
    asked = []

    def download(repository, file, *, revision, local_files_only=False):
        assert local_files_only
        asked.append((repository, file))
        return str(path)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    return asked


def test_weights_of_the_library_come_from_the_cache(monkeypatch, tmp_path, no_network):
    giver = encoder("resnet18", in_channels=3)
    asked = in_cache(monkeypatch, giver.state_dict(), tmp_path / "weights.safetensors")
    network = build("linknet", in_channels=3, classes=2, encoder="resnet18")
    said = transfer.start(network, "imagenet", in_channels=3)
    assert said == "The encoder of LinkNet, resnet18, starts from its ImageNet weights."
    assert asked == [("smp-hub/resnet18.imagenet", "model.safetensors")]
    assert changed(giver.state_dict(), network.encoder) == set()
    assert no_network == []


@pytest.mark.parametrize(
    ("name", "chosen", "layers"),
    [
        ("unet", "tu-convnext_atto", {"stem_1.weight": "stem.1.weight"}),
        (
            "dpt",
            "tu-vit_tiny_patch16_224.augreg_in21k",
            {key: key for key in ("pos_embed", "blocks.11.mlp.fc2.weight")},
        ),
    ],
)
def test_weights_of_timm_come_from_the_cache(monkeypatch, tmp_path, name, chosen, layers):
    giver = timm.create_model(chosen.removeprefix("tu-")).state_dict()
    in_cache(monkeypatch, giver, tmp_path / "model.safetensors")
    network = build(name, in_channels=1, classes=2, encoder=chosen)
    said = transfer.start(network, "imagenet", in_channels=1)
    assert said.endswith(f"{chosen}, starts from its ImageNet weights.")
    found = network.encoder.model.state_dict()
    for own, theirs in layers.items():
        assert found[own].equal(giver[theirs]), own


@pytest.mark.parametrize(
    ("chosen", "allowed", "message"),
    [
        ("tu-convnextv2_atto.fcmae", False, r"licence \(cc-by-nc-4.0\) of those of 'tu-convnextv2"),
        ("tu-convnextv2_atto.fcmae", True, "are not on this computer"),
        ("resnext101_32x4d", False, "none are published for the encoder 'resnext101_32x4d'"),
        ("tu-eca_vovnet39b", False, "none are published for the encoder 'tu-eca_vovnet39b'"),
    ],
)
def test_weights_have_to_be_published_and_free(chosen, allowed, message):
    with torch.device("meta"):
        part = encoder(chosen, in_channels=3, allow_noncommercial=allowed)
    with pytest.raises((ValueError, ConnectionError), match=message):
        pretrained.imagenet(part)


# --- models and files


def model_in(folder, network):
    """Write a model folder whose weights are those of `network`, and return its path."""
    folder.mkdir()
    save_file(network.state_dict(), folder / "weights.safetensors")
    return str(folder)


@pytest.fixture
def found(monkeypatch):
    """Let every folder be a model, whatever it says about itself."""

    class Model:
        def __init__(self, path):
            self.path = path

    def find(name):
        from pathlib import Path

        if not Path(name).is_dir():
            raise ValueError(f"there is no model {name!r}")
        return Model(Path(name))

    monkeypatch.setattr(model, "find_model", find)


def test_a_model_of_the_same_kind_is_taken_whole(tmp_path, found):
    giver, network = small("unet"), small("unet")
    path = model_in(tmp_path / "cells", giver)
    total = sum(weights.is_floating_point() for weights in giver.state_dict().values())
    said = transfer.start(network, path, in_channels=1)
    assert said == f"U-Net takes {total} of its {total} tensors from {path!r}."
    assert changed(giver.state_dict(), network) == set()
    image = torch.randn(1, 1, 32, 32)
    assert torch.equal(network.eval()(image), giver.eval()(image))


def test_other_classes_and_channels_take_what_fits(tmp_path, found):
    giver, network = small("unet", 3, 5, axes=3), small("unet", 2, 4, axes=3)
    before = kept(network)
    said = transfer.start(network, model_in(tmp_path / "m", giver), in_channels=2)
    total = sum(weights.is_floating_point() for weights in giver.state_dict().values())
    assert f"takes {total - 2} of its {total} tensors" in said
    assert said.endswith("; the others start from random ones.")
    stored, taken = giver.state_dict(), network.state_dict()
    first = "contracting.levels.0.0.weight"
    expected = (stored[first].sum(1, keepdim=True) / 2).expand(-1, 2, -1, -1, -1)
    torch.testing.assert_close(taken[first], expected)
    for name, weights in taken.items():
        if name.startswith("classify"):
            assert weights.equal(before[name])
        elif name != first:
            assert weights.equal(stored[name]), name


def test_grey_images_look_the_same_to_an_adapted_network(tmp_path, found):
    giver, network = small("segnet_basic", 3), small("segnet_basic", 1)
    transfer.start(network, model_in(tmp_path / "m", giver), in_channels=1)
    grey = torch.rand(1, 1, 32, 32)
    giver.normalise = network.normalise = nn.Identity()  # it sums over the channels
    expected = giver.eval()(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(network.eval()(grey), expected, atol=1e-5, rtol=1e-4)


def test_an_encoder_goes_into_another_network(tmp_path, found):
    lite0 = {"encoder": "tu-tf_efficientnet_lite0"}
    giver, network = small("fpn", 1, 3), build("fcn", in_channels=1, classes=2, **lite0)
    said = transfer.start(network, model_in(tmp_path / "m", giver), in_channels=1)
    # 288 of the encoder without 48 counters, but not the three layers that score classes
    assert said.startswith("FCN takes 240 of its 246 tensors")
    assert changed(giver.encoder.state_dict(), network.backbone.encoder) == set()


@pytest.mark.parametrize("chosen", ["resnet18", "tu-resnet18", "tu-convnext_atto"])
def test_a_file_of_an_encoder_serves_its_networks(tmp_path, chosen):
    library = chosen.removeprefix("tu-")
    giver = timm.create_model(library)  # with a classifier; resnet18 has torchvision's names
    save_file(giver.state_dict(), tmp_path / "model.safetensors")
    network = build("unet", in_channels=1, classes=2, encoder=chosen)
    before = kept(transfer.encoder_of(network))
    transfer.start(network, str(tmp_path / "model.safetensors"), in_channels=1)
    left = set(before) - changed(before, transfer.encoder_of(network))
    # all weights differ from those that were drawn; normalisations begin alike everywhere
    assert not [name for name in left if before[name].ndim > 1]


@pytest.mark.parametrize("wrap", [None, "state_dict", "model_state_dict", "model"])
@pytest.mark.parametrize("ending", [".pt", ".PTH"])
def test_files_of_torch_are_read(tmp_path, wrap, ending):
    giver, network = small("unet2015"), small("unet2015")
    parallel = {f"module.{name}": weights for name, weights in giver.state_dict().items()}
    stored = parallel if wrap is None else {wrap: parallel, "epoch": 7}
    torch.save(stored, tmp_path / f"weights{ending}")
    transfer.start(network, str(tmp_path / f"weights{ending}"), in_channels=1)
    assert changed(giver.state_dict(), network) == set()


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("the pickle was loaded",))


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_pickles_are_never_loaded(tmp_path, ending):
    path = tmp_path / f"weights{ending}"
    path.write_bytes(pickle.dumps(Trap(), protocol=2))
    with pytest.raises(ValueError, match="is damaged or holds more than tensors, and was not read"):
        transfer.weights_of(str(path))
    torch.save({"weights": Trap()}, path)
    with pytest.raises(ValueError, match="is damaged or holds more than tensors, and was not read"):
        transfer.weights_of(str(path))


def test_bad_sources_are_named(tmp_path, found):
    network = small("unet")
    with pytest.raises(FileNotFoundError, match=r"weights is 'no.pt', but there is no file no.pt"):
        transfer.start(network, "no.pt", in_channels=1)
    with pytest.raises(ValueError, match="there is no model 'cells'"):
        transfer.start(network, "cells", in_channels=1)
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ValueError, match=r"list.pt holds no tensors by name"):
        transfer.start(network, str(tmp_path / "list.pt"), in_channels=1)


def test_weights_of_another_width_are_refused(tmp_path, found):
    network, wider = small("unet"), build("unet", in_channels=1, classes=2, width=1 / 16)
    before = kept(network)
    path = model_in(tmp_path / "m", wider)
    count = len(wider.state_dict())
    with pytest.raises(ValueError, match=f"none of its {count} tensors fits U-Net by name"):
        transfer.start(network, path, in_channels=1)
    assert changed(before, network) == set()  # not even the biases of the classes, which would fit


def test_a_model_is_found_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path))
    with pytest.raises(ValueError, match="no such cells"):
        transfer.weights_of("no such cells")
    giver, network = small("unet2015", 3), small("unet2015", 3)
    described = model.ModelConfig(
        network="unet2015",
        options=SMALL["unet2015"],
        in_channels=3,
        rgb=True,
        channel_names=(),
        axes=2,
        targets="classes",
        ids=(1, 2),
        class_names=(),
        colours=(),
        spacing=None,
        unit="pixel",
        normalise="mean",
        low=1.0,
        high=99.0,
        thresholds={},
        patch=64,
        diameter=18.0,
        score=None,
        scored="",
        examples=1,
        data="",
        training={},
        versions={},
        created="2025-01-31",
        weights="",
    )
    folder = model.Folder(tmp_path / "cells")
    folder.create(described)
    folder.write_weights(giver.state_dict(), described)
    assert transfer.start(network, "cells", in_channels=3).endswith("tensors from 'cells'.")
    assert changed(giver.state_dict(), network) == set()


# --- VGG16


def vgg16(width, norms=False):
    """Return weights as torchvision names them, and as narrow as a network of `width`."""
    stages = ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3)
    layers, before = [], 3
    for stage in stages:
        for channels in stage:
            after = round(channels * width)
            layers += [nn.Conv2d(before, after, 3), *[nn.BatchNorm2d(after)] * norms, nn.ReLU()]
            before = after
        layers.append(nn.MaxPool2d(2))
    full = round(4096 * width)
    heads = [nn.Linear(49 * before, full), nn.ReLU(), nn.Dropout(), nn.Linear(full, full)]
    heads += [nn.ReLU(), nn.Dropout(), nn.Linear(full, 1000)]
    whole = nn.ModuleDict({"features": nn.Sequential(*layers), "classifier": nn.Sequential(*heads)})
    for weights in whole.parameters():
        nn.init.normal_(weights)
    return whole.state_dict()


def test_ours_is_named_like_torchvisions():
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        plain, norms = torchvision.models.vgg16(), torchvision.models.vgg16_bn()
        for theirs, ours in ((plain, vgg16(1)), (norms, vgg16(1, norms=True))):
            shapes = {name: weights.shape for name, weights in theirs.state_dict().items()}
            assert {name: weights.shape for name, weights in ours.items()} == shapes


def test_fcn_starts_from_vgg16(tmp_path):
    stored = vgg16(1 / 32)
    torch.save(stored, tmp_path / "vgg16.pth")
    network = small("fcn")
    said = transfer.start(network, str(tmp_path / "vgg16.pth"), in_channels=1)
    assert said.startswith("FCN takes 30 of its 36 tensors from")
    found = network.backbone.state_dict()
    torch.testing.assert_close(
        found["stages.0.0.weight"], stored["features.0.weight"].sum(1, keepdim=True)
    )
    assert found["stages.4.4.bias"].equal(stored["features.28.bias"])
    assert found["stages.2.2.weight"].equal(stored["features.12.weight"])
    assert found["fully_connected.3.weight"][..., 0, 0].equal(stored["classifier.3.weight"])
    # fc6 sees what the fully connected layer saw
    features = torch.randn(1, 16, 7, 7)
    expected = nn.functional.linear(
        features.flatten(1), stored["classifier.0.weight"], stored["classifier.0.bias"]
    )
    torch.testing.assert_close(
        network.backbone.fully_connected[0](features)[..., 0, 0], expected, rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("norms", [False, True])
def test_segnet_starts_from_vgg16(tmp_path, norms):
    stored = vgg16(1 / 32, norms=norms)
    torch.save(stored, tmp_path / "vgg16.pth")
    network = small("segnet", 3)
    before = kept(network)
    said = transfer.start(network, str(tmp_path / "vgg16.pth"), in_channels=3)
    total = sum(weights.is_floating_point() for weights in before.values())
    assert said.startswith(f"SegNet takes {26 + 52 * norms} of its {total} tensors from")
    found = network.down.state_dict()
    assert found["0.0.weight"].equal(stored["features.0.weight"])
    last, last_norm = ("features.40", "features.41") if norms else ("features.28", None)
    assert found["4.6.weight"].equal(stored[f"{last}.weight"])
    if norms:
        assert found["4.7.weight"].equal(stored[f"{last_norm}.weight"])
    assert all(key.startswith("down.") for key in changed(before, network))


def test_vgg16_that_does_not_fit_is_refused(tmp_path):
    torch.save(vgg16(1 / 32, norms=True), tmp_path / "norms.pth")
    with pytest.raises(ValueError, match="VGG16 with batch normalisation, which FCN has not"):
        transfer.start(small("fcn"), str(tmp_path / "norms.pth"), in_channels=1)
    torch.save(vgg16(1 / 8), tmp_path / "wide.pth")
    with pytest.raises(ValueError, match="none of its 26 tensors fits SegNet"):
        transfer.start(small("segnet"), str(tmp_path / "wide.pth"), in_channels=1)
    with pytest.raises(ValueError, match="none of its 32 tensors fits SegNet-Basic"):
        transfer.start(small("segnet_basic"), str(tmp_path / "wide.pth"), in_channels=1)
