"""Patches of new examples, and as many of those that a model has learnt before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_tessera.deep.data.patches import Patch, Patches

if TYPE_CHECKING:
    import numpy as np

    from napari_tessera.deep.data.preparation import Data

REPLAYED = 0.5
"""Share of the patches that are of before, see docs/accuracy.md."""


@dataclass(frozen=True)
class ReplayedPatches(Patches):
    """Patches, of which every second one, at random, is of other examples.

    Attributes
    ----------
    old : Patches, optional
        Of these.

    References
    ----------
    A. Robins, "Catastrophic forgetting, rehearsal and pseudorehearsal", Connection Science 7, 1995.
    """

    old: Patches | None = None

    @classmethod
    def of(cls, new: Patches, old: Data, *, everywhere: bool) -> ReplayedPatches:
        """Return patches that are cut from old examples too, as said anywhere in them or not."""
        before = replace(new, data=old, everywhere=everywhere)
        return cls(new.data, new.side, new.margin, new.augmentation, new.everywhere, before)

    def cut(self, random: np.random.Generator) -> Patch:
        """Return a patch, and where it is from."""
        if self.old is not None and random.random() < REPLAYED:
            return self.old.cut(random)
        return super().cut(random)
