"""The runs of a form of recipes: begun, told of while they go on, their results kept apart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.pipeline.recipes.execution import KeptSteps, StepTools
from napari_tessera.widgets.forms.results import duration
from napari_tessera.widgets.recipe.edited import EditedRecipe
from napari_tessera.widgets.recipe.recipe_call import RecipeCall, RecipeResults
from napari_tessera.widgets.recipe.recipe_thread import RecipeThread

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_tessera.widgets.forms.form import Form
    from napari_tessera.widgets.forms.run_button import Running

KEPT_RESULTS, KEPT_NETWORKS = 1_000_000_000, 512_000_000
"""Bytes of results and of networks that a form keeps for its next run."""


@dataclass
class RunOnLayers:
    """A recipe on one layer or several, and what came of it.

    Attributes
    ----------
    calls : sequence of RecipeCall
    failed : list of str
        A sentence for each layer on which it cannot run, or has failed.
    edited : EditedRecipe, optional
        That is told what each step gave; None if that is of another layer.
    said : list of str
        Why results before were not replaced.
    given : int
        Of how many layers the results are there.
    """

    calls: Sequence[RecipeCall]
    failed: list[str] = field(default_factory=list)
    edited: EditedRecipe | None = None
    said: list[str] = field(default_factory=list)
    given: int = 0

    @property
    def counted(self) -> str:
        """On how many layers it is done, as a sentence."""
        return f"{self.given} of {self.given + len(self.failed)} layers done."


class RecipeRuns:
    """What a form has run, and keeps for its next run.

    Parameters
    ----------
    form : Form
        Which says what goes wrong.
    heard : callable
        Called when something was told.

    Attributes
    ----------
    adding : bool
        Whether results are just being put into the viewer.
    """

    def __init__(self, form: Form, heard: Callable[[], None]) -> None:
        self._form, self._heard = form, heard
        self._kept, self._cache = KeptSteps(KEPT_RESULTS), Cache(KEPT_NETWORKS)
        self._results, self.adding = RecipeResults(form.viewer), False

    @property
    def tools(self) -> StepTools:
        """What runs work with."""
        return StepTools(self._cache, kept=self._kept)

    def has_made(self, layer: Layer) -> bool:
        """Return whether a layer is the result of a run here."""
        return self._results.holds(layer)

    def start(
        self,
        running: Running,
        run: RunOnLayers,
        *,
        on: Hashable,
        finished: Callable[[RunOnLayers], None],
    ) -> None:
        """Run a recipe in a thread.

        Parameters
        ----------
        running : Running
            What shows it.
        run : RunOnLayers
        on : hashable
            What it is run on, by which is known what the steps gave.
        finished : callable
            Called when all is in the viewer.
        """
        run.calls = [self._results.replaceable(each) for each in run.calls]
        watched = [self._results.watch(each) for each in run.calls]
        thread = RecipeThread(run.calls, run.failed)
        asked = () if run.edited is None else run.edited.begin(on)

        def hear() -> None:
            for _, number, counted, seconds in thread.steps():
                if run.edited is not None:
                    run.edited.tell(asked[number], f"{counted}, {duration(seconds)}")
            for number, given in thread.given():
                self.adding = True
                try:
                    run.said += self._results.add(run.calls[number], given, watched[number])
                finally:
                    self.adding = False
                run.given += 1
            self._heard()

        def end(_: None) -> None:
            hear()
            run.failed = thread.failed
            finished(run)

        def fail(error: Exception) -> None:
            hear()
            self._form.complain(error)

        name = run.calls[0].ground.layer.name if len(run.calls) == 1 else f"{len(run.calls)} layers"
        running.start(
            thread.work, title=f"Recipe: {name}", finished=end, failed=fail, progressed=hear
        )

    def clear(self) -> None:
        """Let go of everything that is kept."""
        self._kept.clear()
        self._cache.clear()
