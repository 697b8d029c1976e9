import json

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_tessera import Recipe, VoxelSize, apply, contours, measure, watershed
from napari_tessera.pipeline.recipes.provenance import InputHash
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.forms.call import amount, by

from ...conftest import squares

IMAGE = squares(48)[0]


def kept(layer):
    return Recipe.from_dict(layer.metadata["napari-tessera"]["recipe"])


def test_a_result_keeps_the_hash_of_what_is_in_the_layer():
    layer = Image(IMAGE, name="cells")
    labels = apply(layer, "watershed")
    known = InputHash.from_dict(kept(labels).source)
    assert known == InputHash.of_source(Source.of(IMAGE))
    wider = apply(labels, "expand", distance="2 px")
    assert InputHash.from_dict(kept(wider).first.source) == known
    assert "sha256" not in kept(wider).source


def test_so_does_the_image_measured_in():
    layer, labels = Image(IMAGE, name="cells"), Labels((IMAGE > 100).astype(int), name="squares")
    assert apply(labels, "measure", image=layer) is labels
    recipe = Recipe.from_dict(labels.metadata["napari-tessera"]["table"])
    assert InputHash.from_dict(recipe.inputs["image"]) == InputHash.of_source(Source.of(IMAGE))


class TestOfNamedArrays:
    xr = pytest.importorskip("xarray", reason="it needs xarray")

    def image(self, values=IMAGE, dims=("y", "x")):
        found = self.xr.DataArray(values, dims=dims, name="cells")
        for dim, first in (("y", 3.0), ("x", 0.0)):
            places = first + 0.5 * np.arange(found.sizes[dim])
            found = found.assign_coords({dim: (dim, places, {"units": "um"})})
        return found

    def test_labels_have_the_coordinates_and_the_recipe(self):
        found = apply(self.image(), "watershed", smoothing="1 um")
        expected = watershed(IMAGE, smoothing="1 um", spacing=VoxelSize((0.5, 0.5), "um"))
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(found.y, self.image().y)
        recipe = Recipe.from_dict(json.loads(found.attrs["napari-tessera"]))
        assert recipe.source["name"] == "cells"
        assert recipe.source["spacing"] == [0.5, 0.5]
        assert InputHash.from_dict(recipe.source) == InputHash.of_source(Source.of(IMAGE))

    def test_a_stack_goes_plane_by_plane_lazily(self):
        stack = self.image(np.stack([IMAGE, IMAGE[::-1]]), ("time", "y", "x")).chunk({"time": 1})
        found = apply(stack, "watershed")
        assert found.dims == ("time", "y", "x")
        size = VoxelSize((0.5, 0.5), "um")
        assert found.max() == sum(watershed(plane, spacing=size).max() for plane in stack.values)
        found = apply(stack.transpose("y", "x", "time"), "watershed")
        assert found.dims == ("y", "x", "time")

    def test_tables_and_polygons_are_those_of_the_function(self):
        labels = self.image((IMAGE > 100).astype(np.uint8))
        size = VoxelSize((0.5, 0.5), "um")
        table = apply(labels, "measure", image=self.image())
        expected = measure(labels.values, image=IMAGE, spacing=size)
        assert list(table) == list(expected)
        np.testing.assert_array_equal(table["mean"], expected["mean"])
        lines, rows = apply(labels, "contours")
        assert len(lines) == len(rows["index"]) == len(contours(labels.values)[0])

    def test_channels_are_theirs(self):
        colours = self.image(np.stack([IMAGE, IMAGE[::-1]]), ("c", "y", "x"))
        found = apply(colours, "watershed", channel=1)
        assert found.dims == ("y", "x")
        size = VoxelSize((0.5, 0.5), "um")
        np.testing.assert_array_equal(found, watershed(IMAGE[::-1], spacing=size))
        with pytest.raises(ValueError, match="2 channels along c, but watershed takes one"):
            watershed(colours)

    def test_a_mask_lies_where_the_image_does(self):
        mask = self.image(IMAGE > 50)
        np.testing.assert_array_equal(
            apply(self.image(), "watershed", mask=mask), watershed(self.image(), mask=mask)
        )
        moved = mask.assign_coords(y=mask.y + 1)
        for run in (
            lambda **o: apply(self.image(), "watershed", **o),
            lambda **o: watershed(self.image(), **o),
        ):
            with pytest.raises(ValueError, match="mask and image have other coordinates along y"):
                run(mask=moved)

    def test_a_stack_is_no_volume(self):
        film = self.image(np.stack([IMAGE, IMAGE]), ("t", "y", "x"))
        with pytest.raises(ValueError, match="image has the axis t, but watershed works on one"):
            watershed(film)


def test_numbers_for_people():
    assert by((512, 640)) == "512 x 640"
    assert amount(4_200_000_000) == "4.2 GB"
