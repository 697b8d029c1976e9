"""The recipe of a run or of a layer: show, copy, replay, save."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QMenu,
    QWidget,
)

from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import ObjectTable, Result
from napari_tessera.pipeline.source import Source
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.layers.features import write_features
from napari_tessera.widgets.layers.from_result import result_layer, show
from napari_tessera.widgets.layers.to_source import beside, dropped_axis, fits, source
from napari_tessera.widgets.qt.plain_text import menu_text

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


def replay_on_layer(form: Form, recipe: Recipe, layer: Layer) -> None:
    """Run a recipe on a layer, as work of a form, and add the result to its viewer."""
    viewer = form.viewer
    own, arrays = source_for(recipe, layer), named_arrays(recipe, viewer, layer)
    again = recipe.on(own, **arrays)

    def finished(result: Result) -> None:
        if isinstance(result, ObjectTable):
            write_features(layer, result.table or {}, again)
        else:
            show(viewer, result_layer(result, again, layer, dropped_axis(own)), layer)

    form.start(
        lambda report: recipe.run(own, report, **arrays),
        title=f"{METHODS[recipe.method].display}: {layer.name}",
        finished=finished,
    )


def source_for(recipe: Recipe, layer: Layer) -> Source:
    """Return a layer as the source of a recipe, with channels if it has as many axes as it takes.

    A recipe made on colours, or on several layers, fits a layer without channels too.
    """
    axis = recipe.first.channel_axis
    channels = isinstance(axis, int) and layer.ndim > len(recipe.first.source.get("axes", ()))
    return source(layer, channel_axis=axis if channels else None)  # type: ignore[arg-type]


def named_arrays(recipe: Recipe, viewer: ViewerModel, layer: Layer) -> dict[str, Any]:
    """Return the images that a recipe names, from the layers of these names."""
    began = recipe.first.source.get("name")
    return {
        name: beside(option, viewer.layers[data["name"]], layer)
        for number, step in enumerate(recipe.steps)
        for name, data in step.inputs.items()
        for option in METHODS[step.method].options
        if option.name == name and data.get("name", "") in viewer.layers
        if number == 0 or data["name"] != began
    }


def recipe_menu(
    form: Form, method: Callable[[], str], read: Callable[[], Callable[[], Recipe]]
) -> QMenu:
    """Return a menu that copies, replays or saves a recipe.

    Parameters
    ----------
    form : Form
        Which complains if something goes wrong.
    method : callable
        Returns the name of the method that the recipe begins with, "" while there is no recipe.
    read : callable
        Reads the form or the layer, or raises ValueError; what it returns makes the recipe, which
        takes time when painted arrays are packed, and is called in a thread.
    """
    menu = QMenu(form)

    def attempt(action: Callable[[Recipe], None]) -> None:
        def act(recipe: Recipe) -> None:
            try:
                action(recipe)
            except (ValueError, OSError) as error:
                form.complain(error)

        try:
            make = read()
        except (ValueError, TypeError) as error:
            form.complain(error)
        else:
            form.start(lambda report: make(), finished=act)

    def fill_targets() -> None:
        name = method()
        word = METHODS[name].source.word.name if name else ""
        targets.clear()
        for layer in reversed(form.viewer.layers):
            if fits(layer, word):
                replay = partial(replay_on_layer, form, layer=layer)
                targets.addAction(menu_text(layer.name), partial(attempt, replay))
        targets.setEnabled(bool(targets.actions()))

    menu.addAction("Copy as Python (console)", lambda: attempt(lambda r: _copy(r.as_python())))
    menu.addAction("Copy as Python (script)", lambda: attempt(lambda r: _copy(r.as_python("file"))))
    menu.addAction("Copy as command", lambda: attempt(lambda r: _copy(r.as_command())))
    menu.addAction(
        "Copy as JSON", lambda: attempt(lambda r: _copy(json.dumps(r.to_dict(), indent=2)))
    )
    targets = menu.addMenu("Replay on")
    menu.addAction("Save ...", lambda: attempt(lambda r: _save(form, r)))
    menu.aboutToShow.connect(fill_targets)
    return menu


def _copy(text: str) -> None:
    QApplication.clipboard().setText(text)
    show_info("Copied.")


def _save(parent: QWidget, recipe: Recipe) -> None:
    path, _ = QFileDialog.getSaveFileName(parent, "Save recipe", f"{recipe.method}.json", "*.json")
    if path:
        recipe.save(path, overwrite=True)  # the dialog has asked
        show_info("Saved.")
