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
    "": "napari/layers/metadata",
    "Many files": SEGMENT,
    "Classical": SEGMENT,
    "Deep learning": SEGMENT,
    "Refine": SEGMENT,
    "Measure": "napari/layers/measure",
    "Judge": SEGMENT,
}
"""The menu of napari that a group stands in: under Segment as a submenu, in others by itself."""

ALONE = ("Many files",)
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


_DEEP, _JUDGE = "Deep learning", "Judge"

FORMS = {
    **{
        name: Entry(method.display, method.group, "forms.method_form:dock", method)
        for name, method in METHODS.items()
        if not method.way.by_hand
    },
    **{
        f"train_{name}": Entry(f"Train {network.title}", _DEEP, "training.form:training", name)
        for name, network in NETWORKS.items()
    },
    "models": Entry("Models", _DEEP, "training.models:Models"),
    "surgery": Entry("Edit objects", "Refine", "editing.edit_objects:Surgery"),
    "compare": Entry("Compare methods", _JUDGE, "evaluation.compare:Compare"),
    "explorer": Entry("Explore errors", _JUDGE, "evaluation.error_explorer:Explorer"),
    "label_next": Entry("Label next", _JUDGE, "training.label_next:LabelNext"),
    "explore_table": Entry("Explore table", "Measure", "tables.explore_table:TableExplorer"),
    "batch": Entry("Batch", "Many files", "batch.form:BatchForm"),
    "recipe": Entry("Recipe of a layer", "", "forms.recipe_menu:RecipeOfLayer"),
}
"""All forms by the names of their commands: of methods, of networks, and those of neither."""

BEGINNINGS = (
    "threshold",
    "watershed",
    "train_unet",
    "predict",
    "detect",
    "surgery",
    "measure",
    "compare",
    "explorer",
    "label_next",
    "models",
    "batch",
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
    entry = FORMS[name]
    form = entry.load()(viewer)
    viewer.window.add_dock_widget(form, name=entry.dock)
    return form


def show_form(viewer: napari.viewer.Viewer, name: str) -> Any:
    """Bring a form that is open to the front, or add it, and return it."""
    dock = _dock_of(viewer, name)
    if dock is None:
        return open_form(viewer, name)
    dock.show()
    dock.raise_()
    return viewer.window.dock_widgets[FORMS[name].dock]


def toggle_form(name: str) -> None:
    """Open a form in the current viewer; hide or show it, as napari does, if it is open already."""
    import napari

    viewer = napari.current_viewer()
    dock = _dock_of(viewer, name)
    if dock is None:
        open_form(viewer, name)
    else:
        dock.setVisible(not dock.isVisible())


def _dock_of(viewer: napari.viewer.Viewer, name: str) -> Any:
    """Return the dock of a form that is open, or None."""
    from napari_tessera.widgets.forms.dock import enclosing_dock

    form = viewer.window.dock_widgets.get(FORMS[name].dock)
    return None if form is None else enclosing_dock(form)
