"""The form that trains a network on layers or folders; all menu entries for training open it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QCheckBox, QPushButton, QWidget

from napari_tessera.deep.models.library import Folder, Model, place_of
from napari_tessera.io.datasets import TrainingPairs, load, matched_files
from napari_tessera.methods.method import Method
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.recipe import KEY
from napari_tessera.signature.progress import Progress, Reporter, Stop
from napari_tessera.signature.words import ModelWord, VoxelSize
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.results import duration
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.forms.warm_up import warm_up_training
from napari_tessera.widgets.plugin.menu import show_form
from napari_tessera.widgets.qt.rows import beside_one_another
from napari_tessera.widgets.training.loss_plot import Curve
from napari_tessera.widgets.training.model_name import ANEW, GO_ON
from napari_tessera.widgets.training.pairs import PairsTable
from napari_tessera.widgets.training.settings import TrainingSettings
from napari_tessera.widgets.training.training_run import LayerPairs, Training
from napari_tessera.widgets.training.validation_layer import ValidationLayer

if TYPE_CHECKING:
    import napari.viewer

    from napari_tessera.widgets.job import Job


class TrainingForm(Form):
    """The form that trains a network.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    title = "Train"

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self.made: Model | None = None
        self._training: Training | None = None
        self._enough = threading.Event()
        self._news: deque[Progress] = deque()
        self._judged = ValidationLayer(napari_viewer)
        self._build()
        self._lay_out()
        self._connect()
        self._settings_changed()
        self._pairs_changed()
        warm_up_training()

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        self.pairs, self.curve = PairsTable(self.viewer), Curve(self.viewer)
        self.settings = TrainingSettings(self, self.pairs)
        self.running = Running(self, "Train", self.train, stop=self.stop)
        self.sheet_button, self.train_button = QPushButton("Show samples"), self.running.button
        self.predict_button, self.bar = QPushButton("Predict"), self.running.bar
        self.go_on_button = QPushButton("Go on")
        self.follow = QCheckBox("Show progress on image")
        self.follow.setChecked(True)
        tips: dict[QWidget, str] = {
            self.sheet_button: "Show varied patches, as the network will see them, as a layer",
            self.train_button: "Train until the epochs are over; Stop keeps the best so far",
            self.predict_button: "Open the form that applies the trained model",
            self.go_on_button: "Go on with the training of this model",
            self.follow: "Show what the network makes of a validation image after each epoch",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)
        for button in (self.predict_button, self.go_on_button):
            button.setVisible(False)

    def _lay_out(self) -> None:
        self.lay_out(
            self.heading(
                "Train a network on images that you have labelled.",
                page="guides/train",
                about="the page about training",
            ),
            (self.settings, 1),
            self.follow,
            beside_one_another(self.sheet_button, self.train_button),
            self.bar,
            self.curve,
            self.message,
            beside_one_another(self.go_on_button, self.predict_button),
        )

    # ------------------------------------------------------------------ signals

    def _connect(self) -> None:
        self.pairs.changed.connect(self._pairs_changed)
        self.settings.channel_axis.currentIndexChanged.connect(self._channel_changed)
        self.settings.changed.connect(self._settings_changed)
        self.sheet_button.clicked.connect(self.show_samples)
        self.predict_button.clicked.connect(self._open_predict)
        self.go_on_button.clicked.connect(self._go_on)

    def _pairs_changed(self, *_: Any) -> None:
        self.settings.offer_channels(next((image for image, _ in self.pairs.pairs), None))

    def _channel_changed(self, *_: Any) -> None:
        self.pairs.channel_axis = self.settings.channel_axis.chosen

    def _settings_changed(self) -> None:
        self.pairs.asks_classes = self.settings.training.takes_classes

    # ------------------------------------------------------------------ values

    def choose_network(self, network: str) -> None:
        """Choose a network, unless one is being trained; pairs and common settings stay.

        Parameters
        ----------
        network : str
            A key of `napari_tessera.deep.networks.registry.NETWORKS`.
        """
        if self.job is not None:
            self.say("A training is running; choose another network when it has ended.")
            return
        self.settings.name.choice.choose(ANEW)
        self.settings.networks.choose(network)

    def read(self) -> Training:
        """Return the training that the form stands for now.

        Raises
        ------
        ValueError
            If something is missing or does not fit.
        """
        settings = self.settings
        task, model, device = settings.task(), settings.name.target, settings.device.chosen
        resume = settings.name.resumes
        if not model:
            raise ValueError("the model has no name; write one into the form")
        if (folders := self.pairs.folders) is not None:

            def opened(report: Reporter) -> TrainingPairs:
                return load(matched_files(*folders), kind=task.kind, report=report)

            return Training(opened, [], task, model, device, None, resume)
        if self.pairs.problem is not None:
            raise ValueError(self.pairs.problem)
        found = LayerPairs(self.pairs.pairs, self.pairs.classes, settings.channel_axis.chosen)
        task, layers = found.with_classes(task), [image for image, _ in found.pairs]
        axis = found.channel_axis
        return Training(found.reader(task), layers, task, model, device, axis, resume)

    # ------------------------------------------------------------------ samples

    def show_samples(self) -> None:
        """Put varied patches, with what the network is to make of them, into the viewer."""
        try:
            training = self.read()
        except (ValueError, TypeError) as error:
            self.complain(error)
            return
        self.say("Cutting samples ...")
        self.sheet_button.setEnabled(False)
        self.start(training.sheet, finished=self._show_sheet, failed=self._no_sheet)

    def _no_sheet(self, error: Exception) -> None:
        self.sheet_button.setEnabled(self.job is None)
        self.complain(error)

    def _show_sheet(self, found: tuple[Any, Any, VoxelSize | None]) -> None:
        self.sheet_button.setEnabled(self.job is None)
        images, targets, spacing = found
        colours = images.ndim == 3
        place: dict[str, Any] = {}
        if spacing is not None:
            place = {"scale": tuple(spacing), "units": (spacing.unit,) * 2}
        place["metadata"] = {KEY: {"preview": True}}  # nothing to train on
        limits = {} if colours else {"contrast_limits": (0, 1)}
        self.viewer.add_image(images, name="samples", rgb=colours, **limits, **place)
        self.viewer.add_labels(targets, name="samples, what to learn", opacity=0.4, **place)
        self.say("Samples, varied as in training, with what the network is to make of them.")

    # ------------------------------------------------------------------ train

    @property
    def job(self) -> Job | None:
        """The training under way."""
        return self.running.job

    def train(self) -> None:
        """Train in a thread.

        Raises
        ------
        ValueError
            If something is missing or does not fit.
        """
        training = self.read()
        self.settings.remember()
        self._enough.clear()
        self._news.clear()
        self.curve.clear()
        if training.resume:
            self._show_epochs_before(training.model)
        self._training = training
        self._judged.follow(training.layers, training.channel_axis)
        self._show_running(True)
        written, began = self.settings.name.written, time.monotonic()
        self.running.start(
            lambda report: training.run(Reporter(self._listening(report))),
            title=f"Training {training.model}",
            finished=lambda model: self._finished(model, written, time.monotonic() - began),
            failed=self._failed,
            progressed=self._hear_news,
            at_close="A training is running. Its best model so far is kept. Close?",
        )
        self.say("Reading the labels ...")

    def _show_epochs_before(self, model: str) -> None:
        """Draw the epochs that a training goes on from."""
        folder = Folder(place_of(model))
        kept = folder.read_config().epoch
        for row in folder.read_losses():
            names = ("epoch", "loss", "validation_loss", "score")
            epoch, *values = (row.get(name) for name in names)
            self.curve.add(epoch or 0, *values, kept=epoch == kept)

    def stop(self) -> None:
        """End the training after the present step; the best weights so far are kept."""
        self._enough.set()
        self.train_button.setEnabled(False)
        self.say("Stopping; the best so far is kept ...")

    def _listening(self, report: Reporter) -> Callable[[Progress], None]:
        """Return what takes progress in the thread: keeps it for the form, and brings the stop."""

        def take(progress: Progress) -> None:
            report(progress)
            if progress.values:
                self._news.append(progress)
            if self._enough.is_set():
                raise Stop

        return take

    def _hear_news(self) -> None:
        while self._news:
            self._hear(self._news.popleft().values)

    def _hear(self, values: Any) -> None:
        """Show a point of the curve, or what was judged."""
        if "step" in values:
            self.curve.add_step(values["epoch"], values["step"])
        elif "judged" in values:
            judged = values["judged"]
            self.curve.add(
                values["epoch"],
                values["loss"],
                judged.loss,
                judged.score,
                kept=values.get("kept", False),
            )
            score = "" if judged.score is None else f", score {judged.score:.3f}"
            self.say(f"Epoch {values['epoch']}: loss {values['loss']:.3f}{score}")
            if self.follow.isChecked():
                self._judged.show(judged)

    def _finished(self, model: Model, written: str, took: float) -> None:
        self.made, name = model, self.settings.name
        self._hear_news()
        self._show_running(False)
        config = model.config
        score = "" if config.score is None else f" Score {config.score:.3f}: {config.scored}."
        if name.written == written:  # nobody has thought of another one meanwhile
            name.choose(self._made_as, ANEW)
        how = "is kept; its training was stopped" if self._enough.is_set() else "is ready"
        self.say(f"Model {model.name!r} {how} after {duration(took)}.{score}")
        self.predict_button.setText(applying(model).display)
        self.predict_button.setVisible(True)
        self.go_on_button.setVisible(Folder(model.path).exists)

    @property
    def _made_as(self) -> str:
        """The name, or the path, under which the model was trained."""
        return "" if self._training is None else self._training.model

    def _go_on(self) -> None:
        """Go on with the training of the model that was made last."""
        self.settings.name.choose(self._made_as, GO_ON)
        self.running.press()

    def _open_predict(self) -> None:
        """Open the form that applies such models, with this one and the first image chosen."""
        if self.made is None:
            return
        form = show_form(self.viewer, applying(self.made).name)
        form.fields["model"].value = self._made_as
        layers = [] if self._training is None else self._training.layers
        if layers and layers[0] in self.viewer.layers:
            form.source.value = layers[0]

    def _show_running(self, on: bool) -> None:
        self.train_button.setEnabled(True)
        self.sheet_button.setEnabled(not on)
        if on:
            self.predict_button.setVisible(False)
            self.go_on_button.setVisible(False)
        else:
            self._judged.clear()

    def _failed(self, error: Exception) -> None:
        self._show_running(False)
        if isinstance(error, Stop):
            self.say("Stopped before the first step; nothing was kept.")
        else:
            self.complain(error)

    # ------------------------------------------------------------------ end

    def refit(self) -> None:
        """Make room for the rows in the theme that is shown."""
        self.settings.name.refresh()
        self.settings.fit_width()
        self.pairs.fit_height()

    def release(self) -> None:
        """Stop the training, which keeps its best, and let go of the viewer."""
        self._enough.set()
        super().release()
        self.pairs.release()
        self.curve.release()


def applying(model: Model) -> Method:
    """Return the first method whose form offers a model."""
    wanted = model.config.one_by_one
    words = ((m, p.word) for m in METHODS.values() for p in m.asked)
    return next(m for m, word in words if isinstance(word, ModelWord) and word.offers(wanted))
