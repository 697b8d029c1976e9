from dataclasses import replace

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe, step, train_object_classifier
from napari_tessera.batch.checks import check_fits, check_models
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk


def recipe_on(axes, over, **options):
    source = Source.of(np.zeros((4,) * len(axes)), axes=axes)
    made = Recipe.of(METHODS["threshold"], source, {}, Walk(over))
    return replace(made, **options)


@pytest.mark.parametrize(("axes", "told"), [("yx", "y, x"), ("tyx", "t, y, x")])
def test_a_recipe_of_volumes_wants_a_third_axis_of_space(axes, told):
    image = Source.of(np.zeros((4,) * len(axes)), axes=axes, name="cells.tif")
    wanted = rf"cells.tif has the axes {told}, but the recipe works on volumes \(z, y, x\)"
    with pytest.raises(ValueError, match=wanted):
        check_fits(recipe_on("zyx", "volume"), image)
    check_fits(recipe_on("yx", "planes"), image)


@pytest.mark.parametrize("axes", ["zyx", "tzyx"])
def test_volumes_fit_a_recipe_of_volumes(axes):
    check_fits(recipe_on("zyx", "volume"), Source.of(np.zeros((4,) * len(axes)), axes=axes))


def test_a_film_may_be_taken_as_a_volume_by_who_says_so():
    film = Source.of(np.zeros((4, 4, 4)), axes="tyx", name="film.tif")
    check_fits(recipe_on("tyx", "volume"), film)
    check_fits(recipe_on("zyx", "volume", source={}), film)
    with pytest.raises(ValueError, match="the recipe works on volumes"):
        check_fits(recipe_on("zyx", "volume", source={}), Source.of(np.zeros((4, 4))))


def test_a_channel_that_is_not_there_is_named():
    image = Source.of(np.zeros((2, 4, 4)), channel_axis=0, name="cells.tif")
    check_fits(recipe_on("yx", "planes", channel_axis=0, channel=1), image)
    with pytest.raises(ValueError, match="cells.tif has 2 channels, but the recipe takes number 2"):
        check_fits(recipe_on("yx", "planes", channel_axis=0, channel=2), image)


def test_a_model_that_is_not_there_is_named():
    made = recipe_on("yx", "planes")
    check_models(made)
    missing = replace(made, method="predict", parameters={"model": "gone"})
    with pytest.raises(ValueError, match="model is 'gone', but there is no such model"):
        check_models(missing)


def test_channels_where_there_are_none_are_told():
    grey = replace(Source.of(np.zeros((4, 5)), name="cells.tif"), axes=("x",), channel_axis=0)
    wanted = (
        r"cells.tif has shape \(4, 5\) and no channels, but the recipe takes those along axis 0"
    )
    with pytest.raises(ValueError, match=wanted):
        check_fits(recipe_on("yx", "planes", channel_axis=0, channel=1), grey)


def test_a_classifier_of_objects_that_is_gone_is_told_before_any_file_is_read(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path))
    table = {"index": np.arange(2), "pixels": np.array([1, 9])}
    path = train_object_classifier(table, {0: "small", 1: "large"}).save("sizes")
    recipe = step("sort_objects", classifier="sizes")
    check_models(recipe)
    path.rename(tmp_path / "other")
    with pytest.raises(ValueError, match="classifier is 'sizes', but .* is not there; choose one"):
        check_models(recipe)
