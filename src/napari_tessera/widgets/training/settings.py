"""The rows of a training form: the network, its examples and options, and how it learns."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer, Signal

from napari_tessera.deep.inference.cost import network_cost
from napari_tessera.deep.models.config import ModelConfig
from napari_tessera.deep.models.library import find_model
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.deep.settings import (
    Augmentation,
    Examples,
    Objective,
    Optimisation,
    Transfer,
)
from napari_tessera.deep.training.kinds import TrainingKind, training_kind
from napari_tessera.deep.training.losses import suggested_losses
from napari_tessera.deep.training.task import Task
from napari_tessera.signature.parameters import parameters
from napari_tessera.widgets.forms import remembered as memory
from napari_tessera.widgets.forms.cost_line import PAUSE_MS
from napari_tessera.widgets.forms.fields.choose import field_for
from napari_tessera.widgets.forms.fields.field import Field
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.plain_text import PlainLabel
from napari_tessera.widgets.qt.rows import Rows
from napari_tessera.widgets.training.folded_settings import FoldedSettings
from napari_tessera.widgets.training.model_name import Earlier, ModelName

if TYPE_CHECKING:
    from napari.layers import Layer
    from qtpy.QtWidgets import QWidget

    from napari_tessera.widgets.forms.form import Form
    from napari_tessera.widgets.job import Job

STARTS = ("imagenet", "none")
"""What networks may start from, besides one's own models."""

GROUPS = {
    "examples": ("Examples", Examples),
    "augmentation": ("Augmentation", Augmentation),
    "objective": ("Loss", Objective),
    "optimisation": ("Optimisation", Optimisation),
    "transfer": ("Start", Transfer),
}

STAYS = "Goes on after epoch {done} of {all}. Network, examples, labels and seed stay as they were."
"""What is said of a training that goes on."""


class TrainingSettings(Rows):
    """Everything that is asked about a training.

    Parameters
    ----------
    form : Form
        Whose work it is to find out what a network costs.
    pairs : QWidget
        What is learnt from; it stands below the network.

    Attributes
    ----------
    changed : Signal
        Emitted when other rows have a meaning.
    """

    changed = Signal()

    def __init__(self, form: Form, pairs: QWidget) -> None:
        super().__init__()
        self._form = form
        self._weighing: Job | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(PAUSE_MS)
        self._rest.timeout.connect(self._weigh)
        self._before: dict[str, dict[str, Any]] = {}
        self._build()
        self._add_rows(pairs)
        remembered = memory.recall("train")
        for name, group in self.groups.items():
            if isinstance(remembered.get(name), dict):
                group.fill(remembered[name])
        self._connect()
        self._network_changed()

    def _build(self) -> None:
        self.channel_axis, self.networks = Choice("Channel axis"), Choice("Network")
        self.networks.offer([(each.title, name) for name, each in NETWORKS.items()])
        self.about, self.stays = PlainLabel(), PlainLabel()
        own = {p.name: p for p in parameters(Task)}
        self.fields: dict[str, Field] = {
            name: field_for(own[name]) for name in ("kind", "targets", "seed")
        }
        self.name, self.device = ModelName(), Choice("Device")
        self.device.offer([(name, name) for name in ("auto", "cpu", "cuda", "mps")])
        tips: dict[QWidget, str] = {
            self.networks: "What is trained; the line below says what it costs",
            self.channel_axis: "The axis of the images that holds channels, if any",
            self.device: "Where the network is trained; auto takes a graphics card if there is one",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)

    def _add_rows(self, pairs: QWidget) -> None:
        self.add("Network", self.networks)
        self.add_line(self.about)
        self.add_line(pairs)
        self.add("Channel axis", self.channel_axis)
        self.add("Labels are", self.fields["kind"].native)
        self.add("Learn", self.fields["targets"].native)
        self.add("Model name", self.name.line)
        for widget in (self.name.about, self.name.choice, self.stays):
            self.add_line(widget)
        suggestions = {"loss": suggested_losses(), "weights": STARTS}
        self.groups = {
            name: FoldedSettings(self, title, settings, suggestions=suggestions)
            for name, (title, settings) in GROUPS.items()
        }
        self.options = _Options(self.make_options)
        self.add("Device", self.device, "Device and seed")
        self.add("Seed", self.fields["seed"].native, "Device and seed")

    def _connect(self) -> None:
        self.networks.currentIndexChanged.connect(self._network_changed)
        self.fields["kind"].changed.connect(self._show_rows)
        self.name.changed.connect(self._show_rows)
        self.name.choice.currentIndexChanged.connect(self._take_over)
        for group in self.groups.values():
            group.changed.connect(self._show_rows)

    def make_options(self, name: str) -> FoldedSettings:
        """Return the options of a network, as a section above the others."""
        options = FoldedSettings(
            self,
            name,
            NETWORKS[name].config,
            heading="Network options",
            before=GROUPS["examples"][0],
            leave_out=("anchors",),  # they follow the labels
        )
        options.fill(NETWORKS[name].preset)
        for changed in (self._show_rows, self._ask_weight):
            options.changed.connect(changed)
        return options

    # ------------------------------------------------------------------ what is shown

    def _network_changed(self, *_: Any) -> None:
        self.name.suggest(NETWORKS[self.networks.chosen].title)
        self._show_rows()
        self._ask_weight()

    def _ask_weight(self, *_: Any) -> None:
        """Say what the network is good for, and how large it is once the form has rested."""
        if self._weighing is not None:
            self._weighing.stop()
        self.about.setText(NETWORKS[self.networks.chosen].description)
        self._rest.start()

    def _weigh(self) -> None:
        """Find out how large the network is, which takes a moment."""
        name, text = self.networks.chosen, self.about.text()
        options = self.options[name].changed_values()
        patch = self.groups["examples"].value.patch
        self._weighing = self._form.start(
            lambda report: network_cost(name, options, patch=patch),
            finished=lambda cost: self.about.setText(f"{text}. {cost}."),
            failed=lambda error: self.about.setText(f"{text}. {error}"),
        )

    def offer_channels(self, image: Layer | None) -> None:
        """Offer the axes of the first image, one of which may hold channels."""
        named: list[tuple[str, int | None]] = [("none", None)]
        if image is not None and not getattr(image, "rgb", False) and image.ndim > 2:
            named += [(f"{a} ({image.axis_labels[a]})", a) for a in range(image.ndim)]
        self.channel_axis.offer(named)
        self._show_rows()

    def _show_rows(self, *_: Any) -> None:
        """Show what has a meaning beside the other choices."""
        chosen, training, fields = self.options[self.networks.chosen], self.training, self.fields
        locked, kind = self.name.resumes, fields["kind"].value
        objects = kind == "objects"
        for name, group in self.options.items():
            self.show_section(name, group is chosen)
        void: dict[str, Collection[str]] = {"augmentation": training.unfit(kind)}
        if training.has_losses or objects:
            void["examples"] = ("ignore",)
        for name, group in self.groups.items():
            group.show_what_applies(void=void.get(name, ()), locked=locked and name == "examples")
        chosen.show_what_applies(locked=locked)
        self.show_section(GROUPS["objective"][0], not training.has_losses)
        self.show_row(fields["kind"].native, len(training.kinds) > 1)
        self.show_row(fields["targets"].native, objects and not training.has_losses)
        self.show_row(self.channel_axis, self.channel_axis.count() > 1)
        for widget in (self.networks, *(each.native for each in fields.values())):
            widget.setEnabled(not locked)
        self._show_earlier()
        self.fit_width()
        self.changed.emit()

    def _show_earlier(self) -> None:
        """Say what is known of a model that has the name, and what stays if it goes on."""
        earlier = self.name.earlier
        self.name.about.setVisible(earlier is not None)
        self.name.choice.setVisible(earlier is not None and earlier.model is not None)
        self.stays.setVisible(self.name.resumes)
        if earlier is not None and self.name.resumes:
            epochs = self.groups["optimisation"].value.epochs
            self.stays.setText(STAYS.format(done=earlier.epochs, all=epochs))

    # ------------------------------------------------------------------ values

    @property
    def training(self) -> TrainingKind:
        """How the chosen network is trained."""
        return training_kind(NETWORKS[self.networks.chosen])

    def task(self) -> Task:
        """Return what is to be learnt and how; what has no meaning for the network is left out."""
        training, kind = self.training, self.fields["kind"].value
        groups = {key: group.value for key, group in self.groups.items()}
        unfit = dict.fromkeys(training.unfit(kind), 0.0)
        groups["augmentation"] = replace(groups["augmentation"], **unfit)
        if training.has_losses:
            groups["objective"] = Objective()
        if training.has_losses or kind == "objects":
            groups["examples"] = replace(groups["examples"], ignore=None)
        return Task(
            network=self.networks.chosen,
            options=self.options[self.networks.chosen].changed_values(),
            kind=kind if kind in training.kinds else training.kinds[0],
            targets=self.fields["targets"].value,
            seed=self.fields["seed"].value,
            **groups,
        )

    def remember(self) -> None:
        """Keep the values for the next session, but not those for going on with a model."""
        if not self.name.resumes:
            memory.remember("train", {name: vars(g.value) for name, g in self.groups.items()})

    # ------------------------------------------------------------------ models that are there

    def start_from(self, model: str) -> None:
        """Fill in a new training that begins with the weights of a model, and its network.

        Parameters
        ----------
        model : str
            The name or folder of the model.

        Raises
        ------
        ValueError
            If there is no such model.
        """
        found = find_model(model)
        self._fill_from(found.config)
        self.groups["transfer"].fill({"weights": str(found.path)})

    def _take_over(self, *_: Any) -> None:
        """Fill in what a model that is there was trained with, if it is to go on or to begin with.

        For another model, the settings are again what they were.
        """
        chosen, earlier = self.name.chosen, self.name.earlier
        for name, values in self._before.items():
            self.groups[name].fill(values)
        self._before = {}
        if earlier is None or earlier.model is None:
            return
        if chosen.starts_from:
            self.start_from(str(earlier.model.path))
        elif chosen.resumes:
            with suppress(ValueError):  # of settings that contradict one another, none is kept
                self._before = {name: dict(vars(g.value)) for name, g in self.groups.items()}
            self._go_on(earlier, earlier.model.config)
        self._show_rows()

    def _go_on(self, earlier: Earlier, config: ModelConfig) -> None:
        """Fill in what a model was trained with, and more time if that was used up."""
        self._fill_from(config)
        for name, group in self.groups.items():
            group.fill(config.training.get(name, {}))
        self.fields["seed"].value = config.training.get("seed", self.fields["seed"].value)
        own, longer = self.groups["optimisation"], {"patience": 0}
        epochs, minutes = own.value.epochs, own.value.minutes
        if earlier.epochs >= epochs:
            longer["epochs"] = earlier.epochs + epochs
        if minutes is not None and earlier.seconds >= 60 * minutes:
            longer["minutes"] = earlier.seconds / 60 + minutes
        own.fill(longer)

    def _fill_from(self, config: ModelConfig) -> None:
        """Choose the network of a model, its options and what it has learnt."""
        self.networks.choose(config.network)
        own = NETWORKS[config.network].configure(**config.options)
        self.options[config.network].fill(vars(own))
        self.fields["kind"].value = config.kind
        targets = self.fields["targets"]
        if config.targets in targets.parameter.choices:
            targets.value = config.targets


class _Options(dict[str, FoldedSettings]):
    """The options of networks, each made when it is first asked for: there are twenty."""

    def __init__(self, make: Callable[[str], FoldedSettings]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> FoldedSettings:
        self[name] = self._make(name)
        return self[name]
