from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from napari_tessera import METHODS
from napari_tessera.io import files
from napari_tessera.io.formats import Contents, Format
from napari_tessera.pipeline import method_run
from napari_tessera.pipeline.result import (
    KINDS,
    ClassLabels,
    ImageResult,
    Labelled,
    ObjectLabels,
    ObjectTable,
    PolygonSet,
    Result,
    ScoreMaps,
    result_name,
)
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source

PLANE = np.array([[1, 1, 0], [0, 0, 2]], np.uint16)
SEVERAL = {"index": np.array([1, 4])}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (ObjectLabels(PLANE), "2 objects"),
        (ObjectLabels(PLANE * 0), "0 objects"),
        (ClassLabels(np.array([[0, 5, 5]])), "1 class"),
        (ClassLabels(PLANE), "2 classes"),
        (ScoreMaps(np.zeros((3, 2, 3))), "3 probability maps"),
        (ImageResult(PLANE), "1 image"),
        (ObjectTable(table=SEVERAL), "2 rows"),
        (ObjectTable(), "0 rows"),
        (PolygonSet(polygons=[np.zeros((4, 2))]), "1 polygon"),
    ],
)
def test_each_kind_counts_itself(result, words):
    assert result.counted() == words
    assert KINDS[result.kind] is type(result)


def test_a_number_that_is_known_is_not_counted_again():
    assert ObjectLabels(None).counted(1) == "1 object"


def test_pieces_of_classes_are_objects():
    assert ObjectLabels(PLANE).objects() is PLANE
    assert ClassLabels(np.array([[3, 0, 3]])).objects().tolist() == [[1, 0, 2]]


@pytest.mark.parametrize(
    ("path", "method", "name"),
    [
        ("a.tif", "watershed", "a-watershed.tif"),
        ("folder/a.ome.zarr", "contours", "folder/a-contours.geojson"),
        ("a.png", "measure", "a-measure.csv"),
    ],
)
def test_files_are_named_after_source_and_method(path, method, name):
    assert result_name(path, method) == name


@pytest.mark.parametrize(
    ("result", "name", "message"),
    [
        (ObjectTable(table=SEVERAL), "t.tif", r"'t.tif' cannot hold a table; choose .csv"),
        (PolygonSet(), "p.tif", r"'p.tif' cannot hold polygons; choose .geojson"),
        (
            ImageResult(PLANE),
            "i.png",
            r"'i.png' cannot hold an image; choose .tif, .tiff, .npy",
        ),
        (ClassLabels(PLANE), "c.json", r"'c.json' cannot hold classes; choose .tif, .tiff, .png"),
    ],
)
def test_a_format_that_cannot_hold_a_result_is_refused_with_those_that_can(
    result, name, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        files.write(name, result, Source.of(PLANE))
    assert list(tmp_path.iterdir()) == []


class Median(Result):
    """A number for each plane, of which their median is told: a kind that nobody knew of."""

    kind, nouns, suffix = "median", ("median", "medians"), "txt"
    on_grid = continues = False

    @classmethod
    def collector(cls, whole):
        found = []
        return SimpleNamespace(
            reach=0,
            passes=1,
            waits=False,
            finisher=lambda place, piece: float(np.max(piece)),
            add=lambda place, known: found.append(known),
            miss=lambda: None,
            result=lambda **about: cls(table={"index": np.array([np.median(found)])}, **about),
        )

    @property
    def number(self):
        return len(self.table["index"])


TEXT = Format(
    (".txt",),
    lambda path, asked: Contents(np.loadtxt(path, ndmin=2)),
    lambda path, result, source, recipe: np.savetxt(path, result.table["index"], "%g"),
    holds=(Median,),
)


def test_a_kind_and_its_format_are_added_by_one_class_each(monkeypatch, tmp_path):
    kinds = {**KINDS, "median": Median}
    monkeypatch.setattr(method_run, "KINDS", kinds)
    monkeypatch.setattr(files, "KINDS", kinds)
    monkeypatch.setattr(files, "FORMATS", (*files.FORMATS, TEXT))
    method = replace(METHODS["threshold"], kind=lambda values: "median")
    source = Source.of(np.array([[[0, 9]], [[9, 9]], [[0, 5]]]))  # nothing to separate in one
    result = run(method, source)
    assert (type(result), result.counted(), result.skipped) == (Median, "1 median", 1)
    files.write(tmp_path / "m.txt", result, source)
    assert (tmp_path / "m.txt").read_text() == "1\n"
    assert files.read(tmp_path / "m.txt").whole.tolist() == [[1]]
    with pytest.raises(ValueError, match="cannot hold a median; choose .txt"):
        files.write(tmp_path / "m.tif", result, source)


def test_kinds_are_known_by_the_words_of_methods():
    assert {word for method in METHODS.values() for word in method.gives} <= set(KINDS)
    assert {kind.continues for kind in (Labelled, ObjectLabels, ClassLabels, ImageResult)} == {True}
    assert {kind.on_grid for kind in (PolygonSet, ObjectTable)} == {False}
