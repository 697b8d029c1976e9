"""How a method tells how far it has come, and hears that it is to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


class Stop(Exception):
    """Raised inside a method when the user has stopped it."""


class TooLittleDrawn(ValueError):
    """Raised when more has to be drawn before anything can be learnt from it."""


class NothingToSeparate(ValueError):
    """Raised when an image is constant, empty of values or all foreground.

    In a stack, such a plane is left empty (labels to be refined: as they are); the others go on.
    """


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Attributes
    ----------
    done, total : float
        Work done and work in all, in any unit.
    values : mapping
        Numbers or images worth showing by the way.
    """

    done: float
    total: float
    values: Mapping[str, Any] = field(default_factory=dict)


class Reporter:
    """Where progress goes; it also brings the wish to stop, by raising `Stop`.

    Parameters
    ----------
    send : callable, optional
        Takes a `Progress` whose total is 1. None reports to nobody.
    start, span : float
        The part of the whole that this reporter covers.
    """

    def __init__(
        self, send: Callable[[Progress], None] | None = None, start: float = 0.0, span: float = 1.0
    ) -> None:
        self._send, self._start, self._span = send, start, span

    @classmethod
    def of(cls, report: Callable[[Progress], None] | None) -> Reporter:
        """Return `report` itself when it is a reporter, otherwise one that sends to it."""
        return report if isinstance(report, Reporter) else cls(report)

    def __reduce__(self) -> tuple[type[Reporter], tuple[()]]:
        # sent to another process it reports to nobody
        return type(self), ()

    def __call__(self, progress: Progress) -> None:
        """Pass `progress` on, as a share of the whole."""
        if self._send is not None:
            share = self._start + self._span * progress.done / (progress.total or 1)
            self._send(Progress(share, 1, progress.values))

    def part(self, index: float, count: float) -> Reporter:
        """Return the reporter of part `index` of `count` equal ones."""
        span = self._span / (count or 1)
        return Reporter(self._send, self._start + index * span, span)


def reported(items: Sequence[T], report: Callable[[Progress], None] | None) -> Iterator[T]:
    """Yield items, and report before each how many are done.

    Parameters
    ----------
    items : sequence
    report : callable, optional
        May raise `Stop`.

    Examples
    --------
    >>> list(reported("ab", lambda progress: print(progress.done)))
    0.0
    0.5
    ['a', 'b']
    """
    report = Reporter.of(report)
    for number, item in enumerate(items):
        report(Progress(number, len(items)))
        yield item
