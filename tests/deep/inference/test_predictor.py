from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.objects import DetectedObjects
from napari_tessera.deep.inference.predictor import Predictor
from napari_tessera.deep.inference.scores import PixelScores
from napari_tessera.deep.models.library import find_model
from napari_tessera.methods.deep.predict import predict
from napari_tessera.signature.words import VoxelSize

from ...conftest import squares, tiny_finder, tiny_model


@pytest.fixture
def image():
    return squares(seed=3)[0]


@pytest.mark.parametrize(
    ("made", "kind"), [(tiny_model, PixelScores), (tiny_finder, DetectedObjects)]
)
def test_an_answer_knows_its_labels(image, made, kind):
    predictor = Predictor(find_model(made()))
    found = predictor.answer(image)
    assert isinstance(found, kind)
    own = {"threshold": None, "seed_threshold": None, "split": None, "confidence": None}
    labels = found.labels(predictor.voxel(image), smallest=0, thresholds=own)
    np.testing.assert_array_equal(labels, predict(image, model=made()))
    assert found.resized((48, 48)).labels(VoxelSize((1, 1)), smallest=0, thresholds=own).shape == (
        48,
        48,
    )


def test_what_changes_the_answer_is_not_taken_from_what_is_kept(image):
    predictor = Predictor(find_model(tiny_model()), cache=Cache(10**9))
    first = predictor.answer(image)
    assert predictor.answer(image.copy()) is first
    for change in (
        {"flips": True}, {"tile": 64}, {"intensities": ((0, 300),)}, {"spacing": (2, 2)},
        {"diameter": "9 px"},
    ):  # fmt: skip
        assert replace(predictor, **change).answer(image) is not first, change
    assert predictor.answer(image) is first


def test_finders_do_not_run_anew_for_flips_which_they_do_not_use(image):
    predictor = Predictor(find_model(tiny_finder()), cache=Cache(10**9))
    assert replace(predictor, flips=True).answer(image) is predictor.answer(image)


def test_images_are_enlarged_by_what_was_told_or_seen(image, monkeypatch):
    model = find_model(tiny_model())
    model = replace(model, config=replace(model.config, diameter=20.0))
    predictor = Predictor(model, diameter="10 px")
    fitted = predictor.fitted(image)
    assert predictor.zoom(fitted, 8.0) == 2.5
    assert predictor.zoom(fitted, 0) == predictor.zoom(fitted, 200.0) == 1
    assert predictor.enlarged_shape(fitted, 2) == (192, 192)
    assert predictor.answer(image).diameter == 10
    # in units of the pixels
    told = replace(predictor, diameter="5 um", spacing=VoxelSize((0.5, 0.5), "um"))
    assert told.answer(image).diameter == 10
    config = replace(model.config, widest=25.0)
    shrinking = replace(predictor, model=replace(model, config=config))
    assert shrinking.zoom(fitted, 50.0) == 0.5
    assert shrinking.zoom(fitted, 500.0) == 0.25
    # what is seen, in another cache each, and as an option again
    for seen, expected in ((8.0, 8.0), (18.5, 20.0), (27.0, 20.0), (50.0, 50.0), (0.0, 20.0)):
        measured = replace(shrinking, diameter=0, cache=Cache())
        monkeypatch.setattr(
            "napari_tessera.deep.inference.predictor.sized",
            lambda look, zoom_for, report, seen=seen: (seen, look(zoom_for(seen), report)),
        )
        found = measured.answer(image)
        assert (
            found.diameter == expected
        )  # of those that are hardly smaller or larger the usual one
        again = replace(measured, diameter=f"{found.diameter} px").answer(image)
        np.testing.assert_array_equal(found.array, again.array)


def test_each_kind_is_asked_for_what_it_gives(image):
    with pytest.raises(ValueError, match="finds objects one by one and has no probabilities"):
        Predictor(find_model(tiny_finder())).scores(image)
    with pytest.raises(ValueError, match=r"is a U-Net, which scores pixels; .*YOLOv5-seg"):
        Predictor(find_model(tiny_model())).objects(image)
