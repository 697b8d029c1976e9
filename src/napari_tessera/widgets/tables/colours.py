"""Colours of objects by a column of their table, and the words that say what they mean."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np

from napari_tessera.signature.words import Array

UNKNOWN = 255
"""The number of objects whose value is not known."""

_GREY = "#808080"
_SHADES, _SWATCHES = 200, 8


@dataclass(frozen=True)
class ColumnColours:
    """A number for each row of a column, and a colour for each number.

    Attributes
    ----------
    numbers : ndarray of uint8
        From 1.
    colours : dict of int to str
    key : str
        Which colour means what, as rich text.
    """

    numbers: Array
    colours: dict[int, str]
    key: str

    @property
    def shades(self) -> Array:
        """The colour of each row, shape (N,)."""
        return np.array([self.colours[number] for number in self.numbers.tolist()], str)

    @classmethod
    def of(cls, values: Array) -> ColumnColours:
        """Colour numbers from the least to the greatest, words by one colour each.

        Examples
        --------
        >>> ColumnColours.of(np.array([2.0, 4.0, np.nan])).numbers.tolist()
        [1, 200, 255]
        >>> ColumnColours.of(np.array(["b", "a", "b"])).numbers.tolist()
        [2, 1, 2]
        """
        return _of_numbers(values) if values.dtype.kind in "iuf" else _of_words(values)


def _of_numbers(values: Array) -> ColumnColours:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    known = np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0, 0)
    share = (np.where(known, values, low) - low) / ((high - low) or 1)
    numbers = np.where(known, 1 + np.rint(share * (_SHADES - 1)), UNKNOWN).astype(np.uint8)
    shades = [to_hex(each) for each in colormaps["viridis"](np.linspace(0, 1, _SHADES))]
    strip = "".join(_swatch(shades[i]) for i in np.linspace(0, _SHADES - 1, _SWATCHES).astype(int))
    key = f"{low:.4g}&nbsp;{strip}&nbsp;{high:.4g}" if known.any() else ""
    return ColumnColours(numbers, _with_unknown(shades), _and_unknown(key, known))


def _of_words(values: Array) -> ColumnColours:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    words = np.array([str(each) for each in values.tolist()])
    known = np.array([each not in (None, "") and each == each for each in values.tolist()], bool)
    names, ranks = np.unique(words[known], return_inverse=True)
    # beyond what there are numbers for, words share colours, as they do beyond ten anyway
    numbers = np.full(len(words), UNKNOWN, np.uint8)
    numbers[known] = 1 + ranks % (UNKNOWN - 1)
    ten = [to_hex(each) for each in colormaps["tab10"].colors]
    shades = [ten[number % len(ten)] for number in range(min(len(names), UNKNOWN - 1))]
    said = [
        f"{_swatch(shade)}&nbsp;{html.escape(name)}"
        for shade, name in zip(shades[:_SWATCHES], names, strict=False)
    ]
    more = f", and {len(names) - _SWATCHES} more" if len(names) > _SWATCHES else ""
    return ColumnColours(
        numbers, _with_unknown(shades), _and_unknown(" &nbsp;".join(said) + more, known)
    )


def _with_unknown(shades: list[str]) -> dict[int, str]:
    return {**dict(enumerate(shades, 1)), UNKNOWN: _GREY}


def _and_unknown(key: str, known: Array) -> str:
    return key if known.all() else f"{key} &nbsp;{_swatch(_GREY)}&nbsp;not known".strip()


def _swatch(colour: str) -> str:
    return f'<span style="color:{colour}">\u2588</span>'
