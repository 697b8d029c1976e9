"""Lengths as users write them, "2 px" or 1.5 or "1.5 um", in pixels of each axis."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_tessera.signature.words import VoxelSize

METRES = {
    "A": 1e-10,
    "nm": 1e-9,
    "um": 1e-6,
    "mm": 1e-3,
    "cm": 1e-2,
    "m": 1.0,
}
"""Units of length known by name, in metres."""

LONGEST = 1e6
"""Most pixels of a length along an axis: filters of that width take memory for each of them."""

_ALIASES = {
    "pixel": "px",
    "pixels": "px",
    "voxel": "px",
    "angstrom": "A",
    "Å": "A",
    "µm": "um",
    "μm": "um",
    "micron": "um",
    "microns": "um",
    "nanometer": "nm",
    "micrometer": "um",
    "millimeter": "mm",
    "centimeter": "cm",
    "meter": "m",
}
_LENGTH = re.compile(r"\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*([^\s0-9]*)\s*", re.IGNORECASE)


def unit(name: str) -> str:
    """Return the short name of a unit: "micrometer" and "µm" are "um", "pixel" is "px".

    Examples
    --------
    >>> unit("micrometer")
    'um'
    """
    return _ALIASES.get(name, name)


def parse(length: float | str, *, name: str = "length") -> tuple[float, str]:
    """Split a length into its number and its unit ("" for a bare number).

    Examples
    --------
    >>> parse("1.5 um")
    (1.5, 'um')
    """
    wanted = f"{name} is {length!r}; write a number in the units of spacing, or '2 px' or '1.5 um'"
    if isinstance(length, str):
        match = _LENGTH.fullmatch(length)
        if match is None:
            raise ValueError(wanted)
        digits: Any = match[1]
        text = unit(match[2])
        if text not in ("", "px", *METRES):
            raise ValueError(f"{wanted}; the units are px, {', '.join(METRES)}")
    elif isinstance(length, int | float | np.integer | np.floating) and length is not True:
        digits, text = length, ""
    else:
        raise TypeError(wanted)
    try:
        number = float(digits)
    except (ValueError, OverflowError):
        raise ValueError(wanted) from None
    if not 0 <= number < math.inf:
        raise ValueError(f"{wanted}; it must not be negative or infinite")
    return number, text


def physical(length: float | str, spacing: VoxelSize, *, name: str = "length") -> float:
    """Return a length in the units of `spacing`; one px is the finest pixel.

    Examples
    --------
    >>> physical("2 px", VoxelSize((2, 0.5, 0.5), "um"))
    1.0
    >>> physical("500 nm", VoxelSize((2, 0.5, 0.5), "um"))
    0.5
    """
    number, written = parse(length, name=name)
    if written == "px":
        return number * min(spacing)
    own = unit(spacing.unit)
    if written in ("", own):
        return number
    if own not in METRES:
        raise ValueError(
            f"{name} is {length!r}, but the image's pixel size has no unit of length ({own}); "
            f"write '{number:g} px', or give the image a pixel size"
        )
    return float(f"{number * METRES[written] / METRES[own]:.12g}")


def to_pixels(
    length: float | str,
    spacing: VoxelSize,
    shape: Sequence[int] | None = None,
    *,
    name: str = "length",
) -> tuple[float, ...]:
    """Return a length in pixels along each axis.

    Parameters
    ----------
    length : float or str
        A number in the units of `spacing`, or text such as "2 px" or "1.5 um".
    spacing : VoxelSize
        Pixel size along each axis.
    shape : sequence of int, optional
        Size of the image along each axis. A length over half of the longest side is refused.
    name : str
        The argument's name, for the message.

    Returns
    -------
    tuple of float
        One number per axis.

    Raises
    ------
    ValueError
        If it is over half of the longest side, or over `LONGEST` pixels along an axis.

    Examples
    --------
    >>> to_pixels("2 px", VoxelSize((2, 0.5, 0.5), "um"))
    (0.5, 2.0, 2.0)
    """
    size = physical(length, spacing, name=name)
    if shape is not None:
        side = max(n * step for n, step in zip(shape, spacing, strict=True))
        if size > side / 2 and size > min(spacing):
            raise ValueError(
                f"{name} is {length!r}, {size:g} {spacing.unit}, but half of the image's longest "
                f"side is {side / 2:g} {spacing.unit}; choose a shorter one"
            )
    if size > LONGEST * min(spacing):
        raise ValueError(
            f"{name} is {length!r}, {size / min(spacing):g} pixels along an axis; it must be at "
            f"most {LONGEST:g} pixels"
        )
    return tuple(size / step for step in spacing)


def in_ball(diameter: Sequence[float]) -> float:
    """Return how many pixels a disc or ball has, whose diameter is given along each axis.

    Examples
    --------
    >>> round(in_ball((4, 4)), 1), round(in_ball((2, 4, 4)), 1)
    (12.6, 16.8)
    """
    return (math.pi / 4 if len(diameter) == 2 else math.pi / 6) * math.prod(diameter)


def most_pixels(diameter: float | str, spacing: VoxelSize, *, name: str) -> float:
    """Return the pixels of a disc or ball, at least 1; infinity for a diameter of 0."""
    size = in_ball(to_pixels(diameter, spacing, name=name))
    return max(1.0, round(size)) if size else math.inf


def column(name: str, unit_name: str, power: int = 1) -> str:
    """Return the title of a table's column with its unit; pixels are not mentioned.

    Examples
    --------
    >>> column("area", "micrometer", 2), column("area", "pixel", 2)
    ('area (um^2)', 'area')
    """
    own = unit(unit_name)
    if own in ("px", ""):
        return name
    return f"{name} ({own})" if power == 1 else f"{name} ({own}^{power})"
