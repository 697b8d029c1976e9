from pathlib import Path

import numpy as np
import pytest

from napari_tessera.deep.explain.questions import Question, by_hand, channel_of, chosen
from napari_tessera.deep.inference.objects import DetectedObjects
from napari_tessera.deep.inference.scores import PixelScores
from napari_tessera.deep.models.library import Model
from napari_tessera.signature.progress import NothingToSeparate

from ..models.described import described

LABELS = np.array([[1, 1, 0, 2], [3, 0, 0, 2]])


def model(**changes):
    return Model(Path("cells"), described(**changes))


SCENE = {"targets": "classes", "ids": (0, 4, 9), "class_names": ("ground", "wall", "roof")}


@pytest.mark.parametrize(
    ("known", "text", "place"),
    [
        (SCENE, "roof", 2),
        (SCENE, " 4 ", 1),
        ({"targets": "classes", "ids": (0, 4)}, "4", 1),
        ({"targets": "boundaries"}, "boundary", 2),
        ({"targets": "distances"}, "1", 1),
    ],
)
def test_classes_have_names_and_numbers(known, text, place):
    assert channel_of(model(**known), text) == place


def test_an_unknown_class_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match=r"model 'cells' knows 0 \(ground\), 4 \(wall\)"):
        channel_of(model(**SCENE), "sky")


@pytest.mark.parametrize(
    ("at", "ids", "chosen"),
    [
        (None, None, [[1, 1, 0, 2], [3, 0, 0, 2]]),
        (None, "1, 3", [[1, 1, 0, 0], [3, 0, 0, 0]]),
        ([[0, 0, 1, 0], [0, 0, 0, 1]], None, [[0, 0, 0, 2], [0, 0, 0, 2]]),
    ],
)
def test_objects_are_chosen_by_number_or_by_a_point(at, ids, chosen):
    found = by_hand(None if at is None else np.array(at), LABELS, ids)
    assert found.tolist() == chosen


@pytest.mark.parametrize(
    ("at", "labels", "ids", "error", "message"),
    [
        (None, None, "3", ValueError, "there are no labels with these numbers"),
        (LABELS, LABELS, "3", ValueError, "both choose objects"),
        (None, LABELS, "three", ValueError, "write numbers of objects"),
        (None, LABELS, "8", NothingToSeparate, "no object 8"),
        (LABELS * 0, LABELS, None, NothingToSeparate, "no points in the image"),
    ],
)
def test_what_chooses_nothing_is_named(at, labels, ids, error, message):
    with pytest.raises(error, match=message):
        by_hand(at, labels, ids)


def said_of(places):
    """Return what a network says that is sure of the class at each of some places."""
    return PixelScores(np.eye(3)[np.array(places)].transpose(2, 0, 1), model(**SCENE))


def test_without_a_choice_pixels_are_those_of_the_class():
    said = said_of([[0, 1, 2, 1]])
    found, channel = chosen(said, Question())
    assert (found.tolist(), channel) == ([[0, 1, 0, 1]], 1)
    found, channel = chosen(said, Question(channel=2))
    assert (found.tolist(), channel) == ([[0, 0, 1, 0]], 2)


def test_the_class_of_chosen_pixels_is_the_commonest_but_for_the_background():
    said = said_of([[0, 0, 2, 1]])
    at = np.array([[1, 1, 1, 0]])
    found, channel = chosen(said, Question(at=at))
    assert (found is at, channel) == (True, 2)
    with pytest.raises(NothingToSeparate, match="nothing but background"):
        chosen(said, Question(at=np.array([[1, 1, 0, 0]])))


def test_a_class_that_is_not_found_is_named_with_those_that_are():
    with pytest.raises(NothingToSeparate, match=r"finds no 'roof' in the image \(but wall\)"):
        chosen(said_of([[1, 1]]), Question(channel=2))


def test_objects_chosen_by_hand_are_taken_as_they_are():
    found, channel = chosen(DetectedObjects([], model()), Question(hand=LABELS))
    assert (found is LABELS, channel) == (True, None)


def test_arguments_are_read_as_one_question():
    question = Question.of(model(**SCENE), "roof", None, LABELS, "3")
    assert question.channel == 2
    assert question.hand.tolist() == [[0, 0, 0, 0], [3, 0, 0, 0]]
