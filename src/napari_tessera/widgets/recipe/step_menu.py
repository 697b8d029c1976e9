"""The menu of the steps that can be added to a recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu, QWidget

from napari_tessera.methods.method import Method
from napari_tessera.widgets.qt.plain_text import menu_text
from napari_tessera.widgets.recipe.edited import EditedRecipe

OTHERS = "On the image or an earlier step"
"""Under this stand methods that do not take what the last step gives."""


class StepMenu(QMenu):
    """The methods that can follow the steps of a recipe, in the groups of napari's menus.

    Parameters
    ----------
    parent : QWidget
    edited : callable
        Returns the recipe, whenever the menu is opened.
    """

    chosen = Signal(str)
    """Sent with the name of the method."""

    def __init__(self, parent: QWidget, edited: Callable[[], EditedRecipe]) -> None:
        super().__init__(parent)
        self._edited = edited
        self.aboutToShow.connect(self.offer)

    def offer(self) -> None:
        """Offer what can follow now."""
        self.clear()
        edited = self._edited()
        self._add(self, edited.can_follow)
        if edited.can_branch:
            self.addSeparator()
            self._add(self.addMenu(OTHERS), edited.can_branch)

    def _add(self, menu: QMenu, methods: Sequence[Method]) -> None:
        groups = dict[str, QMenu]()
        for method in methods:
            if method.group not in groups:
                groups[method.group] = menu.addMenu(menu_text(method.group))
            name = method.name
            groups[method.group].addAction(
                menu_text(method.display), lambda own=name: self.chosen.emit(own)
            )
