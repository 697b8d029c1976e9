import tempfile
from pathlib import Path

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe, files
from napari_tessera.pipeline.source import Region, Source, grey
from napari_tessera.pipeline.walk import Walk

from ..conftest import squares


def test_luminance_of_colours_and_mean_of_channels():
    assert grey(np.array([[[255, 0, 0]]], np.uint8), rgb=True).tolist() == [[54]]
    assert grey(np.array([[[0.0, 1.0]]])).tolist() == [[0.5]]
    assert grey(np.array([[[255, 255, 255, 0]]], np.uint8), rgb=True).tolist() == [[255]]
    assert grey(np.array([[[1, 2, 3, 6]]], np.uint8)).tolist() == [[3]]


def test_an_array_of_xarray_says_its_axes_itself():
    xr = pytest.importorskip("xarray", reason="it needs xarray")
    y, x = (
        ("y", 4 + 0.5 * np.arange(5), {"units": "um"}),
        ("x", 0.5 * np.arange(6), {"units": "um"}),
    )
    array = xr.DataArray(
        np.zeros((5, 6, 2, 3)), dims=("y", "x", "c", "time"), coords={"y": y, "x": x}, name="film"
    )
    source = Source.of(array.chunk({"time": 1}))
    assert (source.name, source.axes, source.shape) == ("film", ("t", "y", "x"), (3, 5, 6))
    assert (source.spacing, source.spacing.unit, source.origin) == ((1, 0.5, 0.5), "um", (0, 4, 0))
    assert source.array.shape[source.channel_axis] == 2
    assert not isinstance(source.array, np.ndarray)  # it is read plane by plane
    assert Source.of(array, spacing=(2, 1, 1)).spacing == (2, 1, 1)
    assert Source.of(array, axes="tyx").axes == ("t", "y", "x")
    for options in ({"axes": "zyx"}, {"channel_axis": 2}):
        with pytest.raises(ValueError, match="names its axes itself .y, x, c, time."):
            Source.of(array, **options)


def test_a_recipe_runs_on_one_and_gives_its_coordinates():
    xr = pytest.importorskip("xarray", reason="it needs xarray")
    image = squares(48)[0]
    places = {"y": 7 + np.arange(48), "x": np.arange(48)}
    array = xr.DataArray(image, dims=("y", "x"), coords=places).chunk({"y": 12})
    source = Source.of(image, name="image")
    bright = Recipe.of(METHODS["threshold"], source, {})
    region = Walk(region=Region((0, 0), (24, 30)))
    for recipe in (
        Recipe.of(METHODS["label"], source, {}, before=bright.to_dict()),
        Recipe.of(METHODS["watershed"], source, {}, region),
    ):
        steps = []
        found = recipe.run(array, each=steps.append)
        np.testing.assert_array_equal(found.array, recipe.run(source).array)
        assert found.array.dims == ("y", "x")
        assert found.array.y[0] == 7
        assert all(isinstance(step.array, xr.DataArray) for step in steps)
        files.write(Path(tempfile.mkdtemp()) / "out.tif", found, Source.of(array), recipe)
    blocks = recipe.run(array, blocks=(20, 20))
    assert blocks.array.shape == (24, 30)
