"""The recipe of a run or of a layer: show, copy, replay, save."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipe import Recipe
from napari_tessera.pipeline.result import ObjectTable, Result
from napari_tessera.widgets.job import Job
from napari_tessera.widgets.layers.features import recipe_of, write_features
from napari_tessera.widgets.layers.from_result import named_by, result_layer, show
from napari_tessera.widgets.layers.to_source import beside, dropped_axis, fits, source

if TYPE_CHECKING:
    import napari.viewer
    from napari.components import ViewerModel
    from napari.layers import Layer


def replay_on_layer(
    recipe: Recipe,
    viewer: ViewerModel,
    layer: Layer,
    failed: Callable[[Exception], None],
) -> Job:
    """Run a recipe on a layer in a thread and add the result."""
    # a recipe made on colours, or on several layers, fits a layer without channels too
    axis = recipe.first.channel_axis
    channels = isinstance(axis, int) and layer.ndim > len(recipe.first.source.get("axes", ()))
    own = source(layer, channel_axis=axis if channels else None)  # type: ignore[arg-type]
    arrays = _named(recipe, viewer, layer)
    again = recipe.on(own, **arrays)

    def finished(result: Result) -> None:
        if isinstance(result, ObjectTable):
            write_features(layer, result.table or {}, again)
        else:
            show(viewer, result_layer(result, again, layer, dropped_axis(own)), layer)

    job = Job(
        lambda report: recipe.run(own, report, **arrays),
        title=f"{METHODS[recipe.method].display}: {layer.name}",
        finished=finished,
        failed=failed,
    )
    job.start()
    return job


def _named(recipe: Recipe, viewer: ViewerModel, layer: Layer) -> dict[str, Any]:
    """Return the images that a recipe names, from the layers of these names."""
    began = recipe.first.source["name"]
    return {
        name: beside(option, viewer.layers[data["name"]], layer)
        for number, step in enumerate(recipe.steps)
        for name, data in step.inputs.items()
        for option in METHODS[step.method].options
        if option.name == name and data.get("name", "") in viewer.layers
        if number == 0 or data["name"] != began
    }


def recipe_menu(
    parent: QWidget,
    viewer: ViewerModel,
    method: Callable[[], str],
    read: Callable[[], Callable[[], Recipe]],
    failed: Callable[[Exception], None],
) -> QMenu:
    """Return a menu that copies, replays or saves a recipe.

    Parameters
    ----------
    parent : QWidget
    viewer : ViewerModel
    method : callable
        Returns the name of the recipe's method, "" while there is no recipe.
    read : callable
        Reads the form or the layer, or raises ValueError; what it returns makes the recipe, which
        takes time when painted arrays are packed, and is called in a thread.
    failed : callable
        Takes the exception if something goes wrong.
    """
    menu = QMenu(parent)
    jobs: list[Job] = []

    def attempt(action: Callable[[Recipe], None]) -> None:
        def act(recipe: Recipe) -> None:
            try:
                action(recipe)
            except (ValueError, OSError) as error:
                failed(error)

        try:
            make = read()
        except (ValueError, TypeError) as error:
            failed(error)
            return
        jobs[:] = [Job(lambda report: make(), title="", finished=act, failed=failed)]
        jobs[0].start()

    def again(recipe: Recipe, layer: Layer) -> None:
        jobs.append(replay_on_layer(recipe, viewer, layer, failed))

    def fill_targets() -> None:
        name = method()
        word = METHODS[name].source.word.name if name else ""
        targets.clear()
        for layer in reversed(viewer.layers):
            if fits(layer, word):
                targets.addAction(
                    layer.name, lambda layer=layer: attempt(lambda recipe: again(recipe, layer))
                )
        targets.setEnabled(bool(targets.actions()))

    menu.addAction("Copy as Python (console)", lambda: attempt(lambda r: _copy(r.as_python())))
    menu.addAction("Copy as Python (script)", lambda: attempt(lambda r: _copy(r.as_python("file"))))
    menu.addAction("Copy as command", lambda: attempt(lambda r: _copy(r.as_command())))
    targets = menu.addMenu("Replay on")
    menu.addAction("Save ...", lambda: attempt(lambda r: _save(parent, r)))
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


class RecipeOfLayer(QWidget):
    """Show, copy or replay the recipe that the selected layer carries.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.text, self.note, self.button = QPlainTextEdit(), QLabel(), QPushButton("Use recipe")
        self.text.setReadOnly(True)
        self.note.setWordWrap(True)
        column = QVBoxLayout(self)
        column.addWidget(self.note)
        column.addWidget(self.text, 1)
        column.addWidget(self.button)
        self.button.setMenu(
            recipe_menu(
                self.button,
                self.viewer,
                self._method,
                self._made,
                lambda error: self.note.setText(str(error)),
            )
        )
        self.viewer.layers.selection.events.active.connect(self.refresh)
        self.refresh()

    def _recipe(self) -> Recipe:
        layer = self.viewer.layers.selection.active
        recipe = None if layer is None else recipe_of(layer)
        if recipe is None:
            raise ValueError("The selected layer has no recipe; select a result of a method.")
        return recipe

    def _method(self) -> str:
        try:
            return self._recipe().method
        except ValueError:
            return ""

    def _made(self) -> Callable[[], Recipe]:
        recipe = self._recipe()
        return lambda: recipe

    def refresh(self, event: Any = None) -> None:
        """Show the recipe of the selected layer."""
        try:
            recipe = self._recipe()
        except ValueError as error:
            self.note.setText(str(error))
            self.text.setPlainText("")
            self.button.setEnabled(False)
            return
        method = named_by(METHODS[recipe.method])
        self.note.setText(f"{method.capitalize()} of {recipe.source.get('name', 'an image')}")
        self.text.setPlainText(json.dumps(recipe.to_dict(), indent=2))
        self.button.setEnabled(True)
