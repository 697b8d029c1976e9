"""A recipe that runs in a thread, on one layer after the other, and what it has told so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TypeVar

from napari_tessera.signature.progress import Reporter, Stop
from napari_tessera.signature.system_errors import sentence_of
from napari_tessera.widgets.recipe.recipe_call import GivenLayer, RecipeCall

T = TypeVar("T")


class RecipeThread:
    """Runs of a recipe, told of as they go on.

    Parameters
    ----------
    calls : sequence of RecipeCall
    failed : sequence of str
        What is said of layers on which it cannot run.

    Attributes
    ----------
    failed : list of str
        A sentence for each layer on which it has failed.
    """

    def __init__(self, calls: Sequence[RecipeCall], failed: Sequence[str] = ()) -> None:
        self.calls, self.failed = calls, list(failed)
        self._steps = deque[tuple[int, int, str, float]]()
        self._given = deque[tuple[int, list[GivenLayer]]]()

    def work(self, report: Reporter) -> None:
        """Run the recipe on all layers; called in the thread.

        Raises
        ------
        Exception
            What has gone wrong, where there is one layer only.
        """
        alone = len(self.calls) == 1 and not self.failed
        for number, call in enumerate(self.calls):

            def told(step: int, words: str, seconds: float, own: int = number) -> None:
                self._steps.append((own, step, words, seconds))

            try:
                found = call.run(told, report.part(number, len(self.calls)))
            except Stop:
                raise
            except Exception as error:
                if alone:
                    raise
                reason = sentence_of(error)
                self.failed.append(f"{call.ground.layer.name}: {reason}")
            else:
                self._given.append((number, found))

    def steps(self) -> Iterator[tuple[int, int, str, float]]:
        """Yield what was told of steps since this was asked last: of which layer, which step."""
        yield from _taken(self._steps)

    def given(self) -> Iterator[tuple[int, list[GivenLayer]]]:
        """Yield what was given for the viewer since this was asked last, by the number of a run."""
        yield from _taken(self._given)


def _taken(queue: deque[T]) -> Iterator[T]:
    while queue:
        yield queue.popleft()
