import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QFileDialog

from napari_tessera import VoxelSize, score
from napari_tessera.widgets.evaluation import report_button as module
from napari_tessera.widgets.evaluation.report_button import ReportButton
from napari_tessera.widgets.evaluation.strata_panel import Compared
from napari_tessera.widgets.forms.form import Form

from ..conftest import wait

TRUTH = np.zeros((2, 20, 30), int)
TRUTH[0, 2:9, 2:9], TRUTH[1, 8:16, 4:12] = 1, 2


@pytest.fixture
def viewer():
    """Labels without an error, of which the second plane is shown."""
    viewer = ViewerModel()
    viewer.add_labels(TRUTH, name="found")
    viewer.add_labels(TRUTH, name="truth")
    viewer.dims.set_current_step(0, 1)
    return viewer


@pytest.fixture
def form(qapp, viewer):
    own = Form(viewer)
    yield own
    own.release()


@pytest.fixture
def report(form, viewer, monkeypatch, tmp_path):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "r.html"), ""))
    options = {"over": "planes", "iou": 0.5, "tolerance": "2 px", "spacing": VoxelSize((1, 1))}
    own = ReportButton(form, lambda: None)
    assert not own.button.isEnabled()
    own.compare(Compared(*viewer.layers, score(TRUTH, TRUTH, **options), options))
    return own


def test_the_report_is_written_on_the_plane_that_is_shown(report, monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(module, "show_info", said.append)
    report.button.click()
    assert report.button.text() == "Stop"
    wait(lambda: report.job is None)
    assert (report.button.text(), said) == ("Report", ["The report is written."])
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Report: found" in text
    assert "Plane 1, from 0." in text


def test_what_goes_wrong_is_said(report, form, monkeypatch, tmp_path):
    nowhere = str(tmp_path / "nowhere" / "r.html")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (nowhere, ""))
    report.button.click()
    wait(lambda: report.job is None)
    assert "No such file" in form.message.text()


def test_a_second_click_stops_it(report, form, tmp_path):
    report.button.click()
    report.button.click()
    assert (report.job, report.button.text()) == (None, "Report")
    assert form.message.text() == "Stopped."
    assert not list(tmp_path.iterdir())
