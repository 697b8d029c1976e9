"""Random numbers that belong to numbers: those of pixels, by their place alone."""

from __future__ import annotations

import numpy as np

from napari_tessera.signature.words import Array

ALL = (1 << 64) - 1
"""The highest of them."""


def scrambled(numbers: Array, seed: int) -> Array:
    """Return a random number, 64 bits, for each number; no two have the same.

    The finaliser of SplitMix64: G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom
    number generators", OOPSLA 2014.
    """
    step = 0x9E3779B97F4A7C15
    mixed = numbers.astype(np.uint64) * np.uint64(step) + np.uint64((seed + 1) * step & ALL)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
