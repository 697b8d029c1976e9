from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.forms.cost_line import Preflight, sentences

from ...conftest import tiny_model
from ..conftest import wait

FOUND = SimpleNamespace(
    tiles=1, tile=(256, 256), memory=3 * 10**9, seconds=33.3, device="On the CPU"
)


def call(array, found=FOUND, **options):
    own = SimpleNamespace(source=Source.of(array, **options), estimate=lambda: found)
    own.settled = lambda: own
    return own


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((30, 40), {}, "30 x 40 as (y, x), 1 channel: 1 tile of 256 x 256, about "),
        ((2, 30, 40), {"channel_axis": 0}, "30 x 40 as (y, x), 2 channels: 1 tile"),
    ],
)
def test_shape_channels_and_costs_are_said(shape, options, words):
    own = call(np.zeros(shape), **options)
    text = sentences(own, FOUND)
    assert text.startswith(words)
    assert text.endswith(" and 33 s. On the CPU.")
    assert sentences(own, None) == ""


@pytest.mark.parametrize(("rgb", "words"), [(False, "mean of red, green and blue"), (True, "RGB")])
def test_it_is_said_how_colours_are_seen(rgb, words):
    own = call(np.zeros((30, 40, 3), np.uint8), channel_axis=-1)
    own.source, own.values = replace(own.source, rgb=True), {"model": tiny_model(rgb=rgb)}
    assert sentences(own, FOUND).startswith(f"30 x 40 as (y, x), {words}: 1 tile of 256 x 256")


def test_it_is_said_after_a_rest_and_a_form_that_lacks_something_says_nothing(qapp):
    calls = [call(np.zeros((30, 40)))]
    line = Preflight(lambda: calls.pop())
    line.request()
    wait(lambda: line.text())
    assert line.text() == sentences(call(np.zeros((30, 40))), FOUND)

    def lacking():
        raise ValueError

    line = Preflight(lacking)
    line.setText("before")
    line.request()
    wait(lambda: not line.text())


def test_what_was_cancelled_is_not_said(qapp):
    asked = []
    line = Preflight(lambda: asked.append(1))
    line.request()
    line.cancel()
    assert not line._timer.isActive()
    assert asked == []
