import json

import numpy as np
import pytest

from napari_tessera.deep.models.config import SCHEMA, parsed, versions

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
        ({"patch": "wide"}, "patch 'wide'; a whole number is wanted"),
        ({"rgb": 1}, "rgb 1; true or false is wanted"),
        ({"targets": "edges"}, "targets 'edges'; one of boundaries"),
        ({"magic": 1}, "has unknown magic"),
    ],
)
def test_what_cannot_be_is_named(change, message):
    content = json.loads(described().written()) | change
    with pytest.raises(ValueError, match=message):
        parsed(json.dumps(content))


@pytest.mark.parametrize(("text", "message"), [("{", "is not JSON"), ("[]", "is no object")])
def test_other_texts_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parsed(text)


def test_versions_are_those_of_what_a_network_depends_on():
    assert {"python", "torch", "numpy"} <= set(versions())
