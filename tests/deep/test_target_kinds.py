import numpy as np
import pytest

torch = pytest.importorskip("torch")

from napari_tessera.deep.data.targets import IGNORE  # noqa: E402
from napari_tessera.deep.target_kinds import KINDS  # noqa: E402

OBJECTS = np.array([[0, 1, 1, 1, 0, 2, 2, 2, 0]] * 3)


def certain(truth, count):
    """Return scores (K, *P) that say the truth."""
    if truth.ndim == 3:
        return truth
    return np.stack([truth == place for place in range(count)]).astype(np.float32)


@pytest.mark.parametrize("name", KINDS)
def test_scores_that_say_the_truth_become_the_labels(name):
    kind = KINDS[name]((0, 1, 2) if name == "classes" else ())
    scores = certain(kind.truth(OBJECTS), kind.count)
    assert scores.shape == (kind.count, *OBJECTS.shape)
    options = {} if name == "classes" else {"seed_threshold": 0.4}
    np.testing.assert_array_equal(kind.labels(scores, **options), OBJECTS)
    good = kind.agreement(scores, OBJECTS)
    none = kind.agreement(np.roll(scores, 1, axis=0), OBJECTS)
    assert kind.score([good, good]) == 1
    assert kind.score([none]) < 0.2
    assert 0 < kind.score([good, none]) < 1
    assert set(kind.tuned([(scores, OBJECTS)])) == (
        set() if name == "classes" else {"threshold", "seed_threshold", "split", "confidence"}
    )


def test_classes_are_scored_by_all_images_together():
    kind = KINDS["classes"]((3, 7))
    first = kind.agreement(certain(np.array([[0, 0, 1]]), 2), np.array([[3, 3, 7]]))
    second = kind.agreement(certain(np.array([[0, 1, 1]]), 2), np.array([[3, 3, 5]]))
    # 5 is no class: of 3, three of four pixels are found; of 7, one, and one too many is said
    assert kind.score([first, second]) == pytest.approx((3 / 4 + 1 / 2) / 2)


def test_pixels_of_the_classes_are_counted():
    ids = torch.tensor([[[0, 1, 1, 2, IGNORE]]], dtype=torch.int16)
    assert KINDS["boundaries"]().pixels({}, iter([ids, ids])) == [2, 4, 2]
    shares = torch.tensor([[[[1.0, 0.0, 0.0]], [[0.0, 0.5, 0.0]], [[0.0, 0.5, 1.0]]]])
    assert KINDS["distances"]().pixels({}, iter([shares, 4 * shares])) == [5, 2, 7]
    assert KINDS["classes"]((0, 4, 9)).pixels({0: 7, 4: 2}, iter(())) == [7, 2, 0]


def test_borders_are_counted_between_objects_or_pieces_of_classes():
    patch = np.array([[1, 1, 0, 1], [0, 0, 0, 2]])
    assert KINDS["boundaries"]().objects(patch) is patch
    found = KINDS["classes"]((0, 1, 2)).objects(patch)
    assert len(np.unique(found[found > 0])) == 3


def test_a_sure_network_is_judged_at_thresholds_that_suit_it():
    # two touching objects with a boundary that is doubted: seeds hang together up to .8
    truth = np.array([[0, 1, 1, 1, 1, 2, 2, 2, 2, 0]] * 5)
    boundary = np.where(np.isin(np.arange(10), (4, 5)), 0.25, 0) * np.ones((5, 1))
    inside = (truth > 0) - boundary
    scores = np.stack([1.0 - (truth > 0), inside, boundary])
    kind = KINDS["boundaries"]()
    found = kind.agreement(scores, truth)
    assert found[0, 0, 0] == pytest.approx(1 / 6)  # one object for two, half of it right
    assert kind.score([found]) == 1
    assert kind.suiting([found]) == {
        "threshold": 0.7,
        "seed_threshold": 0.9,
        "split": 0.0,
        "confidence": 0.0,
    }
    # at given thresholds nothing else is tried
    given = kind.agreement(scores, truth, threshold=0.5, seed_threshold=0.7)
    assert given == pytest.approx(found[0, 0, 0])
