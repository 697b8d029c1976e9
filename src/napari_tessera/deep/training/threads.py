"""With how many threads steps are fast: found by taking the first steps with several numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

TRIES = 4
"""Steps with each number; the first, in which PyTorch prepares itself, is not counted."""

GAIN = 0.9
"""More threads are taken if a step then takes at most this share of its time: others work too."""

RARE = 20
"""At most one step in so many is a try; shorter trainings take the threads that PyTorch takes."""


@dataclass
class ThreadTrial:
    """Numbers of threads, tried one after the other on the steps of a training.

    Attributes
    ----------
    most : int
        Threads at most.
    seconds : dict of int to list of float
        What steps took, by the number of threads.

    Examples
    --------
    >>> trial = ThreadTrial(4)
    >>> while not trial.over:
    ...     trial.took(1.0 if trial.number < 4 else 0.5)
    >>> trial.number
    4
    """

    most: int
    seconds: dict[int, list[float]] = field(default_factory=dict)

    @property
    def numbers(self) -> list[int]:
        """What is tried at most: 1, 2, 4, ... threads."""
        return [*(2**power for power in range((self.most - 1).bit_length())), self.most]

    def pays(self, steps: int) -> bool:
        """Return whether a training of so many steps is long enough to try."""
        return self.most > 1 and steps >= RARE * TRIES * len(self.numbers)

    @property
    def number(self) -> int:
        """How many threads the next step takes."""
        for each in self.numbers:
            if len(self.seconds.get(each, [])) < TRIES and not self.over:
                return each
        best = min(self._fastest.values())
        return next(each for each, took in self._fastest.items() if took * GAIN <= best)

    @property
    def over(self) -> bool:
        """Whether all is known: the last was tried, or the last two were no faster than others."""
        tried = list(self._fastest.values())
        slower = len(tried) > 2 and min(tried[-2:]) >= min(tried[:-2])
        return len(tried) == len(self.numbers) or slower

    def took(self, seconds: float) -> None:
        """Hear how long a step took with `number` threads."""
        self.seconds.setdefault(self.number, []).append(seconds)

    @property
    def _fastest(self) -> dict[int, float]:
        """The fastest step of each number that was tried to its end, fewest threads first."""
        return {
            number: min(took[1:]) for number, took in self.seconds.items() if len(took) == TRIES
        }

    def __str__(self) -> str:
        chosen, found = self.number, self._fastest
        others = ", ".join(f"{took:.3g} s on {number}" for number, took in found.items())
        return f"Trains on {_threads(chosen)}: a step takes {others}."


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"
