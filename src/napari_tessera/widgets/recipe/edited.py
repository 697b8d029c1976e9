"""A recipe while it is edited: its steps, and how each change is taken back."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Hashable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_tessera.methods.method import Method
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.chain import (
    check_order,
    grounds_for,
    takes,
    with_moved,
    without,
)
from napari_tessera.pipeline.recipes.recipe import Recipe

Steps = tuple[Recipe, ...]


class EditedRecipe:
    """The steps of a recipe, with what they were before each change.

    Parameters
    ----------
    steps : sequence of Recipe
        What is edited; none for a recipe that has to be put together.

    """

    def __init__(self, steps: Sequence[Recipe] = ()) -> None:
        self._states: list[tuple[Steps, Hashable]] = [(tuple(steps), None)]
        self._done: list[tuple[Recipe, str]] = []
        self._on: Hashable = None

    @property
    def steps(self) -> Steps:
        """The steps as they are now."""
        return self._states[-1][0]

    @property
    def is_edited(self) -> bool:
        """Whether there is a change to be taken back."""
        return len(self._states) > 1

    @property
    def recipe(self) -> Recipe:
        """The steps as one recipe.

        Raises
        ------
        ValueError
            If there is none.
        """
        if not self.steps:
            raise ValueError("the recipe has no step yet; press Add step")
        return Recipe.chain(*self.steps)

    def change(self, steps: Sequence[Recipe], what: Hashable = None) -> None:
        """Go on with other steps; changes of the same thing one after another are one."""
        steps, (now, last) = tuple(steps), self._states[-1]
        if steps == now:
            return
        if what is not None and what == last:
            self._states[-1] = steps, what
        else:
            self._states.append((steps, what))

    def undo(self) -> None:
        """Take the last change back, if there is one."""
        if self.is_edited:
            self._states.pop()

    def revert(self) -> None:
        """Take all changes back, by a change that can be taken back itself."""
        self.change(self._states[0][0])

    # ------------------------------------------------------------------ what was run

    def begin(self, on: Hashable) -> Steps:
        """Forget what the steps gave, as they are run on something; return them."""
        self._on, self._done = on, []
        return self.steps

    def tell(self, step: Recipe, words: str) -> None:
        """Keep what the next step gave, as it was when the run began."""
        self._done.append((step, words))

    def words(self, on: Hashable) -> list[str]:
        """Return what the steps gave on something, up to the first that has changed since."""
        if on != self._on:
            return []
        pairs = zip(self.steps, self._done, strict=False)
        same = itertools.takewhile(lambda pair: pair[0] == pair[1][0], pairs)
        return [words for _, (_, words) in same]

    # ------------------------------------------------------------------ changes

    def with_parameters(self, number: int, what: Hashable, **parameters: Any) -> None:
        """Change parameters of a step, see `Recipe.with_parameters`."""
        self.change(self.recipe.with_parameters(number, **parameters).steps, (number, what))

    def walk(self, number: int, walked: Mapping[str, Any]) -> None:
        """Change how a step goes through a stack: over, levels_from, join."""
        steps = list(self.steps)
        steps[number] = replace(steps[number], **walked)
        self.change(steps, (number, "walk"))

    def add(self, step: Recipe) -> None:
        """Add a step at the end."""
        self.change(Recipe.chain(*self.steps, step).steps)

    def remove(self, number: int) -> None:
        """Take a step out."""
        self.change(self.recipe.without_step(number).steps)

    def move(self, number: int, to: int) -> None:
        """Put a step at another place."""
        self.change(self.recipe.with_step_moved(number, to).steps)

    def can_remove(self, number: int) -> bool:
        """Return whether what follows a step can do without it."""
        try:
            return self._fits(without(self.steps, number))
        except ValueError:  # another one names it
            return False

    def can_move(self, number: int, to: int) -> bool:
        """Return whether a step can stand at another place."""
        return 0 <= to < len(self.steps) and self._fits(with_moved(self.steps, number, to))

    def _fits(self, steps: Sequence[Recipe]) -> bool:
        """Return whether steps can follow one another, and begin with the same kind of layer."""
        try:
            check_order(steps)
        except ValueError:
            return False
        return METHODS[steps[0].method].source.is_labels == self._methods[0].source.is_labels

    @property
    def _methods(self) -> list[Method]:
        return [METHODS[each.method] for each in self.steps]

    @property
    def can_follow(self) -> list[Method]:
        """The methods that take what the last step gives."""
        before = self._methods
        return [m for m in METHODS.values() if not m.way.by_hand and takes(m, before)]

    @property
    def can_branch(self) -> list[Method]:
        """The methods that take something else: the recipe's image, or what a step before gives."""
        before = self._methods
        others = (m for m in METHODS.values() if not m.way.by_hand and not takes(m, before))
        return [m for m in others if grounds_for(m.source, before)]


class EditedRecipes:
    """Recipes by what they were read from, with the changes that were made of them."""

    def __init__(self) -> None:
        # layers that are gone take theirs along
        self._of_layers: weakref.WeakKeyDictionary[Any, EditedRecipe] = weakref.WeakKeyDictionary()
        self._of_others: dict[str | Path | None, EditedRecipe] = {}

    def of(self, origin: Any, read: Callable[[], Sequence[Recipe]]) -> EditedRecipe:
        """Return the recipe of a layer, a file or a name: as it was changed, or read anew.

        Parameters
        ----------
        origin : Layer, Path, str or None
        read : callable
            Returns its steps.
        """
        others = isinstance(origin, str | Path | None)
        kept: MutableMapping[Any, EditedRecipe] = self._of_others if others else self._of_layers
        known = kept.get(origin)
        if known is not None and known.is_edited:
            return known
        steps = tuple(read())
        if known is None or known.steps != steps:
            known = kept[origin] = EditedRecipe(steps)
        return known

    def keep(self, name: str, edited: EditedRecipe) -> None:
        """Keep a recipe under a name."""
        self._of_others[name] = edited
