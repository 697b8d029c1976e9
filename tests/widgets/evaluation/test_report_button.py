import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QFileDialog

from napari_tessera import VoxelSize, score
from napari_tessera.widgets.evaluation import report_button as module
from napari_tessera.widgets.evaluation.report_button import ReportButton
from napari_tessera.widgets.evaluation.strata_panel import Compared

from ..conftest import wait

TRUTH = np.zeros((2, 20, 30), int)
TRUTH[0, 2:9, 2:9], TRUTH[1, 8:16, 4:12] = 1, 2


@pytest.fixture
def said():
    return []


@pytest.fixture
def button(qapp, said, monkeypatch, tmp_path):
    """The button, on labels without an error, of which the second plane is shown."""
    monkeypatch.setattr(module, "show_info", said.append)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "r.html"), ""))
    viewer = ViewerModel()
    layers = viewer.add_labels(TRUTH, name="found"), viewer.add_labels(TRUTH, name="truth")
    viewer.dims.set_current_step(0, 1)
    options = {"over": "planes", "iou": 0.5, "tolerance": "2 px", "spacing": VoxelSize((1, 1))}
    own = ReportButton(viewer, lambda: None, said.append)
    assert not own.isEnabled()
    own.compare(Compared(*layers, score(TRUTH, TRUTH, **options), options))
    yield own
    own.release()


def test_the_report_is_written_on_the_plane_that_is_shown(button, said, tmp_path):
    button.click()
    assert button.text() == "Stop"
    wait(lambda: button.job is None)
    assert (button.text(), said) == ("Report", ["The report is written."])
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Report: found" in text
    assert "Plane 1, from 0." in text


def test_what_goes_wrong_is_said(button, said, monkeypatch, tmp_path):
    nowhere = str(tmp_path / "nowhere" / "r.html")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (nowhere, ""))
    button.click()
    wait(lambda: button.job is None)
    assert "No such file" in said[0]


def test_a_second_click_stops_it(button, tmp_path):
    button.click()
    button.click()
    assert (button.job, button.text()) == (None, "Report")
    assert not list(tmp_path.iterdir())
