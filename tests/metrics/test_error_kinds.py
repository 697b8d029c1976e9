import numpy as np
import pytest

from napari_tessera.metrics import error_kinds
from napari_tessera.metrics.error_kinds import (
    KINDS,
    Kind,
    error_look,
    kinds_of,
    kinds_of_objects,
    kinds_of_pixels,
    kinds_told,
    names_told,
)
from napari_tessera.metrics.score import score

NUMBERS = {name: kind.number for name, kind in KINDS.items()}


def test_pixels_of_classes():
    truth, found = np.array([[0, 0, 1, 1, 1]]), np.array([[0, 2, 0, 1, 2]])
    names = ["spurious", "missed", "right", "other class"]
    expected = [0, *(NUMBERS[name] for name in names)]
    assert kinds_of_pixels(found, truth).tolist() == [expected]


def test_the_boundary_of_an_object_that_was_found_may_be_off():
    truth, found = np.array([[4, 4, 4, 4, 0, 0]]), np.array([[0, 7, 7, 7, 7, 0]])
    right, off = NUMBERS["right"], NUMBERS["off"]
    assert kinds_of_objects(found, truth).tolist() == [[off, right, right, right, off, 0]]
    assert kinds_of_objects(found, truth, iou=0.7).tolist() == [[off] * 5 + [0]]


def test_each_kind_has_a_number_and_a_colour_of_its_own():
    assert len({kind.number for kind in KINDS.values()}) == len(KINDS)
    assert len({kind.colour for kind in KINDS.values()}) == len(KINDS)
    objects, classes = error_look({}), error_look({"labels_are": "classes"})
    assert {"right", "missed", "split", "merged", "off"} <= set(objects.names.values())
    assert {"right", "missed", "spurious", "other class"} <= set(classes.names.values())
    assert set(objects.names.values()) | set(classes.names.values()) == set(KINDS)
    assert "other class" not in objects.names.values()
    assert not {"split", "merged", "off"} & set(classes.names.values())
    assert all(objects.colours[n] == KINDS[name].colour for n, name in objects.names.items())


def test_numbers_that_files_and_recipes_hold_stay():
    known = {"right": 1, "missed": 2, "spurious": 3, "split": 4, "merged": 5, "off": 6}
    assert NUMBERS.items() >= {**known, "other class": 7}.items()


def test_ranks_settle_which_kind_is_told():
    ranks = [kind.rank for kind in KINDS.values() if kind.applies is not None]
    assert len(set(ranks)) == len(ranks)
    ranked = sorted((kind.rank, name) for name, kind in KINDS.items() if kind.applies is not None)
    known = ("merged", "split", "right", "off")
    assert [name for _, name in ranked if name in known] == list(known)


@pytest.mark.parametrize("seed", range(5))
def test_every_object_has_a_kind_of_its_side(seed):
    random = np.random.default_rng(seed)
    truth, found = (np.kron(random.integers(0, 6, (5, 5)), np.ones((3, 3), int)) for _ in range(2))
    scores = score(truth, np.roll(found, 1, 1), boundaries=False)
    tables = {"truth": scores.objects["kind"], "prediction": scores.predictions["kind"]}
    for side, kinds in tables.items():
        own = {name for name, k in kinds_of("objects").items() if k.of in ("both", side)}
        assert set(kinds) <= own
        assert all(f'"{name}"' in names_told(side) for name in own)
    counted = [name for name, kind in KINDS.items() if kind.counted]
    assert list(scores.errors) == counted
    for name in counted:  # others may be told of objects of which it is true
        assert scores.errors[name] >= (tables[KINDS[name].counted] == name).sum()


def test_a_kind_is_added_by_a_row(monkeypatch):
    """Tell of what is found, but larger than it is."""

    def larger(evidence):
        true = evidence.pairs.true.pixels[evidence.first]
        found = evidence.pairs.found.pixels[evidence.second]
        return evidence.marks(evidence.partners & (found > true))

    row = Kind(
        99, "#123456", "it is found, and more", "objects",
        of="prediction", applies=larger, rank=25, counted="prediction",
    )  # fmt: skip
    monkeypatch.setattr(error_kinds, "KINDS", {**KINDS, "much too large": row})
    truth, found = np.array([[1, 1, 0, 2, 0, 3]]), np.array([[7, 7, 7, 0, 0, 9]])
    scores = score(truth, found, boundaries=False)
    assert scores.predictions["kind"].tolist() == ["much too large", "right"]
    assert scores.objects["kind"].tolist() == ["right", "missed", "right"]
    expected = {"missed": 1, "spurious": 0, "split": 0, "merged": 0, "much too large": 1}
    assert scores.errors.items() >= expected.items()
    assert kinds_of_objects(found, truth).tolist() == [[1, 1, 99, 2, 0, 1]]
    assert error_look({}).names[99] == "much too large"
    assert "- 99 much too large: it is found, and more" in kinds_told()
