"""The form that runs a recipe on a folder of files: the plan first, then what becomes of each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QPushButton

from napari_tessera.batch.batch_run import BatchRun
from napari_tessera.batch.plan import Plan, Standing
from napari_tessera.batch.ranking import ranked
from napari_tessera.batch.summary import FileOutcome, FileState, Summary
from napari_tessera.widgets.batch.asked import BatchAsked, BatchThread
from napari_tessera.widgets.batch.asked_rows import AskedRows
from napari_tessera.widgets.batch.file_table import FileTable
from napari_tessera.widgets.batch.open_result import OpenedResult, read_result
from napari_tessera.widgets.forms.call import amount
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.results import duration
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.qt.plain_text import PlainLabel
from napari_tessera.widgets.qt.rows import beside_one_another

if TYPE_CHECKING:
    import napari.viewer

    from napari_tessera.widgets.job import Job

PAUSE_MS = 400
"""How long the form has to rest before its files are looked at."""


class BatchForm(Form):
    """The form that runs a recipe on a folder of files.

    Parameters
    ----------
    napari_viewer : napari.Viewer

    Attributes
    ----------
    outcomes : list of FileOutcome
        What has become of the files of the last run, in the order of their names.
    """

    title = "Batch"

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self.outcomes: list[FileOutcome] = []
        self._problems: list[str] = []
        self._batch: BatchRun | None = None
        self._thread: BatchThread | None = None
        self._beside: dict[str, Job] = {}
        self._opened = OpenedResult(napari_viewer)
        self.rows, self.planned, self.table = AskedRows(napari_viewer), PlainLabel(), FileTable()
        self.running = Running(self, "Run", self._run, stop=self._stop)
        self.button, self.again = self.running.button, QPushButton("Try failed again")
        self.worst, self._rest = QCheckBox("Worst first"), QTimer(self)
        self._lay_out()
        self._connect()

    # ------------------------------------------------------------------ layout

    def _lay_out(self) -> None:
        self.button.setToolTip("Run the recipe on one file after the other")
        self.again.setToolTip("Run once more; what is done already stays as it is")
        self.table.setToolTip("Choose a row to open its result beside its image")
        self.worst.setToolTip("List the files first whose boundaries the images support least")
        self.again.setVisible(False)
        self.planned.setVisible(False)
        self.worst.setEnabled(False)
        about = "Run a recipe on all files of a folder."
        self.lay_out(
            self.heading(about, page="guides/batch", about="batches"),
            self.rows,
            self.planned,
            beside_one_another(self.button, self.again),
            self.running.bar,
            self.message,
            (self.table, 1),
            self.worst,
        )

    def _connect(self) -> None:
        self._rest.setSingleShot(True)
        self._rest.setInterval(PAUSE_MS)
        self._rest.timeout.connect(self._plan)
        self.rows.changed.connect(self._asked_otherwise)
        self.again.clicked.connect(self._try_again)
        self.worst.toggled.connect(self._order)
        self.table.picked.connect(self._open)
        self.watch_layers(self.rows.recipe.refresh)
        self.watch(self.rows.recipe.refresh, self.viewer.layers.selection.events.active)

    def refit(self) -> None:
        """Fit the rows to the theme."""
        self.rows.fit()
        self.table.fit_theme()

    def release(self) -> None:
        """Stop the work under way and let go of the viewer."""
        super().release()
        self._opened.release()

    # ------------------------------------------------------------------ the plan

    def _asked_otherwise(self) -> None:
        """Look at the files after a short rest, unless a batch runs."""
        if self.running.job is None:
            self._drop("plan")
            self._rest.start()

    def _plan(self) -> None:
        try:
            asked = self.rows.asked()
        except ValueError:
            self._say_plan("")  # Run says what is missing
            return
        job = self.start(asked.plan, finished=self._show_plan, failed=self._no_plan)
        self._work_beside("plan", job)

    def _show_plan(self, found: tuple[BatchRun, Plan]) -> None:
        self._batch, plan = found
        self._forget()
        self._problems = [each.problem for each in plan.files]
        self.table.show_plan(plan.files)
        self._say_plan(plan_sentence(plan))
        self.say("")

    def _no_plan(self, error: Exception) -> None:
        self._forget()
        self.table.show_plan([])
        self._say_plan("")
        self.say(str(error), wrong=True)

    def _say_plan(self, text: str) -> None:
        self.planned.setText(text)
        self.planned.setVisible(bool(text))

    def _forget(self) -> None:
        """Let go of what has become of other files."""
        self.outcomes, self._problems = [], []
        self.table.forget_pictures()
        self.again.setVisible(False)
        self.worst.setChecked(False)
        self.worst.setEnabled(False)

    # ------------------------------------------------------------------ the run

    def _run(self) -> None:
        self._begin(self.rows.asked())

    def _try_again(self) -> None:
        """Run what has failed; what is done stays, whatever is to become of older results."""
        try:
            asked = self.rows.asked()
        except ValueError as error:
            self.complain(error)
        else:
            self._begin(replace(asked, existing=replace(asked.existing, again=False)))

    def _begin(self, asked: BatchAsked) -> None:
        self._rest.stop()
        for name in list(self._beside):
            self._drop(name)
        self._forget()
        self._batch = None
        self._thread = thread = BatchThread(asked, self._thread)
        self.running.start(
            thread.work,
            title=f"Batch: {asked.folder.name}",
            finished=self._finished,
            failed=self._failed,
            progressed=self._hear,
            at_close="Files are worked on. What is done already stays; close nevertheless?",
        )

    def _hear(self) -> None:
        """Show what the thread has told."""
        thread = self._thread
        if thread is None or thread.batch is None:
            return
        if self._batch is not thread.batch:
            self._batch = thread.batch
            self.outcomes = [FileOutcome(each) for each in thread.batch.destinations]
            self.table.show_outcomes(self.outcomes)
            self._say_plan("")
        for number, outcome in thread.news():
            self.outcomes[number] = outcome
            self.table.update_outcome(number, outcome)

    def _finished(self, summary: Summary) -> None:
        self._hear()
        self.say(f"{summary}{'; ' if summary.problem else ''}{summary.problem}",
                 wrong=bool(summary.problem))  # fmt: skip
        self._offer_more()

    def _failed(self, error: Exception) -> None:
        self._hear()
        self.complain(error)
        self._offer_more()

    def _stop(self) -> None:
        self.running.stop()
        self._hear()
        for number, each in enumerate(self.outcomes):
            if each.state is FileState.RUNNING:
                self.outcomes[number] = FileOutcome(each.destination)
                self.table.update_outcome(number, self.outcomes[number])
        self.say("Stopped. Run goes on from here.")
        self._offer_more()

    def _offer_more(self) -> None:
        states = [each.state for each in self.outcomes]
        self.again.setVisible(FileState.FAILED in states)
        written = any(e.state.has_outputs and "labels" in e.outputs for e in self.outcomes)
        self.worst.setEnabled(written)

    # ------------------------------------------------------------------ what is looked at

    def _order(self, worst: bool) -> None:
        """List the files anew: the worst first, which takes time, or by their names."""
        self._drop("rank")
        if self._batch is None or self.running.job is not None:
            return
        if not worst:
            self.table.show_outcomes(self.outcomes)
            return
        batch, outcomes = self._batch, dict(enumerate(self.outcomes))
        self.say("Files are ranked ...")
        job = self.start(
            lambda report: ranked(batch, outcomes, report),
            finished=self._ranked,
            title="Batch: worst first",
        )
        self._work_beside("rank", job)

    def _ranked(self, suspicions: dict[int, float]) -> None:
        self.table.show_outcomes(self.outcomes, suspicions)
        self.say("The files come first whose boundaries the images support least.")

    def _open(self, number: int) -> None:
        """Open the result of a file beside its image, or say why there is none."""
        reasons = [each.reason for each in self.outcomes] or self._problems
        if reasons[number]:
            self.say(reasons[number], wrong=True)
            return
        if self._batch is None or not self.outcomes:
            return
        outcome, recipe = self.outcomes[number], self._batch.recipe
        self.say(": ".join(filter(None, (outcome.destination.path.name, outcome.counted))))
        job = self.start(
            lambda report: read_result(outcome),
            finished=lambda read: self._opened.show(read, recipe),
        )
        self._work_beside("open", job)

    def _work_beside(self, name: str, job: Job) -> None:
        """Keep work that gives way to other work of its name."""
        self._drop(name)
        self._beside[name] = job

    def _drop(self, name: str) -> None:
        if name in self._beside:
            self._beside.pop(name).stop()


def plan_sentence(plan: Plan) -> str:
    """Return what a batch will do and cost, for people.

    Examples
    --------
    >>> plan_sentence(Plan([], free=3_000_000_000))
    '0 files; labels take at most 0 MB of 3.0 GB that are free.'
    """
    count = len(plan.files)
    stand = [(plan.count(each), each.value) for each in Standing]
    said = ", ".join(f"{number} {word}" for number, word in stand if number)
    files = f"{count} file{'s' if count != 1 else ''}{': ' if said else ''}{said}"
    cost = ""
    if plan.seconds is not None and plan.memory is not None:
        cost = f"; about {duration(plan.seconds)} and {amount(plan.memory)} of memory"
    disk = f"labels take at most {amount(plan.disk)}"
    if plan.free is not None:
        disk += f" of {amount(plan.free)} that are free"
    return f"{files}{cost}; {disk}."
