from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from napari_tessera.deep.inference import tiling
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.cost import predict_estimate
from napari_tessera.deep.inference.predictor import Predictor
from napari_tessera.deep.inference.three_axes import averaged_scores
from napari_tessera.deep.models.library import find_model
from napari_tessera.methods.deep.predict import predict, scores
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import Reporter, Stop
from napari_tessera.signature.words import VoxelSize

from ...conftest import squares, tiny_finder, tiny_model

LEVELS = ((60.0, 140.0),)


@pytest.fixture(scope="module")
def volume():
    """Return cuboids with noise, (20, 36, 40)."""
    image, _ = squares(seed=3)
    rows = squares(seed=4, noise=1)[0][:20, :36, None]
    return (image[None, :36, :40] // 2 + rows // 2).astype(np.uint8)


def predictor(**options):
    return Predictor(find_model(tiny_model()), intensities=LEVELS, averaged=True, **options)


def test_the_mean_is_of_the_planes_across_each_axis(volume):
    found = predictor().answer(volume).array
    sides = [
        np.moveaxis(
            scores(np.moveaxis(volume, axis, 0), model=tiny_model(), intensities=LEVELS),
            1,
            axis + 1,
        )
        for axis in range(3)
    ]
    np.testing.assert_allclose(found, np.mean(sides, axis=0), atol=1e-5)
    assert np.abs(sides[0] - sides[1]).max() > 0.1


def test_planes_have_pixels_as_long_as_wide(volume, monkeypatch):
    seen = []
    real = tiling.tiled_scores
    monkeypatch.setattr(
        tiling, "tiled_scores", lambda a, *o, **k: seen.append(a.shape) or real(a, *o, **k)
    )
    found = predictor(spacing=VoxelSize((2.0, 0.8, 1.0), "um")).answer(volume)
    assert found.array.shape == (3, 20, 36, 40)
    assert set(seen) == {(1, 36, 40), (1, 40, 40), (1, 50, 36)}
    np.testing.assert_allclose(found.array.sum(axis=0), 1, atol=1e-5)


def test_only_objects_of_volumes_are_looked_at_so(volume):
    own = predictor()
    assert own.averages(3)
    assert not own.averages(2)
    assert not replace(own, averaged=False).averages(3)
    assert not replace(own, model=find_model(tiny_model(kind="classes"))).averages(3)
    assert not replace(own, model=find_model(tiny_finder())).averages(3)
    deep = replace(own.model, config=replace(own.model.config, axes=3))
    assert not replace(own, model=deep).averages(3)
    kept = predictor(cache=Cache(10**9))
    plane = kept.answer(volume[0])
    assert replace(kept, averaged=False).answer(volume[0]) is plane
    assert replace(kept, averaged=False).answer(volume) is not kept.answer(volume)


def test_what_was_seen_to_find_the_diameter_is_not_looked_for_again(volume, monkeypatch):
    model = find_model(tiny_model())
    model = replace(model, config=replace(model.config, diameter=3.0))
    seen = []
    real = tiling.tiled_scores
    monkeypatch.setattr(
        tiling, "tiled_scores", lambda a, *o, **k: seen.append(a.shape) or real(a, *o, **k)
    )
    replace(predictor(), model=model).answer(volume)
    assert len(seen) == 20 + 36 + 40


def test_it_can_be_stopped_along_each_axis(volume):
    own = predictor()
    fitted = own.fitted(volume)
    first = replace(own, averaged=False).answer(volume)
    told = []

    def stop(progress):
        told.append(progress.done)
        if len(told) == 50:  # of 36 planes across Y and 40 across X
            raise Stop

    with pytest.raises(Stop):
        averaged_scores(first, fitted, 1.0, own, Reporter(stop))
    assert told[0] == pytest.approx(1 / 3 + 1 / 3 / 36)
    assert told[-1] == pytest.approx(2 / 3 + 14 / 3 / 40)
    assert told == sorted(told)


def test_blocks_find_what_the_whole_does(volume):
    source = Source.of(volume, axes="zyx")
    options = {"model": tiny_model(), "tile": 32, "volumes": "averaged"}
    whole = run("predict", source, options, cache=Cache())
    cut = run("predict", source, options, Walk(blocks=(10, 36, 40)), cache=Cache())
    assert ((whole.array > 0) == (cut.array > 0)).mean() > 0.99
    alone = predict(volume, model=tiny_model(), tile=32, volumes="averaged")
    np.testing.assert_array_equal(whole.array > 0, alone > 0)


def test_it_costs_what_the_planes_of_all_axes_cost(volume):
    def estimate(volumes, shape):
        values = {"model": tiny_model(), "device": "cpu", "tile": 32, "volumes": volumes}
        return predict_estimate(values, shape, 1, VoxelSize((2.0, 1.0, 1.0)), Cache())

    assert estimate("planes", (20, 30, 30)).tiles == 20
    # planes across Y and X are 40 x 30, of two tiles each
    assert estimate("averaged", (20, 30, 30)).tiles == 20 + 60 + 60
    assert estimate("averaged", (20, 30, 30)).memory > estimate("planes", (20, 30, 30)).memory
    assert estimate("averaged", (30, 30)).tiles == 1
