from pathlib import Path

import pytest

from napari_tessera.deep.models.library import Model
from napari_tessera.deep.training.improvement import Improvement, Judgement

from ..models.described import described


@pytest.mark.parametrize(
    ("after", "verdict"), [(0.79, "AP 0.81 -> 0.79: worse."), (0.80, "AP 0.81 -> 0.80.")]
)
def test_worse_is_called_so_from_more_than_a_hundredth(after, verdict):
    old, new = (Model(Path(name), described()) for name in ("cells", "cells 2"))
    said = str(Improvement(new, old, Judgement(0.81, after), Judgement(0.4, 0.7)))
    assert f"On the old validation images: {verdict}" in said
    assert ("go on with 'cells'" in said) == verdict.endswith("worse.")
    assert "'cells' is kept as it was" in said


def test_what_nobody_found_out_is_not_said():
    old, new = (Model(Path(name), described()) for name in ("cells", "cells 2"))
    made = Improvement(new, old, Judgement(0.8), Judgement(), "Nobody can tell.")
    assert str(made) == "Model 'cells 2' is ready; 'cells' is kept as it was. Nobody can tell."
    assert not made.on_old.is_worse
