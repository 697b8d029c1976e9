"""The pixel size that a file gives: one unit for all axes, and nothing that is no size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from napari_tessera.signature.units import METRES
from napari_tessera.signature.units import unit as short_unit
from napari_tessera.signature.words import VoxelSize

_PREFIXES = (
    *(("yocto", "y", -24), ("zepto", "z", -21), ("atto", "a", -18), ("femto", "f", -15)),
    *(("pico", "p", -12), ("deci", "d", -1), ("deca", "da", 1), ("hecto", "h", 2)),
    *(("kilo", "k", 3), ("mega", "M", 6), ("giga", "G", 9), ("tera", "T", 12)),
    *(("peta", "P", 15), ("exa", "E", 18), ("zetta", "Z", 21), ("yotta", "Y", 24)),
)
"""Long and short, and the power of ten, of those that `METRES` does not know."""

_OTHER_METRES = {
    **{f"{short}m": 10.0**power for _, short, power in _PREFIXES},
    "thou": 2.54e-5,
    "li": 2.54e-2 / 12,
    "pt": 2.54e-2 / 72,
    "in": 2.54e-2,
    "ft": 0.3048,
    "yd": 0.9144,
    "mi": 1609.344,
    "ua": 1.495978707e11,
    "ly": 9.4607304725808e15,
    "pc": 3.0856775814914e16,
}
"""Units that OME and NGFF files may name besides those of `METRES`, in metres."""

LENGTHS = {
    "A": "angstrom",
    "nm": "nanometer",
    "um": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
}
"""Units of length, short and as NGFF writes them."""

TIMES = {
    "ps": "picosecond",
    "ns": "nanosecond",
    "us": "microsecond",
    "ms": "millisecond",
    "s": "second",
    "min": "minute",
    "h": "hour",
    "d": "day",
}
"""Units of time, short and as NGFF writes them."""

_SHORT = {
    **{f"{long}meter": f"{short}m" for long, short, _ in _PREFIXES},
    **{long: short for short, long in TIMES.items()},
    "inch": "in",
    "foot": "ft",
    "yard": "yd",
    "mile": "mi",
    "parsec": "pc",
    "µs": "us",
    "sec": "s",
}


class GivenSizes(NamedTuple):
    """Pixel size, unit of the time steps, and what is said of sizes that were none."""

    spacing: VoxelSize | None = None
    time_unit: str = ""
    notes: tuple[str, ...] = ()


NO_SIZES = GivenSizes()
"""Of a file that says nothing of them."""


def sizes_of(axes: Sequence[str], found: Mapping[str, tuple[float, str]]) -> GivenSizes:
    """Return the sizes along `axes` in one unit, that of x where it is known.

    Parameters
    ----------
    axes : sequence of str
        Name of each axis.
    found : mapping of str to (float, str)
        Size and unit by the axis' name, as the file has them. Sizes that are 0, negative or no
        number count as 1, and this is said of axes in space.

    Examples
    --------
    >>> sizes_of("zyx", {"z": (300, "nm"), "y": (0.5, "um"), "x": (0.5, "um")}).spacing
    VoxelSize((0.3, 0.5, 0.5), 'um')
    """
    good = {
        name: (float(size), _short(text))
        for name, (size, text) in found.items()
        if name in axes and math.isfinite(size) and size > 0
    }
    lengths = [name for name in "xyz" if name in good and _metres(good[name][1])]
    unit = good[lengths[0]][1] if lengths else "pixel"
    if lengths and unit not in METRES:
        unit = "um"
    notes = [
        f"the file gives {name} the size {size:g}; it is taken as 1 {unit}"
        for name, (size, _) in found.items()
        if name in "zyx" and name in axes and name not in good
    ]
    notes += [
        f"the file gives the size of {name} in {good[name][1]}; it is taken as {unit}"
        for name in "zyx"
        if lengths and name in good and name not in lengths
    ]
    numbers = {
        name: in_unit(size, own, unit) if name in lengths else size
        for name, (size, own) in good.items()
    }
    time_unit = good.get("t", (1, ""))[1]
    if not numbers:
        return GivenSizes(None, "", tuple(notes))
    voxel = VoxelSize([numbers.get(name, 1.0) for name in axes], unit)
    return GivenSizes(voxel, "" if time_unit == "px" else time_unit, tuple(notes))


def in_unit(size: float, own: str, unit: str) -> float:
    """Return a length in another unit; both are the short names of units of length.

    Examples
    --------
    >>> in_unit(300, "nm", "um")
    0.3
    """
    if own == unit:
        return size
    return float(f"{size * _metres(own) / METRES[unit]:.12g}")


def _metres(unit: str) -> float:
    return METRES.get(unit, _OTHER_METRES.get(unit, 0.0))


def places_of(
    axes: Sequence[str], found: Mapping[str, tuple[float, str]], sizes: GivenSizes
) -> tuple[float, ...]:
    """Return where an image begins along `axes`, in the unit of its sizes; () if it is at 0.

    Parameters
    ----------
    axes : sequence of str
    found : mapping of str to (float, str)
        Place and unit by the axis' name, as the file has them.
    sizes : GivenSizes
        Without a size, places have no meaning and do not count.

    Examples
    --------
    >>> places_of("yx", {"y": (300, "nm"), "x": (1, "um")}, GivenSizes(VoxelSize((1, 1), "um")))
    (0.3, 1.0)
    """
    if sizes.spacing is None:
        return ()
    unit = short_unit(sizes.spacing.unit)
    places = []
    for name in axes:
        place, own = found.get(name, (0.0, unit))
        own = _short(own)
        there = in_unit(place, own, unit) if _metres(own) and unit in METRES else place
        places.append(float(there) if math.isfinite(there) else 0.0)
    return tuple(places) if any(places) else ()


def _short(unit: str) -> str:
    """Return the short name of a unit, as formats of files write it."""
    text = short_unit(unit.strip().replace("\\u00B5", "µ"))
    return _SHORT.get(text, text)
