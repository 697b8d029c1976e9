import numpy as np
import pytest

from napari_tessera import Recipe, measure, sort_objects, step, train_object_classifier
from napari_tessera.methods.measure.sort_objects import (
    sorted_objects,
    sorting_refused,
    with_kinds,
)
from napari_tessera.metrics.measurements import Gathered
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.parts import passed
from napari_tessera.signature.words import VoxelSize

LABELS = np.zeros((30, 40), np.uint8)
LABELS[2:8, 2:8], LABELS[2:7, 12:17], LABELS[12:15, 2:18], LABELS[20:22, 2:20] = 3, 5, 6, 9
LABELS[12:18, 25:30] = 11
KINDS = {3: "square", 5: "square", 6: "bar", 9: "bar"}
SORTED = ["square", "square", "bar", "bar", "square"]


@pytest.fixture(autouse=True)
def own_models(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path))


def keep(name, table, **options):
    return train_object_classifier(table, KINDS, **options).save(name)


def test_the_table_has_classes_and_how_sure_they_are():
    keep("shapes", measure(LABELS))
    found = sort_objects(LABELS, classifier="shapes")
    assert found["class"].tolist() == SORTED
    assert (found["confidence"][:4] > 0.5).all()
    assert list(found) == ["index", "class", "confidence", *list(measure(LABELS))[1:]]
    assert sort_objects(np.zeros((5, 5), int), classifier="shapes")["class"].size == 0


def test_intensities_and_hulls_are_measured_if_it_looks_at_them():
    image = np.where(np.isin(LABELS, (3, 5)), 200.0, 20.0)
    keep("bright", measure(LABELS, image, convex=True), columns=["mean", "solidity"])
    found = sort_objects(LABELS, image, classifier="bright")
    assert found["class"].tolist() == ["square", "square", "bar", "bar", "bar"]
    with pytest.raises(ValueError, match="classifier has 'mean', but the table has index"):
        sort_objects(LABELS, classifier="bright")


def test_pixel_sizes_have_to_be_in_the_same_unit():
    keep("micro", measure(LABELS, spacing=VoxelSize((2, 2), "um")))
    found = sort_objects(LABELS, classifier="micro", spacing=VoxelSize((2, 2), "um"))
    assert found["class"].tolist() == SORTED
    with pytest.raises(ValueError, match=r"'area \(um\^2\)'.* pixel sizes in the same unit"):
        sort_objects(LABELS, classifier="micro")


def test_a_classifier_that_is_not_there_is_told():
    with pytest.raises(
        ValueError, match="is not there; choose one of there is none yet: give some"
    ):
        sort_objects(LABELS, classifier="nothing")


def test_stacks_and_blocks_are_sorted_alike():
    keep("shapes", measure(LABELS))
    stack = Source.of(np.stack([LABELS, np.roll(LABELS, 3, axis=1)]))
    whole = run("sort_objects", stack, {"classifier": "shapes"}, walk=Walk("planes")).table
    walk = Walk("planes", blocks=(16, 16))
    blocks = run("sort_objects", stack, {"classifier": "shapes"}, walk=walk).table
    assert whole["class"].tolist() == SORTED * 2
    assert blocks["class"].tolist() == SORTED * 2
    assert blocks["confidence"].tolist() == whole["confidence"].tolist()


def test_sums_over_pieces_are_sorted():
    path = keep("shapes", measure(LABELS))
    sums = Gathered.of_part(LABELS, [], passed(LABELS.shape))
    voxel = VoxelSize((1, 1))
    found = sorted_objects(sums, LABELS.shape, spacing=voxel, classifier=str(path))
    assert found["class"].tolist() == SORTED


def test_hulls_are_refused_in_blocks():
    keep("shapes", measure(LABELS))
    keep("hulls", measure(LABELS, convex=True))
    assert sorting_refused({"classifier": "shapes"}) == ""
    assert "convex hulls, which need each object as a whole" in sorting_refused(
        {"classifier": "hulls"}
    )


def test_a_recipe_asks_for_this_classifier_and_no_other(tmp_path):
    keep("shapes", measure(LABELS))
    recipe = Recipe.from_dict(step("sort_objects", classifier="shapes").to_dict())
    assert recipe.parameters["classifier"].startswith("shapes@")
    assert recipe.run(LABELS).table["class"].tolist() == SORTED
    (tmp_path / "shapes").rename(tmp_path / "gone")
    keep("shapes", measure(LABELS), seed=1)
    with pytest.raises(ValueError, match="'shapes' has another forest .* it was learnt again"):
        recipe.run(LABELS)


def test_classes_of_a_table_are_added_to_it():
    table = measure(LABELS)
    found = with_kinds(table, train_object_classifier(table, KINDS))
    assert list(found)[:3] == ["index", "class", "confidence"]
    assert set(found) == {*table, "class", "confidence"}
