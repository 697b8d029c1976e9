"""How good the weights after an epoch are, and whether they are kept instead of others."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Merit:
    """How good the weights after an epoch are.

    Attributes
    ----------
    score : float
        Of the held-out examples; higher is better.
    loss : float
        Of the same; it decides between equal scores.
    without : tuple of float
        The score without each of the held-out examples in turn; empty where there is only one.

    References
    ----------
    L. Breiman, J. Friedman, R. Olshen, C. Stone, "Classification and regression trees", 1984 (of
    what lies within one standard error of the best, what is preferable for another reason).
    B. Efron, "The jackknife, the bootstrap and other resampling plans", 1982.
    """

    score: float = -math.inf
    loss: float = math.inf
    without: tuple[float, ...] = ()

    def is_above(self, other: Merit) -> bool:
        """Whether this one is better, by however little."""
        return (self.score, -self.loss) > (other.score, -other.loss)

    def reaches(self, best: Merit) -> bool:
        """Whether this one, of a later epoch, may be as good as the best so far.

        The few examples that are held out prefer one epoch to another by chance. A difference
        within its standard error says nothing, and later weights have learnt more, in smaller
        steps.

        Examples
        --------
        >>> best = Merit(0.8, 0.3, (0.9, 0.8, 0.7))
        >>> Merit(0.79, 0.3, (0.86, 0.8, 0.71)).reaches(best)
        True
        >>> Merit(0.7, 0.3, (0.8, 0.7, 0.6)).reaches(best)  # worse on each of the examples alike
        False
        """
        if self.is_above(best):
            return True
        if not self.without or len(self.without) != len(best.without):
            return False
        return best.score - self.score <= jackknife_error(np.subtract(best.without, self.without))


def jackknife_error(without: ArrayLike) -> float:
    """Return the standard error of a figure, from its values without each example in turn.

    Examples
    --------
    Of a mean it is the usual one.

    >>> values = np.array([0.2, 0.4, 0.9])
    >>> means = [np.delete(values, place).mean() for place in range(3)]
    >>> round(jackknife_error(means), 3), round(float(values.std(ddof=1)) / 3**0.5, 3)
    (0.208, 0.208)
    """
    values = np.asarray(without, float)
    return math.sqrt((values.size - 1) * float(values.var()))


def without_each(
    score: Callable[[Sequence[Any]], float], agreements: Sequence[Any]
) -> tuple[float, ...]:
    """Return the score without each of several examples in turn; nothing for a single one.

    Parameters
    ----------
    score : callable
        What is known of some examples -> their score.
    agreements : sequence
        What is known of each.
    """
    if len(agreements) < 2:
        return ()
    places = range(len(agreements))
    return tuple(score([*agreements[:place], *agreements[place + 1 :]]) for place in places)
