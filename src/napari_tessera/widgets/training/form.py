"""The form that trains a network on layers or folders; every network's menu entry opens it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QCheckBox, QLabel, QLineEdit, QPushButton, QWidget

from napari_tessera.deep.inference.cost import network_cost
from napari_tessera.deep.models.library import Model, find_model, free_name
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.deep.settings import (
    Augmentation,
    Examples,
    Objective,
    Optimisation,
    Transfer,
)
from napari_tessera.deep.training.task import Task
from napari_tessera.deep.triton import keep_away
from napari_tessera.io.datasets import load, matched_files
from napari_tessera.pipeline.recipe import KEY
from napari_tessera.signature.parameters import parameters
from napari_tessera.signature.progress import Progress, Reporter, Stop
from napari_tessera.signature.words import VoxelSize
from napari_tessera.widgets.forms import remembered as memory
from napari_tessera.widgets.forms.choice import Choice
from napari_tessera.widgets.forms.fields.choose import field_for
from napari_tessera.widgets.forms.fields.field import Field
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.results import duration
from napari_tessera.widgets.forms.rows import Rows, beside_one_another
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.forms.settings_group import Group
from napari_tessera.widgets.training.loss_plot import Curve
from napari_tessera.widgets.training.pairs import PairsTable
from napari_tessera.widgets.training.training_run import LayerPairs, Training
from napari_tessera.widgets.training.validation_layer import ValidationLayer

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Layer

    from napari_tessera.widgets.job import Job

LOSSES = (
    "dice + cross_entropy",
    "cross_entropy",
    "dice",
    "dice + focal",
    "iou + cross_entropy",
    "lovasz + cross_entropy",
    "tversky + cross_entropy",
)
"""Sums of losses that the form suggests."""

STARTS = ("imagenet", "none")
"""What networks may start from, besides one's own models."""

GROUPS = {
    "examples": ("Examples", Examples),
    "augmentation": ("Augmentation", Augmentation),
    "objective": ("Loss", Objective),
    "optimisation": ("Optimisation", Optimisation),
    "transfer": ("Start", Transfer),
}

UNFIT = {"pixels": ("mosaic",), "objects": ("mixup", "cutmix")}
"""Augmentation that has no meaning for networks that score pixels, or find objects."""


class TrainingForm(Form):
    """The form that trains a network.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    network = "unet"
    """The network that is chosen at first."""

    title = "Training"

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self.made: Model | None = None
        self._weighing: Job | None = None
        self._enough = threading.Event()
        self._news: deque[Progress] = deque()
        self._judged = ValidationLayer(napari_viewer)
        self._layers: list[Layer] = []
        self._build()
        self._lay_out()
        self._connect()
        self._recall()
        self._network_changed()
        self._pairs_changed()
        threading.Thread(target=_warm_up, daemon=True).start()

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        layers = self.viewer.layers
        self.pairs, self.rows, self.curve = PairsTable(self.viewer), Rows(), Curve(self.viewer)
        self.channel_axis, self.networks = Choice("Channel axis"), Choice("Network")
        self.networks.offer([(each.title, name) for name, each in NETWORKS.items()])
        self.networks.choose(self.network)
        self.about = QLabel()
        self.about.setWordWrap(True)
        own = {p.name: p for p in parameters(Task)}
        self.fields: dict[str, Field] = {
            name: field_for(own[name], layers) for name in ("kind", "targets", "seed")
        }
        self.name, self.device = QLineEdit(), Choice("Device")
        self.device.offer([(name, name) for name in ("auto", "cpu", "cuda", "mps")])
        suggestions = {"loss": LOSSES, "weights": STARTS}
        self.groups = {
            name: Group(settings, suggestions=suggestions) for name, (_, settings) in GROUPS.items()
        }
        self.options: dict[str, Group] = {}
        self.running = Running(self, "Train", self.train, stop=self.stop)
        self.sheet_button, self.train_button = QPushButton("Show samples"), self.running.button
        self.predict_button, self.bar = QPushButton("Predict"), self.running.bar
        self.follow = QCheckBox("Show progress on image")
        self.follow.setChecked(True)
        tips: dict[QWidget, str] = {
            self.networks: "What is trained; the line below says what it costs",
            self.channel_axis: "The axis of the images that holds channels, if any",
            self.name: "The model is kept under this name, in your folder of models",
            self.device: "Where the network is trained; auto takes a graphics card if there is one",
            self.sheet_button: "Show varied patches, as the network will see them, as a layer",
            self.train_button: "Train until the epochs are over; Stop keeps the best so far",
            self.predict_button: "Open the form that applies the trained model",
            self.follow: "Show what the network makes of a validation image after each epoch",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)
        self.predict_button.setVisible(False)

    def _lay_out(self) -> None:
        self.rows.add("Network", self.networks)
        self.rows.add_line(self.about)
        self.rows.add("Channel axis", self.channel_axis)
        self.rows.add("Labels are", self.fields["kind"].native)
        self.rows.add("Learn", self.fields["targets"].native)
        self.rows.add("Model name", self.name)
        for name in NETWORKS:
            # anchors follow the labels
            self.options[name] = Group(NETWORKS[name].config, leave_out=("anchors",))
            self.options[name].fill(NETWORKS[name].preset)
            self.options[name].add_to(self.rows, f"{NETWORKS[name].title} options")
        for name, (title, _) in GROUPS.items():
            self.groups[name].add_to(self.rows, title)
        self.rows.add("Device", self.device, "Device and seed")
        self.rows.add("Seed", self.fields["seed"].native, "Device and seed")
        self.lay_out(
            self.heading(
                "Train a network on images that you have labelled.",
                page="guides/train",
                about="the page about training",
            ),
            self.pairs,
            (self.rows, 1),
            self.follow,
            beside_one_another(self.sheet_button, self.train_button),
            self.bar,
            self.curve,
            self.message,
            self.predict_button,
        )

    # ------------------------------------------------------------------ signals

    def _connect(self) -> None:
        self.pairs.changed.connect(self._pairs_changed)
        self.networks.currentIndexChanged.connect(self._network_changed)
        self.channel_axis.currentIndexChanged.connect(self._channel_changed)
        self.fields["kind"].changed.connect(self._show_rows)
        for group in (*self.groups.values(), *self.options.values()):
            group.changed.connect(self._show_rows)
        for group in self.options.values():
            group.changed.connect(self._weigh)
        self.sheet_button.clicked.connect(self.show_samples)
        self.predict_button.clicked.connect(self._open_predict)

    def _network_changed(self, *_: Any) -> None:
        name = self.networks.chosen
        if not self._named_by_user():
            self.name.setText(free_name(NETWORKS[name].title))
        self._show_rows()
        self._weigh()

    def _weigh(self, *_: Any) -> None:
        """Say what the network is good for and how large it is, which takes a moment."""
        name = self.networks.chosen
        options = self.options[name].changed_values()
        patch = self.groups["examples"].fields["patch"].value
        text = NETWORKS[name].description
        self.about.setText(text)
        if self._weighing is not None:
            self._weighing.stop()
        self._weighing = self.start(
            lambda report: network_cost(name, options, patch=patch),
            finished=lambda cost: self.about.setText(f"{text}. {cost}."),
            failed=lambda error: self.about.setText(f"{text}. {error}"),
        )

    def _named_by_user(self) -> bool:
        """Return True if the name is none that the form has made up."""
        text = self.name.text()
        return bool(text) and not any(text.startswith(each.title) for each in NETWORKS.values())

    def _pairs_changed(self, *_: Any) -> None:
        images = [image for image, _ in self.pairs.pairs]
        named: list[tuple[str, int | None]] = [("none", None)]
        if images and not getattr(images[0], "rgb", False) and images[0].ndim > 2:
            named += [(f"{a} ({images[0].axis_labels[a]})", a) for a in range(images[0].ndim)]
        self.channel_axis.offer(named)
        self._show_rows()

    def _channel_changed(self, *_: Any) -> None:
        self.pairs.channel_axis = self.channel_axis.chosen

    def _show_rows(self, *_: Any) -> None:
        """Show what has a meaning beside the other choices."""
        for name, group in self.options.items():
            self.rows.show_section(f"{NETWORKS[name].title} options", name == self.networks.chosen)
            group.show_what_applies()
        for group in self.groups.values():
            group.show_what_applies()
        pixels = self._finds == "pixels"
        self.pairs.asks_classes = not pixels
        for name in UNFIT[self._finds]:
            self.rows.show_row(self.groups["augmentation"].fields[name].native, False)
        self.rows.show_section(GROUPS["objective"][0], pixels)
        self.rows.show_row(self.fields["kind"].native, pixels)
        objects = self.fields["kind"].value == "objects"
        self.rows.show_row(self.fields["targets"].native, pixels and objects)
        self.rows.show_row(self.channel_axis, self.channel_axis.count() > 1)
        self.rows.fit_width()

    # ------------------------------------------------------------------ values

    @property
    def _finds(self) -> str:
        """Whether the chosen network scores "pixels" or finds "objects"."""
        return NETWORKS[self.networks.chosen].finds

    def read(self) -> Training:
        """Return the training that the form stands for now.

        Raises
        ------
        ValueError
            If something is missing or does not fit.
        """
        task, model, device = self._task(), self.name.text().strip(), self.device.chosen
        if not model:
            raise ValueError("the model has no name; write one into the form")
        folders = self.pairs.folders
        if folders is not None:
            return Training(
                lambda: load(matched_files(*folders), kind=task.kind), [], task, model, device, None
            )
        if self.pairs.problem is not None:
            raise ValueError(self.pairs.problem)
        found = LayerPairs(self.pairs.pairs, self.pairs.classes, self.channel_axis.chosen)
        task, layers = found.with_classes(task), [image for image, _ in found.pairs]
        return Training(found.reader(task), layers, task, model, device, found.channel_axis)

    def _task(self) -> Task:
        """Return what is to be learnt and how; what has no meaning for the network is left out."""
        pixels = self._finds == "pixels"
        groups = {key: group.value for key, group in self.groups.items()}
        unfit = dict.fromkeys(UNFIT[self._finds], 0.0)
        groups["augmentation"] = replace(groups["augmentation"], **unfit)
        if not pixels:
            groups["objective"] = Objective()
        return Task(
            network=self.networks.chosen,
            options=self.options[self.networks.chosen].changed_values(),
            kind=self.fields["kind"].value if pixels else "objects",
            targets=self.fields["targets"].value,
            seed=self.fields["seed"].value,
            **groups,
        )

    def _recall(self) -> None:
        for name, values in memory.recall("train").items():
            if name in self.groups and isinstance(values, dict):
                self.groups[name].fill(values)

    def go_on(self, model: str | None, *, channel_axis: int | None, patch: int) -> None:
        """Fill in a training on more examples, from where a model stopped if there is one.

        Parameters
        ----------
        model : str, optional
            The name or folder of the model that is to learn more.
        channel_axis : int, optional
            Of the images.
        patch : int
            The largest side of patches that the examples allow.
        """
        self.channel_axis.choose(channel_axis)
        if model is not None:
            taught = find_model(model)
            config = taught.config
            self.networks.choose(config.network)
            network = NETWORKS[config.network].configure(**config.options)
            self.options[config.network].fill(vars(network))
            self.fields["kind"].value = config.kind
            if config.kind == "objects" and self._finds == "pixels":
                self.fields["targets"].value = config.targets
            self.groups["transfer"].fill({"weights": str(taught.path)})
        smaller = min(patch, self.groups["examples"].value.patch)
        self.groups["examples"].fill({"patch": smaller})

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
        self.viewer.add_labels(targets, name="samples: what to learn", opacity=0.4, **place)
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
        memory.remember("train", {name: vars(g.value) for name, g in self.groups.items()})
        self._enough.clear()
        self._news.clear()
        self.curve.clear()
        self._layers = training.layers
        self._judged.follow(training.layers, training.channel_axis)
        self._show_running(True)
        began = time.monotonic()
        self.running.start(
            lambda report: training.run(Reporter(self._listening(report))),
            title=f"Training {training.model}",
            finished=lambda model: self._finished(model, time.monotonic() - began),
            failed=self._failed,
            progressed=self._hear_news,
        )
        self.say("Reading the labels ...")

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
        """Show a sentence, a point of the curve, or what was judged."""
        if "note" in values:
            self.say(values["note"])
        elif "step" in values:
            self.curve.add_step(values["epoch"], values["step"])
        elif "judged" in values:
            judged = values["judged"]
            self.curve.add(values["epoch"], values["loss"], judged.loss, judged.score)
            score = "" if judged.score is None else f", score {judged.score:.3f}"
            self.say(f"Epoch {values['epoch']}: loss {values['loss']:.3f}{score}")
            if self.follow.isChecked():
                self._judged.show(judged)

    def _finished(self, model: Model, took: float) -> None:
        self.made = model
        self._hear_news()
        self._show_running(False)
        config = model.config
        score = "" if config.score is None else f" Best {config.scored}: {config.score:.3f}."
        self.say(f"Model {model.name!r} is ready after {duration(took)}.{score}")
        self.predict_button.setVisible(True)
        memory.remember("predict", {**memory.recall("predict"), "model": model.name})
        self.name.setText(free_name(model.name))

    def _open_predict(self) -> None:
        """Open the form that applies models, with this one and the first image chosen."""
        if self.made is None:
            return
        _, form = self.viewer.window.add_plugin_dock_widget(
            "napari-tessera", "Deep learning: Predict", tabify=True
        )
        form.fields["model"].refresh()
        form.fields["model"].value = self.made.name
        if self._layers and self._layers[0] in self.viewer.layers:
            form.source.value = self._layers[0]

    def _show_running(self, on: bool) -> None:
        self.train_button.setEnabled(True)
        self.sheet_button.setEnabled(not on)
        if on:
            self.predict_button.setVisible(False)
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
        self.rows.fit_width()

    def release(self) -> None:
        """Stop the training, which keeps its best, and let go of the viewer."""
        self._enough.set()
        super().release()
        self.pairs.release()
        self.curve.release()


def training(network: str) -> type[TrainingForm]:
    """Return the training form with a network chosen."""
    name = "".join(word.capitalize() for word in network.split("_"))
    description = NETWORKS[network].description
    return type(f"Train{name}", (TrainingForm,), {"network": network, "__doc__": description})


def _warm_up() -> None:
    """Load the libraries of training, which would otherwise hold up its start."""
    keep_away()
    import torch  # noqa: F401

    from napari_tessera.deep.training import loop as fit  # noqa: F401
