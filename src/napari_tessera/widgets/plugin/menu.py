"""Everything that stands in napari's menus: one table of groups, one of forms.

The manifest, the entry points and their tests follow from these two.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.methods.registry import METHODS

if TYPE_CHECKING:
    import napari.viewer

PLUGIN, DISPLAY = "napari-tessera", "Tessera"
"""The plugin's name, and the one that napari shows."""

SEGMENT = "napari/layers/segment"
"""The menu of napari that gives each of our groups a submenu."""

GROUPS = {
    "Repeat": SEGMENT,
    "Classical": SEGMENT,
    "Deep learning": SEGMENT,
    "Refine": SEGMENT,
    "Measure": "napari/layers/measure",
    "Judge": SEGMENT,
}
"""The menu of napari that a group stands in: under Segment as a submenu, in others by itself."""

ALONE = ("Repeat",)
"""The groups that have no submenu under Segment: their forms stand in it themselves."""


@dataclass(frozen=True)
class Entry:
    """A form in a menu.

    Attributes
    ----------
    title : str
        In the menu.
    group : str
    form : str
        Its class, or the function that makes it, as "module:name" below `napari_tessera.widgets`.
    of : object, optional
        What the function is given.
    """

    title: str
    group: str
    form: str
    of: Any = None

    @property
    def dock(self) -> str:
        """The name by which napari knows its dock, whichever menu has opened it."""
        return f"{self.title} ({DISPLAY})"

    def load(self) -> Any:
        """Return the class of the form."""
        module, made = self.form.split(":")
        form = getattr(import_module(f"napari_tessera.widgets.{module}"), made)
        return form if self.of is None else form(self.of)

    def open(self, viewer: napari.viewer.Viewer) -> Any:
        """Add the form to a viewer and return it."""
        form = self.load()(viewer)
        viewer.window.add_dock_widget(form, name=self.dock)
        return form

    def show(self, viewer: napari.viewer.Viewer) -> Any:
        """Bring the form to the front if it is open, or add it, and return it."""
        dock = self.dock_in(viewer)
        if dock is None:
            return self.open(viewer)
        dock.show()
        dock.raise_()
        return viewer.window.dock_widgets[self.dock]

    def toggle(self, viewer: napari.viewer.Viewer) -> None:
        """Add the form to a viewer; hide or show it, as napari does, if it is open already."""
        dock = self.dock_in(viewer)
        if dock is None:
            self.open(viewer)
        else:
            dock.setVisible(not dock.isVisible())

    def dock_in(self, viewer: napari.viewer.Viewer) -> Any:
        """Return the dock of the form in a viewer, None if it is not open."""
        from napari_tessera.widgets.qt.dock import enclosing_dock

        form = viewer.window.dock_widgets.get(self.dock)
        return None if form is None else enclosing_dock(form)


@dataclass(frozen=True)
class NetworkEntry(Entry):
    """The form for training under the name of a network, which is chosen there.

    Attributes
    ----------
    title, group, form, of
        As for `Entry`.
    network : str
        Its name in the registry.
    """

    network: str = ""

    @property
    def dock(self) -> str:
        """The name of the dock of the one form for training."""
        return FORMS["train"].dock

    def open(self, viewer: napari.viewer.Viewer) -> Any:
        """Add the form to a viewer, with the network chosen, and return it."""
        return self._chosen(super().open(viewer))

    def show(self, viewer: napari.viewer.Viewer) -> Any:
        """Bring the form to the front, or add it, with the network chosen; pairs stay."""
        return self._chosen(super().show(viewer))

    def toggle(self, viewer: napari.viewer.Viewer) -> None:
        """Show the form with the network chosen, whatever was shown before."""
        self.show(viewer)

    def _chosen(self, form: Any) -> Any:
        form.choose_network(self.network)
        return form


_DEEP, _JUDGE, _TRAINING = "Deep learning", "Judge", "training.form:TrainingForm"

KNOWN_NETWORKS = ("unet", "fcn", "segnet", "deeplabv3plus", "mask_rcnn", "yolov5seg")
"""Networks that people look for by name, in the order of the catalogue; the form has them all."""

FORMS = {
    **{
        name: Entry(method.display, method.group, "forms.method_form:dock", method)
        for name, method in METHODS.items()
        if not method.way.by_hand
    },
    "train": Entry("Train", _DEEP, _TRAINING),
    **{
        f"train_{name}": NetworkEntry(
            f"Train {NETWORKS[name].title}", _DEEP, _TRAINING, network=name
        )
        for name in KNOWN_NETWORKS
    },
    "models": Entry("Models", _DEEP, "training.models:Models"),
    "surgery": Entry("Edit objects", "Refine", "editing.edit_objects:Surgery"),
    "compare": Entry("Compare methods", _JUDGE, "evaluation.compare:Compare"),
    "explorer": Entry("Explore errors", _JUDGE, "evaluation.error_explorer:Explorer"),
    "proofread": Entry("Proofread", _JUDGE, "proofreading.form:Proofread"),
    "label_next": Entry("Label next", _JUDGE, "training.label_next:LabelNext"),
    "explore_table": Entry("Explore table", "Measure", "tables.explore_table:TableExplorer"),
    "sort": Entry("Sort objects", "Measure", "tables.sort_objects:SortObjects"),
    "pick": Entry("Pick objects", "Repeat", "picking.form:PickObjects"),
    "batch": Entry("Batch", "Repeat", "batch.form:BatchForm"),
    "live": Entry("Live segmentation", "Repeat", "live.form:LiveForm"),
    "recipe": Entry("Recipe", "Repeat", "recipe.form:RecipeForm"),
}
"""All entries by the names of their commands: of methods, of networks, and those of neither."""

BEGINNINGS = (
    "threshold",
    "watershed",
    "train",
    "predict",
    "detect",
    "pick",
    "surgery",
    "measure",
    "sort",
    "compare",
    "explorer",
    "proofread",
    "label_next",
    "models",
    "batch",
    "live",
    "recipe",
)
"""The forms in *Plugins > Tessera*, which napari keeps as one flat list."""


def forms_of(group: str) -> list[tuple[str, ...]]:
    """Return the names of a group's forms as its menu lists them, in sections: of methods last."""
    own = [n for n, entry in FORMS.items() if entry.group == group]
    sections = [n for n in own if n not in METHODS], [n for n in own if n in METHODS]
    return [tuple(section) for section in sections if section]


def open_form(viewer: napari.viewer.Viewer, name: str) -> Any:
    """Add a form to a viewer, as its entry in the menu does, and return it."""
    return FORMS[name].open(viewer)


def show_form(viewer: napari.viewer.Viewer, name: str) -> Any:
    """Bring a form that is open to the front, or add it, and return it."""
    return FORMS[name].show(viewer)


def open_training(viewer: napari.viewer.Viewer, network: str) -> Any:
    """Show the form for training with a network chosen, and return it.

    Parameters
    ----------
    viewer : napari.Viewer
    network : str
        A key of `napari_tessera.deep.networks.registry.NETWORKS`.
    """
    return NetworkEntry("", _DEEP, _TRAINING, network=network).show(viewer)


def toggle_form(name: str) -> None:
    """Open a form in the current viewer; hide or show it, as napari does, if it is open already."""
    import napari

    FORMS[name].toggle(napari.current_viewer())
