"""The button of a form that begins its work and becomes Stop meanwhile, with its bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QProgressBar

from napari_tessera.signature.progress import Reporter
from napari_tessera.widgets.forms.closing import AskAtClose
from napari_tessera.widgets.forms.progress_text import CompilingNote, progress_text
from napari_tessera.widgets.forms.shortcuts import offer_shortcuts
from napari_tessera.widgets.qt.buttons import RunButton

if TYPE_CHECKING:
    from napari_tessera.widgets.forms.form import Form
    from napari_tessera.widgets.job import Job


class Running:
    """What a form shows of its work.

    Parameters
    ----------
    form : Form
        Whose work it is, and where it is said what is wrong.
    title : str
        Of the button while nothing runs.
    begin : callable
        Called when the button is pressed; it calls `start`, or raises `ValueError` or `TypeError`
        with what is missing.
    stop : callable, optional
        Called instead of dropping the work when the button is pressed once more.

    Attributes
    ----------
    button, bar : RunButton, QProgressBar
    """

    def __init__(
        self,
        form: Form,
        title: str,
        begin: Callable[[], None],
        *,
        stop: Callable[[], None] | None = None,
    ) -> None:
        self._form, self._begin = form, begin
        self._stop = self._drop if stop is None else stop
        self._job: Job | None = None
        self.button, self.bar = RunButton(title, form), QProgressBar()
        self._compiling, self._asking = CompilingNote(form.message), AskAtClose(form)
        self.bar.setVisible(False)
        self.button.clicked.connect(self.press)
        offer_shortcuts()

    @property
    def job(self) -> Job | None:
        """What runs now."""
        return self._job if self._job is not None and self._job.running else None

    @property
    def notes(self) -> list[str]:
        """What the work has noted that runs now, or has run last."""
        return [] if self._job is None else self._job.notes

    def press(self) -> None:
        """Begin, or stop what runs, as the button does."""
        if (job := self.job) is not None:
            job.hush()
            self._stop()
            return
        try:
            self._begin()
        except (ValueError, TypeError) as error:
            self._form.complain(error)

    def start(
        self,
        work: Callable[[Reporter], Any],
        *,
        title: str,
        finished: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
        progressed: Callable[[], None] = lambda: None,
        at_close: str = "",
    ) -> None:
        """Run work in a thread, as `Form.start` does.

        Parameters
        ----------
        work, title, finished, failed
            As there.
        progressed : callable
            Called whenever the bar has moved, at most 20 times a second.
        at_close : str
            What is said to who closes the viewer meanwhile, and asked; "" asks nobody.
        """

        def then(call: Callable[[Any], None]) -> Callable[[Any], None]:
            def ended(outcome: Any) -> None:
                self._show(False)
                call(outcome)

            return ended

        def moved(share: float, left: float | None) -> None:
            self.bar.setValue(round(share * 100))
            self.bar.setFormat(progress_text(left))
            progressed()
            self._compiling.show()

        self._form.say("")
        self._show(True)
        self._asking.begin(at_close)
        self._job = self._form.start(
            work,
            title=title,
            finished=then(finished),
            failed=then(failed or self._form.complain),
            progressed=moved,
        )

    def stop(self) -> None:
        """Drop what runs, if anything does."""
        if self._job is not None:
            self._job.stop()
        self._show(False)

    def _drop(self) -> None:
        self.stop()
        self._form.say("Stopped.")

    def _show(self, on: bool) -> None:
        self.button.show_running(on)
        self.bar.setValue(0)
        self.bar.setVisible(on)
        self._compiling.end()
        self._asking.end()
