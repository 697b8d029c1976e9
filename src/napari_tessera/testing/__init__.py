"""What every method promises, as checks that other plugins can run on methods of their own.

>>> from napari_tessera import METHODS
>>> image = np.arange(6400.0).reshape(80, 80) % 7
>>> check_method(Case(METHODS["threshold"], {"image": image}))
"""

from napari_tessera.testing.contracts import (
    CONTRACTS,
    Case,
    NotPromised,
    check_blocks,
    check_extents,
    check_input,
    check_kind,
    check_layouts,
    check_method,
    check_part,
    check_repeats,
    check_same,
    check_types,
)

__all__ = [
    "CONTRACTS",
    "Case",
    "NotPromised",
    "check_blocks",
    "check_extents",
    "check_input",
    "check_kind",
    "check_layouts",
    "check_method",
    "check_part",
    "check_repeats",
    "check_same",
    "check_types",
]
