import gc
import time

import numpy as np
import pytest
from npe2 import PluginManifest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QTabWidget, QToolButton, QWidget
from skimage import data

from napari_tessera import METHODS
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.widgets.forms import remembered as memory
from napari_tessera.widgets.forms.method_form import dock
from napari_tessera.widgets.plugin.menu import FORMS
from napari_tessera.widgets.qt.rows import Section
from napari_tessera.widgets.qt.scrolled import WIDTH

# the forms of networks differ in one choice
ALL_FORMS = [n for n in FORMS if n == "train_unet" or n.removeprefix("train_") not in NETWORKS]


@pytest.fixture(autouse=True)
def only_new_objects_are_looked_through():
    """Keep what the tests before have left out of each collection of garbage.

    napari collects it after each layer that goes, which takes a third of a second once it is
    loaded, and seconds once networks are.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def manifests_are_read_once():
    """Keep the manifests of all plugins: each new viewer looks for them, and they stay the same."""
    found = list(PluginManifest.discover())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "discover", lambda paths=(): found)
        yield


@pytest.fixture(autouse=True)
def forms_remember_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_file", lambda: tmp_path / "forms.json")


@pytest.fixture(autouse=True)
def no_key_stays_down():
    """Release Ctrl and Shift: Qt holds them for pressed until the next key comes without them."""
    yield
    if QApplication.instance() is not None and QApplication.keyboardModifiers():
        QTest.keyClick(QWidget(), Qt.Key.Key_F35)


@pytest.fixture(autouse=True)
def quiet_errors(monkeypatch):
    """Collect napari's error notifications instead of printing them."""
    shown = []
    monkeypatch.setattr("napari_tessera.widgets.forms.form.show_error", shown.append)
    return shown


def wait(until, patience=30):
    """Let Qt work until something is true."""
    end = time.monotonic() + patience
    while not until():
        assert time.monotonic() < end, "waited in vain"
        QApplication.processEvents()
        time.sleep(0.005)


def same(found, expected):
    """Check that two layers hold the same labels or shapes, and the same features."""
    assert type(found) is type(expected)
    several = isinstance(expected.data, list)
    pairs = (
        zip(found.data, expected.data, strict=True) if several else [(found.data, expected.data)]
    )
    for one, other in pairs:
        np.testing.assert_array_equal(one, other)
    if hasattr(expected, "features"):
        assert found.features.equals(expected.features)
    assert any(np.any(one) for one in (expected.data if several else [expected.data]))


def unfolded(form):
    """Open all sections and pages of a form, at a usual size, and return it."""
    form.resize(WIDTH, 900)
    for section in form.findChildren(Section):
        section.findChild(QToolButton).setChecked(True)
    for tabs in form.findChildren(QTabWidget):
        for page in range(tabs.count()):
            load = getattr(tabs.widget(page), "load", None)
            if load is not None:
                load()
    return form


@pytest.fixture
def viewer(make_napari_viewer, request):
    """A viewer; on the screen if the test is marked so, which is slower."""
    return make_napari_viewer(show=request.node.get_closest_marker("on_screen") is not None)


@pytest.fixture
def coins(viewer):
    return viewer.add_image(
        data.coins(), name="coins", scale=(0.5, 0.5), units=("um", "um"), translate=(3, 4)
    )


@pytest.fixture
def stack(viewer):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 100, (4, 40, 50)).astype(np.uint8)
    image[:, 5:20, 5:20] += 100
    image[1:3, 22:35, 25:40] += 120
    return viewer.add_image(image, name="stack", scale=(2, 0.5, 0.5))


@pytest.fixture
def form_of(viewer):
    """Return a function that docks the form of a method."""
    forms = []

    def make(name):
        form = dock(METHODS[name])(viewer)
        viewer.window.add_dock_widget(form, name=name)
        forms.append(form)
        return form

    yield make
    for form in forms:
        form.release()


@pytest.fixture
def run():
    """Return a function that presses Run, waits for the end and returns the result's layer."""

    def press(form):
        form.run_button.click()
        wait(lambda: form.job is None)
        # of a run that went wrong: shown when the test fails
        print(form.message.text())  # noqa: T201
        return form.results.latest

    return press
