"""Every form of the menus: how wide it is in small and large fonts."""

import pytest
from napari.settings import get_settings
from qtpy.QtWidgets import QApplication, QToolButton

from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.widgets.plugin.menu import (
    FORMS,
    NetworkEntry,
    open_form,
    open_training,
    show_form,
)
from napari_tessera.widgets.qt.rows import Rows
from napari_tessera.widgets.qt.scrolled import WIDTH
from napari_tessera.widgets.training.form import TrainingForm


@pytest.fixture
def font_size():
    """Return a function that sets the size of napari's font."""
    settings = get_settings().appearance
    before = settings.font_size

    def choose(size):
        settings.font_size = size
        QApplication.processEvents()

    yield choose
    settings.font_size = before


def unfold(form):
    """Show every section and every row."""
    for button in form.findChildren(QToolButton):
        if button.isCheckable():
            button.setChecked(True)
    for rows in form.findChildren(Rows):
        for widget in list(rows._labels):
            rows.show_row(widget, True)
        rows.fit_width()


def states(form):
    """Yield the form as it opens, and that for training with each of the networks."""
    networks = NETWORKS if isinstance(form, TrainingForm) else [None]
    for network in networks:
        if network is not None:
            form.choose_network(network)
        yield network


def test_any_network_can_be_opened_by_its_name(viewer):
    form = open_training(viewer, "segnet_basic")
    assert form.settings.networks.chosen == "segnet_basic"
    assert open_training(viewer, "dpt") is show_form(viewer, "train") is form
    assert form.settings.networks.chosen == "dpt"


@pytest.mark.on_screen
def test_every_form_fits_beside_the_canvas(viewer, font_size):
    wide = []
    for size in (9, 14):
        font_size(size)
        for name in (n for n, entry in FORMS.items() if not isinstance(entry, NetworkEntry)):
            form = open_form(viewer, name)
            for state in states(form):
                for change in (lambda form: None, unfold):
                    change(form)
                    QApplication.processEvents()
                    if form.minimumSizeHint().width() > WIDTH:
                        wide.append((name, state, size, form.minimumSizeHint().width()))
            viewer.window.remove_dock_widget(form)
    assert wide == []
