"""Which recipe a batch runs: that of a layer, or one from a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QToolButton, QWidget

from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.widgets.layers.features import recipe_of
from napari_tessera.widgets.qt.choice import Choice

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


class RecipeChoice(QWidget):
    """A choice among the layers that carry a recipe and the files that were opened.

    Parameters
    ----------
    viewer : ViewerModel
    read : callable
        Returns the recipe of a layer, None if it has none.
    others : sequence of str
        What can be chosen besides.
    """

    changed = Signal()

    def __init__(
        self,
        viewer: ViewerModel,
        *,
        read: Callable[[Layer], Recipe | None] = recipe_of,
        others: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._viewer, self._files = viewer, list[Path]()
        self._read, self.others = read, list(others)
        self.choice, self.button = Choice("Recipe"), QToolButton()
        self.button.setText("...")
        self.button.setToolTip("Open a recipe that was saved as a file")
        self.button.setAccessibleName("Open a recipe")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.choice, 1)
        row.addWidget(self.button)
        self.setFocusProxy(self.choice)
        self.button.clicked.connect(self._ask)
        self.choice.currentIndexChanged.connect(lambda: self.changed.emit())
        self.refresh()

    @property
    def recipe(self) -> Recipe:
        """The recipe that is chosen.

        Raises
        ------
        ValueError
            If none is, or it cannot be read.
        """
        chosen = self.choice.chosen
        if chosen is None:
            raise ValueError(
                "recipe is missing; open one that was saved as a file, or select a layer that a "
                "method has made"
            )
        if isinstance(chosen, Path):
            try:
                return Recipe.load(chosen)
            except OSError as error:
                raise ValueError(f"recipe {chosen.name!r} cannot be read: {error}") from error
        found = self._read(chosen)
        if found is None:
            raise ValueError(f"layer {chosen.name!r} has no recipe any more; choose another one")
        return found

    def open(self, path: Path) -> None:
        """Offer a file and choose it."""
        if path not in self._files:
            self._files.append(path)
        self.refresh()
        self.choice.choose(path)

    def offers(self, layer: Layer) -> bool:
        """Return whether a layer has a recipe."""
        with suppress(ValueError):  # of a newer version
            return self._read(layer) is not None
        return False

    def refresh(self, *_: Any) -> None:
        """List the layers anew; that which is selected is chosen if nothing was before."""
        layers = [each for each in reversed(self._viewer.layers) if self.offers(each)]
        entries: list[tuple[str, Any]] = [(each.name, each) for each in layers]
        entries += [(path.name, path) for path in self._files]
        entries += [(each, each) for each in self.others]
        active = self._viewer.layers.selection.active
        self.choice.offer(entries, active if active in layers else None)

    def setToolTip(self, text: str) -> None:
        """Say in the choice what it is for."""
        super().setToolTip(text)
        self.choice.setToolTip(text)

    def _ask(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Recipe", "", "Recipe (*.json)")
        if path:
            self.open(Path(path))
