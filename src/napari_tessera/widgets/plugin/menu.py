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

SEGMENT = "napari/layers/segment"
"""The menu of napari that gives each of our groups a submenu."""

GROUPS = {
    "": "napari/layers/metadata",
    "Classical": SEGMENT,
    "Deep learning": SEGMENT,
    "Refine": SEGMENT,
    "Measure": "napari/layers/measure",
    "Judge": "napari/layers/visualize",
}
"""The menu of napari that a group stands in: under Segment as a submenu, in others by itself."""


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
    dock : str
        The title of its dock, if it is not that of group and entry.
    """

    title: str
    group: str
    form: str
    of: Any = None
    dock: str = ""

    @property
    def display(self) -> str:
        """The title of its dock, by which napari knows the widget."""
        return self.dock or f"{self.group}: {self.title}"

    def load(self) -> Any:
        """Return the class of the form."""
        module, made = self.form.split(":")
        form = getattr(import_module(f"napari_tessera.widgets.{module}"), made)
        return form if self.of is None else form(self.of)


_DEEP, _JUDGE = "Deep learning", "Judge"
_RECIPE = "Recipe: show, copy, replay"

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
    "recipe": Entry(_RECIPE, "", "forms.recipe_menu:RecipeOfLayer", dock="Recipe of a layer"),
}
"""All forms by the names of their commands: of methods, of networks, and those of neither."""


def forms_of(group: str) -> list[str]:
    """Return the names of a group's forms as its menu lists them: those of methods last."""
    own = [name for name, entry in FORMS.items() if entry.group == group]
    return sorted(own, key=lambda name: name in METHODS)


def open_form(viewer: napari.viewer.Viewer, name: str) -> Any:
    """Add a form to a viewer, as its entry in the menu does, and return it."""
    entry = FORMS[name]
    form = entry.load()(viewer)
    viewer.window.add_dock_widget(form, name=entry.display)
    return form


def show_form(viewer: napari.viewer.Viewer, name: str) -> Any:
    """Bring a form that is open to the front, or add it, and return it."""
    form = viewer.window.dock_widgets.get(FORMS[name].display)
    if form is None:
        return open_form(viewer, name)
    dock = form.parent()
    dock.show()
    dock.raise_()
    return form
