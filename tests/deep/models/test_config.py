import json

import numpy as np
import pytest

from napari_tessera.deep.models.card import card
from napari_tessera.deep.models.config import SCHEMA, parsed, versions

from ...damage import damaged, deep_texts
from .described import described


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"spacing": None, "score": None},
        {"targets": "classes", "ids": (0, 3), "colours": ("red", "blue")},
    ],
)
def test_what_is_written_is_read_again(changes):
    config = described(**changes)
    assert parsed(config.written()) == config


def test_numbers_of_numpy_become_plain_ones():
    config = described(score=np.float32(0.5), training={"steps": np.int64(3)})
    again = parsed(config.written())
    assert (again.score, again.training) == (0.5, {"steps": 3})


@pytest.mark.parametrize(
    ("changes", "classes", "kind"),
    [
        ({"targets": "boundaries"}, 3, "objects"),
        ({"targets": "distances"}, 3, "objects"),
        ({"targets": "classes", "ids": (0, 2)}, 2, "classes"),
    ],
)
def test_targets_say_how_many_scores_there_are_and_of_what(changes, classes, kind):
    config = described(**changes)
    assert (config.classes, config.kind) == (classes, kind)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": SCHEMA + 1}, "update napari-tessera"),
        ({"network": "magic"}, "network 'magic', which this version"),
        ({"options": {"magic": 1}}, "options the network does not take"),
        ({"patch": "wide"}, "patch is 'wide'; a whole number is wanted"),
        ({"rgb": 1}, "rgb is 1; true or false is wanted"),
        ({"targets": "edges"}, "targets is 'edges'; 'boundaries' or"),
        ({"magic": 1}, "has unknown magic"),
    ],
)
def test_what_cannot_be_is_named(change, message):
    content = json.loads(described().written()) | change
    with pytest.raises(ValueError, match=message):
        parsed(json.dumps(content))


@pytest.mark.parametrize(("text", "message"), [("{", "is no JSON"), ("[]", r"is \[\]; an object")])
def test_other_texts_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parsed(text)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fitted": (10**6, 10**6)}, "fitted is .1000000, 1000000.; pass numbers from 1 to 8192"),
        ({"fitted": (800,)}, "the shorter and the longest side or nothing"),
        ({"in_channels": 10**9}, "in_channels is 1000000000"),
        ({"patch": 10**9}, "patch is 1000000000"),
        ({"high": 101.0}, "high is 101.0; pass numbers from 0 to 100"),
        ({"targets": "classes", "ids": (1, 1)}, "a number of its own for each class"),
        ({"weights": "../x"}, "weights is '../x'; pass a sha256"),
    ],
)
def test_what_would_take_any_amount_of_memory_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        described(**changes)


WHOLE = {
    "options": {"encoder": "resnet18"},
    "targets": "classes",
    "ids": [0, 2],
    "class_names": ["ground", "wall"],
    "channel_names": ["red"],
    "fitted": [100, 200],
}


def test_every_damage_is_named_with_its_file_or_is_a_config_still():
    good = 0
    for place, what, data in damaged(json.loads(described().written()) | WHOLE):
        text = json.dumps(data)
        try:
            config = parsed(text)
        except ValueError as error:
            assert str(error).startswith("config.json"), (place, what)
            assert str(error).isprintable(), (place, what)
            continue
        good += 1
        assert parsed(config.written()) == config
        assert all(line.isprintable() for line in card(config).splitlines())
        assert card(config).count("# ") == 5
    assert good > 100


@pytest.mark.parametrize("text", [*deep_texts(described().written()), "null", "", '"x"'])
def test_texts_that_are_nested_too_deep_are_refused(text):
    with pytest.raises(ValueError, match=r"^config\.json"):
        parsed(text)


def test_a_score_that_is_no_number_is_none():
    assert parsed(described(score=float("nan")).written()).score is None


@pytest.mark.parametrize(
    "name",
    [
        "tu-hf-hub:x/y",
        "hf-hub:x",
        "tu-local-dir:/etc",
        "../x",
        "/x",
        "http://x",
        "a\nb",
        "",
        5,
        [],
        "x" * 200,
    ],
)
@pytest.mark.parametrize(
    "network", ["unet", "fcn", "fpn", "pan", "dpt", "deeplabv3plus", "mask_rcnn"]
)
def test_encoders_are_names_and_no_places(network, name):
    content = json.loads(described().written()) | {"network": network, "options": {"encoder": name}}
    with pytest.raises(ValueError, match="options the network does not take: encoder is"):
        parsed(json.dumps(content))


def test_versions_are_those_of_what_a_network_depends_on():
    assert {"python", "torch", "numpy"} <= set(versions())
