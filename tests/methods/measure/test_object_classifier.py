import json

import numpy as np
import pytest

from napari_tessera import train_object_classifier
from napari_tessera.deep.models.library import models, unreadable
from napari_tessera.deep.models.places import OBJECT_FOREST
from napari_tessera.methods.classical.pixel_classifier import classifiers
from napari_tessera.methods.measure.object_classifier import (
    example_words,
    find_object_classifier,
    object_classifiers,
    pinned_object_classifier,
    telling_columns,
)

TABLE = {
    "index": np.arange(1, 9),
    "area (um^2)": np.array([5, 6, 7, 5.5, 50, 60, 70, np.nan]),
    "y (um)": np.arange(8.0),
    "mean": np.array([1, 2, 1, 2, 1, 2, 1, 2.0]),
}
EXAMPLES = {1: "small", 2: "small", 5: "large", 6: "large"}


@pytest.fixture(autouse=True)
def own_models(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path))
    return tmp_path


def test_a_few_of_each_kind_sort_the_rest():
    found = train_object_classifier(TABLE, EXAMPLES)
    classes, confidence = found.sort(TABLE)
    assert classes.tolist() == ["small"] * 4 + ["large"] * 3 + [""]
    assert np.isnan(confidence[7])
    assert (confidence[:7] > 0.5).all()
    assert found.columns == ("area (um^2)", "mean")
    assert found.judged().startswith("Of examples held out, 100 % are sorted rightly (large 100 %")


def test_examples_are_a_column_too():
    column = np.array(["small", "small", None, "", "large", "large", np.nan, " "], object)
    found = train_object_classifier(TABLE | {"example": column})
    expected = train_object_classifier(TABLE, EXAMPLES)
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_array_equal(found.forest.level, expected.forest.level)


def test_several_tables_teach_one():
    halves = [{n: c[own] for n, c in TABLE.items()} for own in (slice(0, 4), slice(4, 8))]
    found = train_object_classifier(halves, [{1: "small", 2: "small"}, {5: "large", 6: "large"}])
    assert found.sort(TABLE)[0].tolist()[:7] == ["small"] * 4 + ["large"] * 3


def test_what_is_kept_sorts_as_before(own_models):
    found = train_object_classifier(TABLE, EXAMPLES, seed=3)
    found.save("sizes")
    again = find_object_classifier("sizes")
    assert (again.columns, again.classes, again.seed) == (found.columns, found.classes, 3)
    assert again.sort(TABLE)[0].tolist() == found.sort(TABLE)[0].tolist()
    np.testing.assert_array_equal(again.rows, found.rows)
    assert {each.name for each in (own_models / "sizes").iterdir()} == {
        "config.json",
        OBJECT_FOREST,
    }
    assert object_classifiers() == ["sizes"]
    # it is neither a network nor a classifier of pixels
    assert (models(), unreadable(), classifiers()) == ([], [], [])
    assert find_object_classifier(pinned_object_classifier("sizes")).classes == ("large", "small")


def test_a_folder_that_does_not_fit_itself_is_refused(own_models):
    train_object_classifier(TABLE, EXAMPLES).save("sizes")
    path = own_models / "sizes" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "columns": ["mean"]}))
    with pytest.raises(
        ValueError, match=r"'sizes': object_forest.* takes 2 numbers of a row, not 1"
    ):
        find_object_classifier("sizes")


@pytest.mark.parametrize(
    ("tables", "examples", "message"),
    [
        ([], None, "tables is empty; pass the table of measured objects"),
        ({"index": np.array([], int)}, {}, "tables has one without rows; measure objects first"),
        (TABLE, None, "tables have no column 'example'; pass examples"),
        (TABLE, {}, "examples has no class; give objects of at least two classes"),
        (TABLE, {1: "small", 2: "small"}, "examples has only class 'small'; give objects of at"),
        (TABLE, {1: "small", 8: "large"}, "; 1 more lack a value in a column: measure them again"),
        (TABLE, {99: "small"}, "examples has object 99, which has no row in its table"),
        ([TABLE, TABLE], [EXAMPLES], "tables are 2 and examples 1; pass examples for each table"),
        (
            {"index": TABLE["index"], "y": TABLE["mean"]},
            EXAMPLES,
            "no column of numbers to sort by",
        ),
    ],
)
def test_what_cannot_be_learnt_from_is_told(tables, examples, message):
    with pytest.raises(ValueError, match=message):
        train_object_classifier(tables, examples)


def test_tables_of_other_columns_are_refused():
    found = train_object_classifier(TABLE, EXAMPLES)
    other = {"index": TABLE["index"], "area": TABLE["area (um^2)"], "mean": TABLE["mean"]}
    with pytest.raises(
        ValueError, match=r"classifier has 'area \(um\^2\)', but the table has index"
    ):
        found.sort(other)
    words = {**TABLE, "mean": np.array(["a"] * 8)}
    with pytest.raises(
        ValueError, match="classifier has 'mean', which holds words; choose columns of numbers"
    ):
        found.sort(words)


def test_places_and_what_is_known_already_tell_nothing():
    names = (
        "index",
        "z (um)",
        "x",
        "t",
        "y min",
        "orientation (deg)",
        "confidence",
        "min",
        "max 1",
    )
    table = {name: np.ones(1) for name in names} | {"touches border": np.ones(1, bool)}
    assert telling_columns(table) == ["min", "max 1"]


def test_hulls_are_needed_only_where_their_columns_are_looked_at():
    assert not train_object_classifier(TABLE, EXAMPLES).needs_hulls
    table = {"index": TABLE["index"], "max feret (um)": TABLE["area (um^2)"]}
    assert train_object_classifier(table, EXAMPLES).needs_hulls


def test_words_are_what_is_written():
    assert example_words(np.array([1, 2])).tolist() == ["1", "2"]


def test_numbers_beyond_float32_are_sorted_too():
    table = {"index": np.arange(4), "sum": np.array([1.0, 2, 1e300, 2e300])}
    found = train_object_classifier(table, {0: "dim", 1: "dim", 2: "bright"})
    assert found.sort(table)[0].tolist() == ["dim", "dim", "bright", "bright"]
