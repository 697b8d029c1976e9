"""How a run goes through a source: planes or volumes, which part, which labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from napari_tessera.pipeline.source import Region
from napari_tessera.signature.words import Over

LevelsFrom = Literal["each", "all"]


@dataclass(frozen=True)
class Walk:
    """How a run goes through a source.

    Attributes
    ----------
    over : {"planes", "volume"}, optional
        Whether the last two or the last three axes are worked on at once; None = volumes where
        there is a z axis.
    levels_from : {"each", "all"}
        Whether automatic levels are found in each plane or volume, or once in all of them.
    join : bool
        Objects keep their ids from plane to plane where they overlap.
    region : Region, optional
        The part to work on; None = everything.
    only : tuple of int
        The labels to refine, for methods that refine; the others keep their pixels. Empty = all.

    Raises
    ------
    ValueError
        If one of them is none that is known.
    """

    over: Over | None = None
    levels_from: LevelsFrom = "each"
    join: bool = False
    region: Region | None = None
    only: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check_choice("over", self.over, (None, "planes", "volume"))
        _check_choice("levels_from", self.levels_from, ("each", "all"))
        object.__setattr__(self, "only", tuple(int(number) for number in self.only))
        if any(number < 1 for number in self.only):
            raise ValueError(f"only is {self.only}; pass labels, which are 1 or more")


def _check_choice(name: str, given: Any, allowed: tuple[Any, ...]) -> None:
    if given not in allowed:
        raise ValueError(f"{name} is {given!r}; choose {' or '.join(filter(None, allowed))}")
