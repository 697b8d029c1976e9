"""What every form has: what it watches in the viewer, its work in threads, and what it says."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.settings import get_settings
from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent, QObject, Qt, QUrl
from qtpy.QtGui import QDesktopServices, QFont
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDockWidget,
    QHBoxLayout,
    QLayout,
    QMainWindow,
    QScrollBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.system_errors import sentence_of
from napari_tessera.widgets.connections import Connections
from napari_tessera.widgets.job import Job
from napari_tessera.widgets.qt.dock import FormDocks, enclosing_dock, keep_entitled
from napari_tessera.widgets.qt.plain_text import PlainLabel, as_written
from napari_tessera.widgets.qt.scrolled import Scrolled
from napari_tessera.widgets.qt.status_line import StatusLine
from napari_tessera.widgets.qt.tab_order import set_tab_order

if TYPE_CHECKING:
    import napari.viewer

    from napari_tessera.widgets.forms.fields.layer import LayerField

DOCS = "https://napari-tessera.readthedocs.io/en/stable/{}.html"

TURNED = (QAbstractSpinBox, QComboBox, QAbstractSlider)
"""What the wheel changes the value of."""

_log = logging.getLogger(__name__)


class Form(QWidget):
    """The base of all forms.

    What a form watches, and what it has under way, ends with it: when its dock is closed, when Qt
    deletes it with the viewer, or when `release` is called.

    Parameters
    ----------
    napari_viewer : napari.Viewer

    Attributes
    ----------
    title : str
        On its tab, and what its notifications begin with.
    message : StatusLine
        Where it says its sentences.
    """

    title = ""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.message = StatusLine()
        self._watched, self._jobs = Connections(), list[Job]()
        self._wheel, self._sized = _WheelGuard(self), 0
        # weak: what Qt owns, and Python holds too, outlives the viewer
        self._dock: weakref.ref[QDockWidget] | None = None
        # with the viewer, Qt deletes its widgets without asking them to close
        own = weakref.ref(self)
        self.destroyed.connect(lambda: _release(own()))

    # ------------------------------------------------------------------ layout

    def lay_out(self, *parts: QWidget | QLayout | str | tuple[QWidget | QLayout, int]) -> None:
        """Put parts below one another: headings, widgets, those that stretch with how far.

        Where none of them stretches, there is free room below them. They wrap in a narrow dock and
        scroll in a low one.
        """
        scrolled = Scrolled()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled)
        column = scrolled.column
        for each in parts:
            part, stretch = each if isinstance(each, tuple) else (each, 0)
            part = self.heading(part) if isinstance(part, str) else part
            if isinstance(part, QLayout):
                column.addLayout(part, stretch)
            else:
                column.addWidget(part, stretch)
        if not any(isinstance(each, tuple) for each in parts):
            column.addStretch(1)

    def heading(self, text: str, *, page: str = "", about: str = "") -> QHBoxLayout:
        """Return a sentence on what the form is for, and a button that opens a page about it."""
        row = QHBoxLayout()
        row.addWidget(PlainLabel(text), 1)
        if page:
            link = QToolButton()
            link.setText("?")
            link.setToolTip(f"Open {about} in the documentation")
            link.setAccessibleName("Documentation")
            address = QUrl(DOCS.format(page))
            link.clicked.connect(lambda: QDesktopServices.openUrl(address))
            row.addWidget(link, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def refit(self) -> None:
        """Fit sizes, and what is listed, when the form is shown or the theme has changed."""

    def _fit_font(self) -> None:
        """Take napari's size of fonts where its style gives none."""
        font = self.font()
        font.setPointSize(get_settings().appearance.font_size)
        # what came into the form, or got another style, takes no font that stays as it is
        self.setFont(QFont())
        self.setFont(font)
        self._sized = len(self.findChildren(QWidget))

    # ------------------------------------------------------------------ what is watched

    def watch(self, callback: Callable[..., None], *emitters: Any) -> None:
        """Call something at each signal until the form is released."""
        self._watched.add(callback, *emitters)

    def watch_layers(self, callback: Callable[..., None]) -> None:
        """Call something when layers come, go, move or get another name."""
        events = self.viewer.layers.events
        self.watch(callback, events.inserted, events.removed, events.reordered, events.renamed)

    def follow_selection(
        self, field: LayerField, while_true: Callable[[], bool] = lambda: True
    ) -> None:
        """Let a field take the layer that is selected, now and later, until a person has chosen.

        Parameters
        ----------
        field : LayerField
        while_true : callable
            Whether another layer may be taken, such as while nothing is begun.
        """

        def take(event: Any = None) -> None:
            if while_true():
                field.follow(self.viewer.layers.selection.active)

        self.watch(take, self.viewer.layers.selection.events.active)
        take()

    # ------------------------------------------------------------------ work

    def start(
        self,
        work: Callable[[Reporter], Any],
        *,
        finished: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
        progressed: Callable[[float, float | None], None] | None = None,
        title: str = "",
    ) -> Job:
        """Run work in a thread; once the form is released, nothing of it is called any more.

        Parameters
        ----------
        work : callable
            Takes a `Reporter`; must not touch Qt or the viewer.
        finished : callable
            Called with what the work returns.
        failed : callable, optional
            Called with what it raises, which otherwise is complained about.
        progressed : callable, optional
            As for `Job`.
        title : str
            Shown in napari's activity dock; "" shows nothing there.

        What the work notes by the way is said as it comes.
        """
        job = Job(
            work,
            title=title,
            finished=finished,
            failed=self.complain if failed is None else failed,
            progressed=progressed,
            noted=self.say,
        )
        self._jobs = [*(each for each in self._jobs if each.running), job]
        job.start()
        return job

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Say a sentence, in red if something is wrong."""
        self.message.say(text, wrong=wrong)

    def complain(self, error: Exception) -> None:
        """Say what went wrong, here and as a notification; what runs goes on."""
        text = sentence_of(error)
        if not isinstance(error, ValueError | TypeError | OSError):  # nothing a user has done
            _log.error("%s failed", self.title, exc_info=error)
            text = f"{type(error).__name__}: {error}"
        self.say(text, wrong=True)
        show_error(as_written(f"{self.title}: {text}"))

    # ------------------------------------------------------------------ end

    def event(self, event: Any) -> bool:
        """Let go of the viewer when the dock that held the form is closed; fit its theme."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.StyleChange):
            self._fit_font()
            self.message.fit_theme()
            self.refit()
        # a layout asks for room when it gets fields later
        if event.type() in (QEvent.Type.Show, QEvent.Type.LayoutRequest):
            if len(self.findChildren(QWidget)) != self._sized:
                self._fit_font()
            self._wheel.watch(self)
            set_tab_order(self)
        if event.type() == QEvent.Type.Show and (place := self._docked()) is not None:
            place[1].shown(place[0])
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is None:
                self._leave_dock()
                self.release()
                self.deleteLater()
            else:
                self._enter_dock()
        return super().event(event)

    def _enter_dock(self) -> None:
        """Hear of it when the dock, which holds the form now, finds its place in the window."""
        dock = enclosing_dock(self)
        if dock is not None and self._dock is None:
            self._dock = weakref.ref(dock)
            dock.dockLocationChanged.connect(self._place)

    def _place(self, area: Qt.DockWidgetArea) -> None:
        place = self._docked()
        if place is None:
            return
        dock, docks = place
        dock.dockLocationChanged.disconnect(self._place)
        keep_entitled(dock, self.title)
        docks.put(dock, area)

    def _docked(self) -> tuple[QDockWidget, FormDocks] | None:
        """Return the dock of the form and those beside it, None while it is in no window."""
        dock = None if self._dock is None else self._dock()
        window = None if dock is None else dock.parentWidget()
        if dock is None or not isinstance(window, QMainWindow):
            return None
        return dock, FormDocks.of(window)

    def _leave_dock(self) -> None:
        if (place := self._docked()) is not None:
            place[1].leave(place[0])
        self._dock = None

    def release(self) -> None:
        """Stop the work under way and let go of the viewer; touches nothing of Qt."""
        for job in self._jobs:
            job.stop()
        self._watched.end()


class _WheelGuard(QObject):
    """Keeps the wheel from changing fields that have no focus; it scrolls the form instead."""

    def watch(self, form: QWidget) -> None:
        """Guard all fields of a form; to watch one that is guarded already changes nothing."""
        for each in (e for kind in TURNED for e in form.findChildren(kind)):
            if not isinstance(each, QScrollBar):
                each.installEventFilter(self)
                if each.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                    each.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Pass the wheel on to what is around a field."""
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        return False


def _release(form: Form | None) -> None:
    if form is not None:
        form.release()
