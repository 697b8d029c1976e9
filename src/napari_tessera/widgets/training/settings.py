"""The rows of a training form: the network, its options, and how it learns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLineEdit, QWidget

from napari_tessera.deep.inference.cost import network_cost
from napari_tessera.deep.models.library import find_model, free_name
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
from napari_tessera.widgets.forms.choice import Choice
from napari_tessera.widgets.forms.fields.choose import field_for
from napari_tessera.widgets.forms.fields.field import Field
from napari_tessera.widgets.forms.plain_text import PlainLabel
from napari_tessera.widgets.forms.rows import Rows
from napari_tessera.widgets.forms.settings_group import Group

if TYPE_CHECKING:
    from napari.layers import Layer

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


class TrainingSettings(Rows):
    """Everything that is asked about a training, besides what it learns from.

    Parameters
    ----------
    form : Form
        Whose work it is to find out what a network costs.
    network : str
        That is chosen at first.

    Attributes
    ----------
    changed : Signal
        Emitted when other rows have a meaning.
    """

    changed = Signal()

    def __init__(self, form: Form, network: str) -> None:
        super().__init__()
        self._form = form
        self._weighing: Job | None = None
        self._build(network)
        self._add_rows()
        self._connect()
        for name, values in memory.recall("train").items():
            if name in self.groups and isinstance(values, dict):
                self.groups[name].fill(values)
        self._network_changed()

    def _build(self, network: str) -> None:
        self.channel_axis, self.networks = Choice("Channel axis"), Choice("Network")
        self.networks.offer([(each.title, name) for name, each in NETWORKS.items()])
        self.networks.choose(network)
        self.about = PlainLabel()
        own = {p.name: p for p in parameters(Task)}
        self.fields: dict[str, Field] = {
            name: field_for(own[name]) for name in ("kind", "targets", "seed")
        }
        self.name, self.device = QLineEdit(), Choice("Device")
        self.device.offer([(name, name) for name in ("auto", "cpu", "cuda", "mps")])
        suggestions = {"loss": suggested_losses(), "weights": STARTS}
        self.groups = {
            name: Group(settings, suggestions=suggestions) for name, (_, settings) in GROUPS.items()
        }
        self.options = _Options(self)
        tips: dict[QWidget, str] = {
            self.networks: "What is trained; the line below says what it costs",
            self.channel_axis: "The axis of the images that holds channels, if any",
            self.name: "The model is kept under this name, in your folder of models",
            self.device: "Where the network is trained; auto takes a graphics card if there is one",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)

    def _add_rows(self) -> None:
        self.add("Network", self.networks)
        self.add_line(self.about)
        self.add("Channel axis", self.channel_axis)
        self.add("Labels are", self.fields["kind"].native)
        self.add("Learn", self.fields["targets"].native)
        self.add("Model name", self.name)
        for name, (title, _) in GROUPS.items():
            self.groups[name].add_to(self, title)
        self.add("Device", self.device, "Device and seed")
        self.add("Seed", self.fields["seed"].native, "Device and seed")

    def _connect(self) -> None:
        self.networks.currentIndexChanged.connect(self._network_changed)
        self.fields["kind"].changed.connect(self._show_rows)
        for group in self.groups.values():
            group.changed.connect(self._show_rows)

    def make_options(self, name: str) -> Group:
        """Return the options of a network, as rows above the others."""
        # anchors follow the labels
        group = Group(NETWORKS[name].config, leave_out=("anchors",))
        group.fill(NETWORKS[name].preset)
        self.add_section(name, before=GROUPS["examples"][0], heading="Network options")
        group.add_to(self, name)
        for changed in (self._show_rows, self._weigh):
            group.changed.connect(changed)
        return group

    def _network_changed(self, *_: Any) -> None:
        name = self.networks.chosen
        own, titles = self.name.text(), tuple(each.title for each in NETWORKS.values())
        if not own or own.startswith(titles):  # a name that the form has made up
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
        chosen = self.options[self.networks.chosen]
        for name, group in self.options.items():
            self.show_section(name, group is chosen)
        for group in (chosen, *self.groups.values()):
            group.show_what_applies()
        training, targets = self.training, self.fields["targets"]
        for name in training.unfit:
            self.show_row(self.groups["augmentation"].fields[name].native, False)
        self.show_section(GROUPS["objective"][0], not training.has_losses)
        self.show_row(self.fields["kind"].native, len(training.kinds) > 1)
        pictured = targets.parameter.applies({"kind": self.fields["kind"].value})
        self.show_row(targets.native, pictured and not training.has_losses)
        void = self.fields["kind"].value == "classes" and not training.has_losses
        self.show_row(self.groups["examples"].fields["ignore"].native, void)
        self.show_row(self.channel_axis, self.channel_axis.count() > 1)
        self.fit_width()
        self.changed.emit()

    # ------------------------------------------------------------------ values

    @property
    def training(self) -> TrainingKind:
        """How the chosen network is trained."""
        return training_kind(NETWORKS[self.networks.chosen])

    def task(self) -> Task:
        """Return what is to be learnt and how; what has no meaning for the network is left out."""
        training, kind = self.training, self.fields["kind"].value
        groups = {key: group.value for key, group in self.groups.items()}
        unfit = dict.fromkeys(training.unfit, 0.0)
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
        """Keep the values for the next session."""
        memory.remember("train", {name: vars(g.value) for name, g in self.groups.items()})

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
            targets = self.fields["targets"]
            if config.targets in targets.parameter.choices:
                targets.value = config.targets
            self.groups["transfer"].fill({"weights": str(taught.path)})
        smaller = min(patch, self.groups["examples"].value.patch)
        self.groups["examples"].fill({"patch": smaller})


class _Options(dict[str, Group]):
    """The options of networks, each made when it is first asked for: there are twenty."""

    def __init__(self, settings: TrainingSettings) -> None:
        super().__init__()
        self._settings = settings

    def __missing__(self, name: str) -> Group:
        self[name] = self._settings.make_options(name)
        return self[name]
