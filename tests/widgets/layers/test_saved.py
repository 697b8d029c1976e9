import json

import numpy as np
import pandas as pd
import pytest
from napari.layers import Image, Labels, Shapes
from napari.utils.colormaps import DirectLabelColormap, label_colormap

from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.pipeline.result import ClassLabels, ImageResult, Labelled
from napari_tessera.widgets.layers.saved import (
    as_result,
    described,
    plain,
    revived,
    source_of,
    state_in,
    turned,
    with_channels_first,
)


@pytest.mark.parametrize(
    "colours",
    [
        DirectLabelColormap(color_dict={1: "red", 300: (0, 0.5, 1, 0.25), None: "gray"}),
        label_colormap(20, 0.3),
    ],
)
def test_colours_are_those_they_were_after_json(colours):
    again = revived(json.loads(json.dumps(plain(colours))))
    numbers = np.array([0, 1, 2, 300])
    np.testing.assert_allclose(again.map(numbers), colours.map(numbers), atol=1e-6)


def test_tables_keep_their_types_and_what_is_missing():
    table = pd.DataFrame(
        {"index": [1, 7], "area": [1.5, np.nan], "edge": [True, False], "class": ["a", None]}
    )
    again = revived(json.loads(json.dumps(plain(table), allow_nan=False)))
    pd.testing.assert_frame_equal(
        again[["index", "area", "edge"]], table[["index", "area", "edge"]]
    )
    assert again["class"][0] == "a"
    assert pd.isna(again["class"][1])


def test_what_cannot_be_written_is_left_and_a_preview_becomes_a_layer():
    layer = Labels(np.ones((3, 4), np.uint8), metadata={"mine": [1], "open": object()})
    layer.metadata[KEY] = {"preview": True, "columns": ["area"]}
    assert described(layer)["metadata"] == {"mine": [1], KEY: {"columns": ["area"]}}


def test_kinds_and_chosen_colours_go_to_formats_that_know_them():
    layer = Labels(
        np.ones((3, 4), np.uint8),
        metadata={KEY: {"kind": "classes"}},
        features={"index": [1], "class": ["nucleus"]},
        colormap=DirectLabelColormap(color_dict={1: "#ff8000", None: "transparent"}),
    )
    result = as_result(layer)
    assert type(result) is ClassLabels
    assert (result.look.names, result.look.colours) == ({1: "nucleus"}, {1: "#ff8000"})
    assert type(as_result(Labels(layer.data))) is Labelled
    assert as_result(Labels(layer.data)).look.colours == {}
    assert type(as_result(Image(layer.data))) is ImageResult


def test_outlines_of_shapes_are_closed_and_those_of_ellipses_round():
    corners = np.array([[0.0, 0], [0, 4], [4, 4], [4, 0]])
    shapes = Shapes([corners, corners[:2]], shape_type=["ellipse", "path"])
    outline, path = as_result(shapes).polygons
    np.testing.assert_allclose(np.linalg.norm(outline - 2, axis=1), 2)
    assert outline[0].tolist() == outline[-1].tolist()
    assert path.tolist() == corners[:2].tolist()
    assert state_in(described(shapes))["shape_type"] == ["ellipse", "path"]


def test_the_grid_has_one_unit_and_names_that_files_know():
    layer = Labels(
        np.ones((2, 3, 4), np.uint8),
        scale=(300, 0.5, 0.5),
        translate=(600, 1, 2),
        units=("nm", "um", "um"),
        axis_labels=("deep", "row", "column"),
    )
    source = source_of(layer)
    assert (source.spacing, source.spacing.unit) == ((0.3, 0.5, 0.5), "um")
    assert (source.origin, source.axes) == ((0.6, 1, 2), ("axis 0", "y", "x"))


@pytest.mark.parametrize(
    ("place", "is_turned"),
    [
        ({}, False),
        ({"scale": (2, 3), "translate": (1, 1)}, False),
        ({"rotate": 30}, True),
        ({"shear": [0.5]}, True),
        ({"affine": np.diag([1, -1, 1])}, True),
        ({"affine": np.diag([2, 2, 1])}, False),
    ],
)
def test_what_other_programs_cannot_know_is_found(place, is_turned):
    layer = Image(np.zeros((3, 4)), **place)
    assert turned(layer) is is_turned
    assert len(source_of(layer).spacing) == 2


def test_colours_are_channels_after_time():
    layer = Image(np.zeros((5, 6, 7, 3), np.uint8), rgb=True, axis_labels=("t", "y", "x"))
    result, source = with_channels_first(as_result(layer), source_of(layer))
    assert (result.array.shape, source.axes) == ((5, 3, 6, 7), ("t", "c", "y", "x"))
