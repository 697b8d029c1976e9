"""How a run goes through a source: planes, volumes or blocks, which part, which labels."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any, Literal

from napari_tessera.pipeline.source import Region
from napari_tessera.signature.words import Over

LevelsFrom = Literal["each", "all"]

BlockSize = tuple[int, ...] | Literal["auto"]
"""Sides of a block in pixels, one for each axis of a plane or volume or one for all; or "auto"."""


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
    blocks : {"auto"} or tuple of int, optional
        Sides in pixels of the blocks that planes or volumes are cut into, one number for each of
        their axes or one for all; "auto" = what takes some hundred megabytes. None = they are
        worked on as a whole.

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
    blocks: BlockSize | None = None

    def __post_init__(self) -> None:
        _check_choice("over", self.over, (None, "planes", "volume"))
        _check_choice("levels_from", self.levels_from, ("each", "all"))
        object.__setattr__(self, "only", tuple(int(number) for number in self.only))
        if any(number < 1 for number in self.only):
            raise ValueError(f"only is {self.only}; pass labels, which are 1 or more")
        object.__setattr__(self, "blocks", _block_size(self.blocks))

    def in_blocks(self, blocks: BlockSize | Literal["whole"]) -> Walk:
        """Return the walk in blocks of another size, or in none.

        Examples
        --------
        >>> Walk(blocks=(8, 8)).in_blocks("whole").blocks
        """
        return replace(self, blocks=None if blocks == "whole" else blocks)


def _block_size(blocks: Any) -> BlockSize | None:
    """Return the size of blocks as it is kept, or raise an error if it is none."""
    if blocks is None:
        return None
    if isinstance(blocks, str) and blocks == "auto":
        return "auto"
    try:
        sides = tuple(operator.index(side) for side in blocks)
    except TypeError:
        sides = ()
    if not sides or min(sides) < 1:
        raise ValueError(
            f"blocks is {blocks!r}; pass sides in pixels, such as (64, 512, 512), or 'auto'"
        )
    return sides


def _check_choice(name: str, given: Any, allowed: tuple[Any, ...]) -> None:
    if given not in allowed:
        raise ValueError(f"{name} is {given!r}; choose {' or '.join(filter(None, allowed))}")
