import numpy as np
import pytest

from napari_tessera.io.formats import Format, origin_of
from napari_tessera.pipeline.result import (
    ClassLabels,
    ImageResult,
    Labelled,
    ObjectLabels,
    ObjectTable,
)
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.words import VoxelSize


@pytest.mark.parametrize(("start", "origin"), [((), [0, 0, 0]), ((1, 2, 4), [2, 1, 1])])
def test_a_part_begins_at_its_first_pixel_in_units_of_length(start, origin):
    labels = np.zeros((2, 3, 4), int)
    source = Source.of(labels, spacing=VoxelSize((2, 0.5, 0.25), "um"))
    assert origin_of(ObjectLabels(labels, start=start), source) == origin


def test_a_format_that_holds_a_kind_holds_what_is_of_that_kind():
    labels, objects = Format((".a",), holds=(Labelled,)), Format((".b",), holds=(ObjectLabels,))
    assert [labels.can_hold(kind) for kind in (ObjectLabels, ClassLabels, ImageResult)] == [
        True,
        True,
        False,
    ]
    # "labels" may turn out to be objects, which it can hold
    assert objects.can_hold(Labelled)
    assert not objects.can_hold(ClassLabels)
    assert not Format((".c",)).can_hold(ObjectTable)


@pytest.mark.parametrize(("name", "opened"), [("x.abc", True), ("X.ABC", True), ("x.abd", False)])
def test_files_are_known_by_their_suffix(tmp_path, name, opened):
    assert Format((".abc",), read=lambda path: None).opens(tmp_path / name) is opened
    assert not Format((".abc",)).opens(tmp_path / name)  # it only writes


def test_folders_may_be_known_by_what_is_in_them(tmp_path):
    (tmp_path / "own").write_text("")
    folder = Format((".abc",), lambda path: None, recognised=lambda path: (path / "own").exists())
    assert folder.opens(tmp_path)
    assert not folder.opens(tmp_path / "elsewhere")
