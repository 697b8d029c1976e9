"""Edits of a layer, followed in a thread."""

import numpy as np
from napari.layers import Labels

from napari_tessera.pipeline.edits import differences
from napari_tessera.pipeline.review.object_places import object_places
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.layers.history import History, Step
from napari_tessera.widgets.proofreading.edits import EditsFollowed

from ..conftest import wait


def test_strokes_and_steps_are_followed_whoever_makes_them(viewer):
    layer = Labels(np.array([[1, 1, 0, 2, 2, 0]]))
    form, at, seen = Form(viewer), [0], []
    edits = EditsFollowed(form, lambda: at[0], lambda *now: seen.append(now))
    edits.follow(layer, object_places(layer.data))
    layer.data_setitem((np.array([0]), np.array([0])), 0)
    at[0] = 1  # goes on before it is known what has become of it
    layer.data_setitem((np.array([0]), np.array([5])), 8)
    wait(lambda: not edits.busy)
    objects = seen[-1][0]
    assert dict(zip(objects.index.tolist(), objects.pixels.tolist(), strict=True)) == {
        1: 1, 2: 2, 8: 1,
    }  # fmt: skip
    assert [looked_at for *_, looked_at in seen] == [{0}, {1}]
    History.of(layer).commit(
        Step("merge", differences(layer.data, (0, 0), np.array([[0, 2, 2]])), None, None)
    )
    wait(lambda: not edits.busy)
    assert (seen[-1][0].index.tolist(), seen[-1][1].tolist()) == ([2, 8], [1, 2])
    layer.undo()
    wait(lambda: not edits.busy)
    assert seen[-1][0].index.tolist() == [2, 8, 1]
    edits.end()
    count = len(seen)
    layer.redo()
    assert (edits.busy, len(seen)) == (False, count)
    form.release()
