import shutil
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from napari_tessera import predict, scores, uncertainty  # noqa: E402
from napari_tessera.algorithms.labels.ids import median_diameter  # noqa: E402
from napari_tessera.deep.inference.cache import Cache  # noqa: E402
from napari_tessera.deep.inference.dropout import has_dropout, with_dropout  # noqa: E402
from napari_tessera.deep.models.library import Folder, find_model  # noqa: E402
from napari_tessera.methods.judge.uncertainty import entropy  # noqa: E402

from ...conftest import squares, tiny_finder, tiny_model  # noqa: E402


def test_entropy_is_that_of_the_formula():
    third = np.array([[1 / 3, 0.5, 1.0], [1 / 3, 0.25, 0.0], [1 / 3, 0.25, 0.0]])
    expected = [1, 1.5 * np.log(2) / np.log(3), 0]
    np.testing.assert_allclose(entropy(third), expected, atol=1e-12)


def test_a_network_is_least_sure_at_borders():
    image, labels = squares(seed=7)
    model = tiny_model(kind="classes")
    found = uncertainty(image, model=model)
    assert (found.dtype, found.shape) == (np.float32, image.shape)
    assert found.min() >= 0
    assert found.max() <= 1
    np.testing.assert_allclose(found, entropy(scores(image, model=model)), atol=1e-6)
    # wrong pixels are less sure than right ones
    wrong = (predict(image, model=model) > 0) != (labels > 0)
    assert wrong.any()
    assert found[wrong].mean() > 2 * found[~wrong].mean()


def test_views_that_disagree_are_those_counted_one_by_one():
    image, _ = squares(seed=7)
    image, model = image[:, :70], tiny_model()
    found = uncertainty(image, model=model, measure="flips", diameter="9 px")
    turned = [lambda a: a, np.flipud, np.fliplr, lambda a: np.flipud(np.fliplr(a))]
    views = [
        np.stack([turn(each) for each in scores(turn(image), model=model, diameter="9 px")])
        for turn in turned
    ]
    expected = entropy(np.mean(views, axis=0)) - np.mean([entropy(each) for each in views], axis=0)
    np.testing.assert_allclose(found, np.clip(expected, 0, 1), atol=1e-5)
    assert found.max() > 0.01


def test_views_of_colours_are_mirrored_in_space_only():
    image, _ = squares(seed=7)
    rgb = np.stack([image, image // 2, image // 3], axis=-1)
    model = tiny_model(rgb=True)
    last = uncertainty(rgb, model=model, measure="flips", channel_axis=-1, diameter="9 px")
    first = uncertainty(
        np.moveaxis(rgb, -1, 0), model=model, measure="flips", channel_axis=0, diameter="9 px"
    )
    np.testing.assert_allclose(first, last, atol=1e-6)


def test_networks_run_once_for_what_is_kept():
    image, _ = squares()
    kept, said = Cache(), []
    first = uncertainty(image, model=tiny_model(), cache=kept, report=said.append)
    assert said
    said.clear()
    np.testing.assert_array_equal(uncertainty(image, model=tiny_model(), cache=kept), first)


def test_dropout_leaves_out_features_when_it_predicts():
    network = torch.nn.Sequential(torch.nn.Linear(3, 50), torch.nn.Dropout(0.25)).eval()
    seen = torch.ones(2000, 3)
    whole, first, again, other = (
        own(seen)
        for own in (
            network,
            with_dropout(network, 1),
            with_dropout(network, 1),
            with_dropout(network, 2),
        )
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    gone = first == 0
    assert abs(gone.float().mean() - 0.25) < 0.01
    torch.testing.assert_close(first[~gone], whole[~gone] / 0.75)
    assert torch.equal(network(seen), whole)
    assert with_dropout(network, 1)[0].weight is network[0].weight


def test_predictions_with_dropout_disagree_as_counted_one_by_one():
    image, _ = squares(seed=7)
    model = tiny_model(dropout=0.5)
    options = {"model": model, "measure": "dropout", "diameter": "9 px"}
    found = uncertainty(image, samples=3, **options)
    assert has_dropout(find_model(model).load_network())
    views = []
    for seed in (1, 2, 3):
        own = Cache()
        own.value(  # what `scores` finds there instead of the network
            "network",
            (str(find_model(model).path), find_model(model).config.weights, "cpu"),
            lambda seed=seed: with_dropout(find_model(model).load_network(), seed),
            size=lambda network: 0,
        )
        views.append(scores(image, model=model, diameter="9 px", cache=own))
    expected = entropy(np.mean(views, axis=0)) - np.mean([entropy(each) for each in views], axis=0)
    np.testing.assert_allclose(found, np.clip(expected, 0, 1), atol=1e-5)
    assert found.max() > 0.01
    np.testing.assert_array_equal(uncertainty(image, samples=3, **options), found)


def test_networks_without_dropout_are_refused_for_it():
    with pytest.raises(ValueError, match="measure is 'dropout', but model .* has no dropout"):
        uncertainty(squares()[0], model=tiny_model(), measure="dropout")


def test_predictions_are_of_one_scale():
    image, _ = squares(seed=7)
    own, wide = find_model(tiny_model(dropout=0.5)), "tiny wide"
    folder = Folder(own.path.parent / wide)
    if not folder.exists:
        shutil.copytree(own.path, folder.path)
        folder.write_config(replace(own.config, diameter=18.0))
    # not enlarged, as none is larger than half of the image
    width = median_diameter(predict(image, model=wide, diameter="40 px"))
    options = {"model": wide, "measure": "dropout", "samples": 2}
    found = uncertainty(image, **options)
    np.testing.assert_array_equal(found, uncertainty(image, diameter=f"{width} px", **options))
    assert not np.array_equal(found, uncertainty(image, diameter="40 px", **options))


def test_networks_that_find_objects_are_refused():
    with pytest.raises(ValueError, match="finds objects one by one and has no probabilities"):
        uncertainty(squares()[0], model=tiny_finder())
