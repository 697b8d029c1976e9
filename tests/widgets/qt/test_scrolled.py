"""No form is higher or wider than a small screen has room for."""

import pytest
from qtpy.QtWidgets import QApplication

from napari_tessera.widgets.plugin.menu import open_form
from napari_tessera.widgets.qt.scrolled import LOWEST, WIDTH

from ..conftest import ALL_FORMS, wait


@pytest.mark.on_screen
def test_no_form_makes_the_window_outgrow_the_screen(viewer, coins):
    window = viewer.window._qt_window
    window.resize(800, 600)
    QApplication.processEvents()
    before, least = window.size(), window.minimumSizeHint()
    for name in ALL_FORMS:
        form = open_form(viewer, name)
        QApplication.processEvents()
        hint = form.minimumSizeHint()
        assert hint.height() <= LOWEST and hint.width() <= WIDTH, name
        assert form.sizeHint().width() == WIDTH, name
    wait(lambda: not form.visibleRegion().isEmpty())
    assert (window.size(), window.minimumSizeHint().height()) == (before, least.height())
