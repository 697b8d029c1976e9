from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_tessera.deep.inference.decode import DEFAULTS, Thresholds, to_objects
from napari_tessera.deep.inference.tuning import (
    PRECISIONS,
    QUICK,
    USUAL,
    WIDE,
    _chosen,
    annotated,
    tuned,
)
from napari_tessera.metrics.matching import average_precision

from .test_decode import FLAT, perfect, touching_discs


def thresholds(found):
    """Return what was found, without the score."""
    return Thresholds(**{name: found[name] for name in DEFAULTS})


def doubtful(seed):
    """Return blobs as a network sees them that is not sure, and what of them is annotated."""
    random = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(random.normal(size=(80, 90)), 4)
    labels, _ = ndimage.label(field > 0.06)
    inside = 1 / (1 + np.exp(-(field - 0.04 + 0.02 * random.normal(size=field.shape)) * 60))
    boundary = 0.7 * (ndimage.grey_dilation(labels, 3) != ndimage.grey_erosion(labels, 3))
    scores = np.stack([1 - inside, inside * (1 - boundary), inside * boundary]).astype(np.float32)
    labels[:, 70:] = -1
    return scores, labels


@pytest.mark.parametrize("seed", range(4))
def test_options_are_judged_by_the_objects_that_they_give(seed):
    scores, labels = doubtful(seed)
    found = np.array(list(QUICK.precisions(scores, labels, "boundaries", FLAT)))
    assert found.shape == QUICK.shape
    assert len(np.unique(found)) > 3
    for place, value in enumerate(found.ravel()):
        objects = to_objects(
            scores, targets="boundaries", voxel=FLAT, thresholds=Thresholds(**QUICK.at(place))
        )
        # one by one, and what is left out before objects are compared
        expected = average_precision(*annotated(labels, objects), *PRECISIONS)
        assert value == pytest.approx(expected)


def test_whether_objects_come_apart_at_waists_is_found_out():
    labels, scores = touching_discs()
    assert tuned([(scores, labels)], "boundaries", FLAT)["split"] > 0
    whole = (labels > 0).astype(np.uint8)  # a dumbbell that is one object
    best = tuned([(scores, whole)], "boundaries", FLAT)
    assert best["split"] == 0
    assert best["score"] == 1


def test_thresholds_are_those_that_find_most():
    labels = np.zeros((30, 40), np.uint8)
    labels[4:26, 4:18], labels[4:26, 20:36] = 1, 2
    scores = perfect(labels, "boundaries") * 0.65
    scores[0] += 1 - scores.sum(axis=0)
    # background between and around is doubtful: only a high threshold leaves it out
    doubt = np.zeros_like(labels, bool)
    doubt[2:28, 2:38] = labels[2:28, 2:38] == 0
    scores[:, doubt] = np.array([0.45, 0.55, 0]).reshape(3, 1)
    best = tuned([(scores, labels)], "boundaries", FLAT)
    assert best["threshold"] == 0.6
    assert best["score"] == 1
    found = to_objects(scores, targets="boundaries", voxel=FLAT, thresholds=thresholds(best))
    assert average_precision(labels, found, 1.0) == 1
    nothing = tuned([(scores, np.zeros_like(labels))], "boundaries", FLAT)
    assert thresholds(nothing) == USUAL


def test_thresholds_leave_empty_examples_empty():
    labels = np.zeros((12, 12), np.uint8)
    labels[2:10, 2:10] = 1
    faint = np.zeros((3, 12, 12), np.float32)
    faint[0], faint[1] = 0.45, 0.55  # found from everywhere unless the threshold is above it
    best = tuned(
        [(perfect(labels, "boundaries"), labels), (faint, np.zeros_like(labels))],
        "boundaries",
        FLAT,
    )
    assert best["threshold"] == 0.6 or best["confidence"] > 0.55
    assert best["score"] == pytest.approx(1)
    for scores in (perfect(labels, "boundaries"), faint):
        found = to_objects(scores, targets="boundaries", voxel=FLAT, thresholds=thresholds(best))
        assert found.max() == (scores is not faint)


def precisions(**best):
    """Return an array like that of `WIDE`, with .5 but where options have given values."""
    found = np.full(WIDE.shape, 0.5)
    for place in range(found.size):
        own = WIDE.at(place)
        found.flat[place] += best["more"] * all(own[n] == v for n, v in best["at"].items())
    return found


def test_the_usual_options_stay_unless_others_are_better_by_more_than_chance():
    here = {"threshold": 0.5, "split": 0.2}
    by_chance = [precisions(at=here, more=more) for more in (0.3, -0.1, -0.1)]
    assert thresholds(_chosen(by_chance)) == USUAL
    surely = [precisions(at=here, more=more) for more in (0.2, 0.1, 0.15)]
    assert thresholds(_chosen(surely)) == replace(USUAL, **here)  # the others stay as usual
    assert _chosen(surely)["score"] == pytest.approx(0.65)
    assert thresholds(_chosen(surely[:1])) == replace(USUAL, **here)
    assert thresholds(_chosen([np.full(WIDE.shape, 0.3)])) == USUAL
    assert thresholds(_chosen([])) == USUAL
