"""The form that trains a network on layers or folders; every network's menu entry opens it."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent, Qt, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_tessera.deep.data.contact_sheet import contact_sheet
from napari_tessera.deep.data.pieces import pieces
from napari_tessera.deep.data.preparation import prepare_data
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
from napari_tessera.deep.training.train import train
from napari_tessera.deep.triton import keep_away
from napari_tessera.io import datasets as pair
from napari_tessera.pipeline.recipe import KEY
from napari_tessera.signature.parameters import parameters
from napari_tessera.signature.progress import Progress, Reporter, Stop
from napari_tessera.signature.words import Array, VoxelSize
from napari_tessera.widgets.forms import remembered as memory
from napari_tessera.widgets.forms.choice import Choice
from napari_tessera.widgets.forms.fields import Field, field_for
from napari_tessera.widgets.forms.method_form import DOCS, red
from napari_tessera.widgets.forms.results import duration
from napari_tessera.widgets.forms.rows import Rows, beside_one_another
from napari_tessera.widgets.forms.settings_group import Group
from napari_tessera.widgets.job import Job
from napari_tessera.widgets.layers.features import class_column, class_names, look_of
from napari_tessera.widgets.layers.geometry import array, geometry, same_grid
from napari_tessera.widgets.layers.to_source import source
from napari_tessera.widgets.training.loss_plot import Curve
from napari_tessera.widgets.training.pairs import PairsTable

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Labels, Layer

    from napari_tessera.deep.training.validation import ValidationResult

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

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Training:
    """What the form stands for: pairs, the task, and where the model goes.

    Attributes
    ----------
    pairs : callable
        Opens the pairs, which may take time.
    layers : list of Layer
        The images of the pairs, if they are layers.
    task : Task
    model : str
    device : str
    channel_axis : int, optional
        Of the layers.
    """

    pairs: Callable[[], pair.TrainingPairs]
    layers: list[Layer]
    task: Task
    model: str
    device: str
    channel_axis: int | None

    def run(self, report: Reporter) -> Model:
        """Train."""
        found = self.pairs()
        return train(
            found.images,
            found.labels,
            model=self.model,
            channel_axis=found.channel_axis,
            rgb=found.rgb,
            names=found.names,
            spacing=found.spacing_of(self.task.axes),
            device=self.device,
            report=report,
            **{**vars(self.task), **found.taught(self.task)},
        )

    def sheet(self, report: Reporter) -> tuple[Any, Any, VoxelSize | None]:
        """Return patches as the network will see them, what it is to make of them, pixel size."""
        found, task = self.pairs(), self.task
        own = pieces(
            found.images,
            found.labels,
            axes=task.axes,
            channel_axis=found.channel_axis,
            names=found.names,
        )
        data = prepare_data(
            own, kind=task.kind, settings=task.examples, seed=task.seed, report=report
        )
        return (*contact_sheet(task.batches(data, rgb=found.rgb)), found.spacing_of(2))


class TrainingForm(QWidget):
    """The form that trains a network.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    network = "unet"
    """The network that is chosen at first."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.job: Job | None = None
        self.made: Model | None = None
        self._weighing: Job | None = None
        self._cutting: Job | None = None
        self._enough = threading.Event()
        self._news: deque[Progress] = deque()
        self._shown: Any = None
        self._shown_at: Any = None
        self._layers: list[Layer] = []
        self._axis: int | None = None
        own = weakref.ref(self)
        self.destroyed.connect(lambda: _release(own()))
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
        self.pairs, self.rows, self.curve = PairsTable(self.viewer), Rows(), Curve()
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
        self.sheet_button, self.train_button = QPushButton("Show samples"), QPushButton("Train")
        self.predict_button, self.bar = QPushButton("Predict"), QProgressBar()
        self.follow = QCheckBox("Show progress on image")
        self.follow.setChecked(True)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
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
        for button in (self.predict_button, self.bar):
            button.setVisible(False)

    def _lay_out(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(4, 4, 4, 4)
        outer.addLayout(self._head())
        outer.addWidget(self.pairs)
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
        outer.addWidget(self.rows, 1)
        outer.addWidget(self.follow)
        outer.addLayout(beside_one_another(self.sheet_button, self.train_button))
        outer.addWidget(self.bar)
        outer.addWidget(self.curve)
        outer.addWidget(self.message)
        outer.addWidget(self.predict_button)

    def _head(self) -> QHBoxLayout:
        summary, link = QLabel("Train a network on images that you have labelled."), QToolButton()
        summary.setWordWrap(True)
        link.setText("?")
        link.setToolTip("Open the page about training in the documentation")
        link.setAccessibleName("Documentation")
        link.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(DOCS.format("../guides/train"))))
        row = QHBoxLayout()
        row.addWidget(summary, 1)
        row.addWidget(link, 0, Qt.AlignmentFlag.AlignTop)
        return row

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
        self.train_button.clicked.connect(self._train_or_stop)
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
        self._weighing = Job(
            lambda report: network_cost(name, options, patch=patch),
            title="",
            finished=lambda cost: self.about.setText(f"{text}. {cost}."),
            failed=lambda error: self.about.setText(f"{text}. {error}"),
        )
        self._weighing.start()

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
        name = self.networks.chosen
        pixels = self._finds == "pixels"
        groups = {key: group.value for key, group in self.groups.items()}
        groups["augmentation"] = replace(
            groups["augmentation"], **dict.fromkeys(UNFIT[self._finds], 0.0)
        )
        if not pixels:
            groups["objective"] = Objective()
        task = Task(
            network=name,
            options=self.options[name].changed_values(),
            kind=self.fields["kind"].value if pixels else "objects",
            targets=self.fields["targets"].value,
            seed=self.fields["seed"].value,
            **groups,
        )
        model = self.name.text().strip()
        if not model:
            raise ValueError("the model has no name; write one into the form")
        axis, device = self.channel_axis.chosen, self.device.chosen
        folders = self.pairs.folders
        if folders is not None:
            return Training(
                lambda: pair.load(pair.matched_files(*folders), kind=task.kind),
                [], task, model, device, None,
            )  # fmt: skip
        problem = self.pairs.problem
        if problem is not None:
            raise ValueError(problem)
        found = self.pairs.pairs
        for number, (image, labels) in enumerate(found, 1):
            same_grid(f"pair {number}: labels", labels, image, axis)
        sources = [source(image, channel_axis=axis) for image, _ in found]
        names = [image.name for image, _ in found]
        truths = [array(labels) for _, labels in found]
        layers = [image for image, _ in found]
        classes: list[Any] | None = None
        if task.learns == "classes":
            look = look_of(found[0][1])
            task = replace(task, class_names=look.names, colours=look.colours)
        elif any(told is not None for told in self.pairs.classes):
            classes = self._classes_of([labels for _, labels in found])
            names_of = [class_names(told) for told in self.pairs.classes if told is not None]
            task = replace(task, class_names=next(filter(None, names_of), {}))
        elif any(class_column(labels) for _, labels in found):
            classes = [class_names(labels) for _, labels in found]

        def together() -> pair.TrainingPairs:
            return replace(pair.together(sources, truths, names), classes=classes)

        return Training(together, layers, task, model, device, axis)

    def _classes_of(self, labels: list[Labels]) -> list[Any]:
        """Return the layers that tell the classes of objects, of all pairs."""
        for number, (own, told) in enumerate(zip(labels, self.pairs.classes, strict=True), 1):
            if told is None:
                raise ValueError(
                    f"pair {number} has no layer of classes, but others have; choose one for each"
                )
            same_grid(f"pair {number}: classes", told, own)
        return [array(told) for told in self.pairs.classes]

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
            self._complain(error)
            return
        self._say("Cutting samples ...")
        self.sheet_button.setEnabled(False)
        self._cutting = Job(
            training.sheet, title="", finished=self._show_sheet, failed=self._complain
        )
        self._cutting.start()

    def _show_sheet(self, found: tuple[Any, Any, VoxelSize | None]) -> None:
        self.sheet_button.setEnabled(True)
        images, targets, spacing = found
        colours = images.ndim == 3
        place: dict[str, Any] = {}
        if spacing is not None:
            place = {"scale": tuple(spacing), "units": (spacing.unit,) * 2}
        place["metadata"] = {KEY: {"preview": True}}  # nothing to train on
        limits = {} if colours else {"contrast_limits": (0, 1)}
        self.viewer.add_image(images, name="samples", rgb=colours, **limits, **place)
        self.viewer.add_labels(targets, name="samples: what to learn", opacity=0.4, **place)
        self._say("Samples, varied as in training, with what the network is to make of them.")

    # ------------------------------------------------------------------ train

    def _train_or_stop(self) -> None:
        if self.job is None:
            self.train()
        else:
            self.stop()

    def train(self) -> None:
        """Train in a thread."""
        try:
            training = self.read()
        except (ValueError, TypeError) as error:
            self._complain(error)
            return
        memory.remember("train", {name: vars(g.value) for name, g in self.groups.items()})
        self._enough.clear()
        self._news.clear()
        self.curve.clear()
        self._layers, self._axis = training.layers, training.channel_axis
        began = time.monotonic()
        self.job = Job(
            lambda report: training.run(Reporter(self._listening(report))),
            title=f"Training {training.model}",
            finished=lambda model: self._finished(model, time.monotonic() - began),
            failed=self._failed,
            progressed=self._progressed,
        )
        self._running(True)
        self._say("Reading the labels ...")
        self.job.start()

    def stop(self) -> None:
        """End the training after the present step; the best weights so far are kept."""
        self._enough.set()
        self.train_button.setEnabled(False)
        self._say("Stopping; the best so far is kept ...")

    def _listening(self, report: Reporter) -> Callable[[Progress], None]:
        """Return what takes progress in the thread: keeps it for the form, and brings the stop."""

        def take(progress: Progress) -> None:
            report(progress)
            if progress.values:
                self._news.append(progress)
            if self._enough.is_set():
                raise Stop

        return take

    def _progressed(self, share: float, left: float | None) -> None:
        self.bar.setValue(round(share * 100))
        self.bar.setFormat("%p %" if left is None else f"%p %   {duration(left)} left")
        while self._news:
            self._hear(self._news.popleft().values)

    def _hear(self, values: Any) -> None:
        """Show a sentence, a point of the curve, or what was judged."""
        if "note" in values:
            self._say(values["note"])
        elif "step" in values:
            self.curve.add_step(values["epoch"], values["step"])
        elif "judged" in values:
            judged: ValidationResult = values["judged"]
            self.curve.add(values["epoch"], values["loss"], judged.loss, judged.score)
            score = "" if judged.score is None else f", score {judged.score:.3f}"
            self._say(f"Epoch {values['epoch']}: loss {values['loss']:.3f}{score}")
            if self.follow.isChecked():
                self._show_judged(judged)

    def _show_judged(self, judged: ValidationResult) -> None:
        """Show what the network makes of a validation image, on that image."""
        if judged.labels is None or not self._layers:
            return
        on = self._layers[judged.pair]
        if on not in self.viewer.layers:
            return
        lead = len(judged.start) - judged.labels.ndim
        labels = judged.labels[(None,) * lead]
        place = (on, judged.start, labels.shape)
        if self._shown in self.viewer.layers and self._shown_at == place:
            # napari takes long to remove a layer and to add one
            self._shown.data = labels
            self._shown.editable = False  # new data let napari decide anew
            return
        self._drop_shown()
        self._shown, self._shown_at = self._layer_of(labels, on, judged.start), place

    def _layer_of(self, labels: Array, on: Layer, start: tuple[int, ...]) -> Layer:
        """Return a new layer of labels on an image, which stays the one that is selected."""
        selection = set(self.viewer.layers.selection)
        place, marked = geometry(on, start, self._axis), {KEY: {"preview": True}}
        layer = self.viewer.add_labels(
            labels, name="training: validation", opacity=0.5, metadata=marked, **place
        )
        layer.editable = False
        self.viewer.layers.selection = selection
        return layer

    def _drop_shown(self) -> None:
        if self._shown is not None and self._shown in self.viewer.layers:
            self.viewer.layers.remove(self._shown)
        self._shown = None

    def _finished(self, model: Model, took: float) -> None:
        self.job, self.made = None, model
        while self._news:
            self._hear(self._news.popleft().values)
        self._running(False)
        self._drop_shown()
        config = model.config
        score = "" if config.score is None else f" Best {config.scored}: {config.score:.3f}."
        self._say(f"Model {model.name!r} is ready after {duration(took)}.{score}")
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

    def _running(self, on: bool) -> None:
        self.train_button.setText("Stop" if on else "Train")
        self.train_button.setEnabled(True)
        self.sheet_button.setEnabled(not on)
        self.bar.setVisible(on)
        self.bar.setValue(0)
        if on:
            self.predict_button.setVisible(False)

    def _failed(self, error: Exception) -> None:
        self.job = None
        self._running(False)
        self._drop_shown()
        if isinstance(error, Stop):
            self._say("Stopped before the first step; nothing was kept.")
        else:
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        self.sheet_button.setEnabled(self.job is None)
        text = str(error)
        if not isinstance(error, ValueError | TypeError | OSError):
            _log.error("training failed", exc_info=error)
            text = f"{type(error).__name__}: {error}"
        self._say(text, wrong=True)
        show_error(f"Training: {text}")

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.message.setStyleSheet(f"color: {red(self)}" if wrong else "")
        self.message.setText(text)

    # ------------------------------------------------------------------ end

    def event(self, event: Any) -> bool:
        """Let go of the viewer when the dock that held the form is closed; fit its theme."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.StyleChange):
            self.rows.fit_width()
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.release()
            self.deleteLater()
        return super().event(event)

    def release(self) -> None:
        """Stop the training, which keeps its best, and let go of the viewer."""
        self._enough.set()
        for job in (self.job, self._weighing, self._cutting):
            if job is not None:
                job.stop()
        self.job = self._weighing = self._cutting = None
        self.pairs.release()


def training(network: str) -> type[TrainingForm]:
    """Return the training form with a network chosen."""
    name = "".join(word.capitalize() for word in network.split("_"))
    description = NETWORKS[network].description
    return type(f"Train{name}", (TrainingForm,), {"network": network, "__doc__": description})


def _warm_up() -> None:
    """Load the libraries of training, which would otherwise hold up its start."""
    keep_away()
    import torch  # noqa: F401

    from napari_tessera.deep.training import loop  # noqa: F401


def _release(form: TrainingForm | None) -> None:
    if form is not None:
        form.release()
