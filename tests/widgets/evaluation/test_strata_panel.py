import numpy as np
import pytest
from napari.components import ViewerModel

from napari_tessera import VoxelSize, score, strata
from napari_tessera.widgets.evaluation.strata_panel import Compared, StrataPanel
from napari_tessera.widgets.forms.form import Form

from ..conftest import wait

TRUTH = np.zeros((20, 30), int)
TRUTH[2:4, 2:4], TRUTH[8:16, 4:12], TRUTH[8:16, 20:28] = 1, 2, 3
FOUND = np.where(TRUTH == 1, 0, TRUTH)


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def panel(qapp, viewer):
    form = Form(viewer)
    own = StrataPanel(form)
    yield own
    form.release()
    own.release()


@pytest.fixture
def compared(viewer):
    layers = viewer.add_labels(FOUND), viewer.add_labels(TRUTH)
    options = {"over": "planes", "iou": 0.5, "tolerance": "2 px", "spacing": VoxelSize((1, 1))}
    return Compared(*layers, score(TRUTH, FOUND, **options), options)


def test_groups_are_those_of_strata(panel, compared):
    panel.bins.value = 2
    panel.compare(compared)
    wait(lambda: panel.job is None)
    expected = strata(TRUTH, FOUND, by="size", bins=2)
    np.testing.assert_array_equal(panel.table["recall"], expected["recall"])
    assert panel.table["recall"].tolist() == [0, 1]
    assert list(panel.model.table) == ["group", "objects", "found", "boundary"]
    assert panel.plot.drawn


def test_groups_of_another_choice_are_forgotten_at_once(panel, compared):
    panel.compare(compared)
    wait(lambda: panel.job is None)
    panel.by.choose("brightness")
    assert panel.table is None
    assert not panel.plot.drawn
    assert panel.message.text() == "Choose the image whose brightness counts."


def test_before_anything_is_compared_it_says_so(panel):
    assert panel.message.text().startswith("Compare first")
    assert panel.job is None
