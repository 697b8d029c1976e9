"""Images in pieces, of which other computers can count their shares.

What goes through pieces to sum something up asks `shares` for the sums of some of them at a time.
Pieces that are all here are one share; those that are read by workers have a method of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

R = TypeVar("R")


def shares(function: Callable[[Iterable[Any]], R], pieces: Iterable[Any]) -> Iterator[R]:
    """Yield what a function gives for some of the pieces after the other, in order.

    Parameters
    ----------
    function : callable
        Takes some of the pieces, and goes through them once.
    pieces : iterable

    Examples
    --------
    >>> list(shares(sum, [1, 2, 3]))
    [6]
    """
    own: Callable[..., Iterator[R]] | None = getattr(pieces, "shares", None)
    return iter([function(pieces)]) if own is None else own(function)


@dataclass(frozen=True)
class PieceView:
    """Pieces that are made of other pieces each time that they are gone through.

    Attributes
    ----------
    pieces : iterable
        Those that they are made of.
    """

    pieces: Iterable[Any]

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError

    def shares(self, function: Callable[[Iterable[Any]], R]) -> Iterator[R]:
        """Yield what a function gives for shares, see `shares`."""
        return shares(_Seen(function, replace(self, pieces=())), self.pieces)


@dataclass(frozen=True)
class _Seen:
    """Calls a function of pieces as a view shows them."""

    function: Callable[[Iterable[Any]], Any]
    view: PieceView

    def __call__(self, pieces: Iterable[Any]) -> Any:
        return self.function(replace(self.view, pieces=pieces))
