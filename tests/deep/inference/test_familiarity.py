import pytest

from napari_tessera.deep.inference.familiarity import Familiarity

from ..models.described import described

NUCLEI = {
    "lower quartile": (0.0, 0.08),
    "median": (0.01, 0.1),
    "upper quartile": (0.02, 0.5),
    "noise": (0.005, 0.03),
    "sharpness": (0.2, 0.5),
    "diameter": (8.0, 45.0),
}

NUCLEUS = {
    "lower quartile": 0.03,
    "median": 0.06,
    "upper quartile": 0.2,
    "noise": 0.02,
    "sharpness": 0.3,
}

STAINED = {**NUCLEUS, "lower quartile": 0.7, "median": 0.85, "upper quartile": 0.95}

KNOWN = Familiarity(NUCLEI, examples=100)


def test_what_was_seen_is_not_remarked():
    assert KNOWN.differences(NUCLEUS, 20) == {}
    assert KNOWN.differences(NUCLEUS) == {}


@pytest.mark.parametrize(
    ("changes", "diameter", "subject", "words"),
    [
        (STAINED, 20, "intensities", "dark objects on bright ground; the model was trained on"),
        ({"lower quartile": 0.3, "median": 0.3}, 20, "intensities", "their lower quartile is 0.30"),
        ({"noise": 0.08}, 20, "noise", "differ by 8 % of the range, there by at most 3 %"),
        ({"sharpness": 0.1}, 20, "blur", "more blurred"),
        ({}, 95, "size", "about 95 px wide; the model was trained on 8 to 45 px: shrink the image"),
        ({}, 4, "size", "about 4 px wide; the model was trained on 8 to 45 px: enlarge the image"),
    ],
)
def test_what_differs_is_said_with_what_to_do(changes, diameter, subject, words):
    found = KNOWN.differences({**NUCLEUS, **changes}, diameter)
    assert list(found) == [subject]
    assert words in found[subject]
    assert "train on your own" in found[subject]


@pytest.mark.parametrize(
    ("diameter", "resize"), [(4, "enlarge"), (6, None), (95, None), (112, None), (200, "shrink")]
)
def test_sizes_that_the_network_evens_out_are_not_remarked(diameter, resize):
    # it sees 18 px of 8, and 28 px of 45; of 4 px 10, of 6 px 15, of 95 and 112 px 28, of 200 px 50
    evened = Familiarity(NUCLEI, examples=100, wanted=18, widest=28)
    found = evened.differences(NUCLEUS, diameter)
    assert (f"{resize} the image" in found.get("size", "")) == (resize is not None)
    assert bool(found) == (resize is not None)


def test_a_model_of_dark_objects_wants_bright_ones_inverted():
    seen = {name: (1 - high, 1 - low) for name, (low, high) in list(NUCLEI.items())[1:2]}
    seen |= {"lower quartile": (0.5, 0.98), "upper quartile": (0.92, 1.0)}
    found = Familiarity(seen, 100).differences(NUCLEUS)
    assert "bright objects on dark ground; the model was trained on dark" in found["intensities"]


def test_a_model_that_was_shown_negatives_takes_both():
    assert Familiarity(NUCLEI, 100, negatives=True).differences(STAINED) == {}
    grey = {**NUCLEUS, "lower quartile": 0.4, "median": 0.5, "upper quartile": 0.6}
    assert "intensities" in Familiarity(NUCLEI, 100, negatives=True).differences(grey)


def test_colours_are_those_of_the_training():
    seen = {**NUCLEI, "colour": (0.3, 0.4)}
    known = Familiarity(seen, 100)
    assert "less coloured" in known.differences({**NUCLEUS, "colour": 0.0})["colour"]
    assert "more coloured" in known.differences({**NUCLEUS, "colour": 0.8})["colour"]
    assert known.differences({**NUCLEUS, "colour": 0.35}) == {}


def test_fewer_examples_say_less():
    bright = {**NUCLEUS, "upper quartile": 0.7}
    assert "intensities" in KNOWN.differences(bright)
    assert Familiarity(NUCLEI, 1).differences(bright) == {}
    assert Familiarity({}, 1).differences(STAINED, 500) == {}


def test_it_knows_what_the_model_folder_says():
    training = {"augmentation": {"inversion": 0.1}}
    config = described(seen=NUCLEI, examples=100, training=training, diameter=18.0, widest=28.0)
    known = Familiarity(NUCLEI, 100, negatives=True, wanted=18.0, widest=28.0)
    assert Familiarity.of(config) == known
    in_deviations = Familiarity.of(described(seen=NUCLEI, normalise="mean"))
    assert in_deviations.scale == (0.0, 4.0)
    assert Familiarity.of(described()).seen == {}
