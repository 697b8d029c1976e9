"""The words every signature is written in.

A method says what it takes and gives by annotating its parameters with these names. What a form,
a command line or a check needs beyond the Python type is the one `Word` in the annotation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from napari_tessera.signature.progress import Progress

Array = NDArray[Any]


@dataclass(frozen=True)
class Word:
    """What a parameter means, beyond its Python type.

    Attributes
    ----------
    name : str
        The word: "image", "labels", "length", ...; empty for a plain number, text or choice.
    low, high : float, optional
        Smallest and largest value allowed.
    when : tuple of (str, tuple), optional
        Another parameter and those of its values with which this one has a meaning; none = with
        any but "", None and False.
    section : str
        Title under which a form collects rarely changed parameters.
    refined : bool
        Whether labels are changed: their numbers mean the same afterwards, and what is not worked
        on stays as it is.
    source : str
        Where it comes from, for those who have none; empty if its description says so.
    usual : float, optional
        A usual number for what is None by default, from which a form begins.
    """

    name: str = ""
    low: float | None = None
    high: float | None = None
    when: tuple[str, tuple[Any, ...]] | None = None
    section: str = ""
    refined: bool = False
    source: str = ""
    usual: float | None = None

    def around(self, inner: Word) -> Word:
        """Return the word of an alias with what this one, written around it, says otherwise."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        said = {name: value for name, value in own.items() if value != getattr(Word, name)}
        return replace(inner, **said)


@dataclass(frozen=True)
class ModelWord(Word):
    """Which trained networks a method is meant for: those that its form offers.

    Attributes
    ----------
    one_by_one : bool, optional
        Whether they find objects one by one, instead of scoring pixels; None = either.
    """

    one_by_one: bool | None = None

    def offers(self, one_by_one: bool) -> bool:
        """Return True for networks that do, or do not, find objects one by one."""
        return self.one_by_one in (None, one_by_one)


@dataclass(frozen=True)
class ArrayWord(Word):
    """What the values of an array mean, one or several for each pixel.

    Attributes
    ----------
    dtypes : str
        Kinds of NumPy types that it may have: "bui" = whole numbers, "buif" = real ones.
    from_points : bool
        Whether points may be given in its place.
    """

    dtypes: str = "buif"
    from_points: bool = True

    def other_axis(self, axes: int, spatial: int, channel_axis: int | None) -> int | None:
        """Return which of its axes is none of the grid's.

        Parameters
        ----------
        axes : int
            How many it has.
        spatial : int
            How many the grid has.
        channel_axis : int, optional
            Where the colours of an image are.
        """
        return None

    def as_passed(self, piece: Array, spatial: int) -> Array:
        """Return an array whose other axis is the last in the way in which methods take it."""
        return piece


class ImageWord(ArrayWord):
    """Intensities, of one or several channels."""

    def other_axis(self, axes: int, spatial: int, channel_axis: int | None) -> int | None:
        """Return the axis of the channels."""
        return channel_axis


class LabelsWord(ArrayWord):
    """Ids of classes or objects."""


class ScoresWord(ArrayWord):
    """Probabilities, of the foreground or of several classes, which come first."""

    def other_axis(self, axes: int, spatial: int, channel_axis: int | None) -> int | None:
        """Return the axis of the classes, if it has one."""
        return 0 if axes > spatial else None

    def as_passed(self, piece: Array, spatial: int) -> Array:
        """Return probabilities with the classes in front."""
        return np.moveaxis(piece, -1, 0) if piece.ndim > spatial else piece


class MaskWord(ArrayWord):
    """True (or not 0) where something is to be done."""


HIGHEST = 1e18
"""Largest intensity, if no other is said: float32 holds sums of squares of these."""

IMAGE = ImageWord("image", high=HIGHEST)
LABELS = LabelsWord("labels", dtypes="bui")
SCORES = ScoresWord("scores")
"""The words of arrays that are checked by themselves, too."""

Image = Annotated[Array, IMAGE]
"""Intensities, shape (..., Y, X)."""

AnyImage = Annotated[Array, ImageWord("image", high=float(np.finfo(np.float32).max))]
"""Intensities of which nothing is squared in float32."""

Classes = Annotated[Array, LabelsWord("classes", dtypes="bui")]
"""Class ids per pixel, 0 = background."""

Objects = Annotated[Array, LabelsWord("objects", dtypes="bui")]
"""Object ids per pixel, 0 = background."""

Labels = Annotated[Array, LABELS]
"""Class or object ids per pixel, 0 = background."""

Refined = Annotated[Array, LabelsWord("labels", dtypes="bui", refined=True)]
"""Labels that are changed into better ones of the same kind."""

Markers = Annotated[Array, ArrayWord("markers", dtypes="bui")]
"""Starting points as a labels array: 0 = none, any other value = the id that grows from there."""

Strokes = Annotated[Array, ArrayWord("strokes", dtypes="bui", from_points=False)]
"""Pixels that are drawn as examples of classes, by the id of the class: 0 = none."""

ClassScores = Annotated[Array, SCORES]
"""What a network says of each class: probabilities, shape (K, ..., Y, X)."""

Mask = Annotated[Array, MaskWord("mask", from_points=False)]
"""True (or not 0) where something is to be done."""

Polygons = Annotated[list[Array], Word("polygons")]
"""Lines of vertices in pixels, each of shape (N, D); a closed one repeats its first vertex."""

Table = Annotated[dict[str, Array], Word("table")]
"""Columns of equal length by name; the column "index" names the label or polygon of each row."""

Centres = Annotated[tuple[tuple[float, ...], ...], Word("centres")]
"""Points in the space of intensities, one row per cluster."""

Intensities = Annotated[tuple[tuple[float, float], ...], Word("intensities")]
"""Of each channel, the value that becomes 0 and the range that becomes 1."""

KnownClasses = Annotated[tuple[int, ...], Word("ids")]
"""The ids of classes, rising; 0 = background."""

_TRAIN = "train a network, then give the name or the folder of the model"

_MODEL = (
    "give the name or the folder of a model: nuclei, cells or particles, which come with "
    "napari-tessera, or a network that you have trained"
)

ModelFolder = Annotated[str, ModelWord("model", source=_MODEL)]
"""The name of one of the user's models or of a shipped one, or the path of a model folder."""

PixelModelFolder = Annotated[str, ModelWord("model", one_by_one=False, source=_MODEL)]
"""A `ModelFolder` whose network scores pixels."""

ObjectModelFolder = Annotated[str, ModelWord("model", one_by_one=True, source=_TRAIN)]
"""A `ModelFolder` whose network finds objects one by one."""

ClassifierFolder = Annotated[str, Word("classifier")]
"""The name of one of the user's pixel classifiers, or the path of its folder."""

ObjectClassifierFolder = Annotated[
    str,
    Word(
        "object_classifier",
        source="give the name or the folder of one: 'Sort objects' makes them in napari, and "
        "train_object_classifier in Python",
    ),
]
"""The name of one of the user's classifiers of objects, or the path of its folder."""

Length = Annotated[float | str, Word("length", low=0)]
"""A number in the units of `spacing`, or text such as "2 px" (finest pixels) or "1.5 um"."""

Over = Literal["planes", "volume"]
"""What is worked on at once: the last two axes, or the last three."""

AXES: Mapping[Over, int] = MappingProxyType({"planes": 2, "volume": 3})
"""How many axes are worked on at once."""

LabelsAre = Literal["objects", "classes"]
"""What labels stand for: objects, each with a number of its own, or classes of pixels."""

Fraction = Annotated[float, Word("fraction", low=0, high=1)]
"""A share, 0 to 1."""

Levels = Annotated[tuple[float, ...], Word("levels")]
"""Intensities that separate classes, in rising order."""

Spacing = Annotated[Sequence[float] | float | None, Word("spacing")]
"""Pixel size along each spatial axis, in one unit; None = 1 along each."""


class VoxelSize(tuple[float, ...]):  # noqa: SLOT001 (a tuple of any length has none)
    """Pixel size along each spatial axis, with its unit.

    Parameters
    ----------
    sizes : sequence of float
        One positive number per spatial axis, in array order, (Z, Y, X) or (Y, X).
    unit : str
        The unit of all of them: "pixel", "nm", "um", "mm", ...

    Examples
    --------
    >>> VoxelSize((2, 0.5, 0.5), "um")
    VoxelSize((2.0, 0.5, 0.5), 'um')
    """

    unit: str

    def __new__(cls, sizes: Sequence[float], unit: str = "pixel") -> Self:  # noqa: D102
        try:
            self = super().__new__(cls, (float(size) for size in sizes))
        except (TypeError, ValueError, OverflowError):
            raise TypeError(f"spacing is {sizes!r}; pass one number per spatial axis") from None
        if not all(np.isfinite(self)) or min(self, default=1) <= 0:
            raise ValueError(f"spacing is {tuple(self)}; pass one positive number per spatial axis")
        self.unit = unit
        return self

    @classmethod
    def of(cls, spacing: Sequence[float] | float | None, axes: int) -> VoxelSize:
        """Return one size per axis; None = 1 pixel, one number = the same for all."""
        if isinstance(spacing, VoxelSize) and len(spacing) == axes:
            return spacing
        unit = getattr(spacing, "unit", "pixel")
        if spacing is None:
            return cls((1.0,) * axes)
        given: Any = spacing
        several = isinstance(given, Sequence | np.ndarray) and not isinstance(given, str)
        sizes = tuple(given) if several and getattr(given, "shape", True) else (given,) * axes
        if len(sizes) != axes:
            raise ValueError(
                f"spacing is {tuple(sizes)}, but the image has {axes} spatial axes; "
                f"pass {axes} numbers"
            )
        return cls(sizes, unit)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self), self.unit

    def __repr__(self) -> str:
        return f"VoxelSize({tuple(self)}, {self.unit!r})"


@dataclass(frozen=True)
class Look:
    """How classes are named and coloured, or an image of shares from 0 to 1.

    Attributes
    ----------
    names, colours : mapping of int to str
        By the number of the class; colours as "#rrggbb". Those that nobody has chosen are missing.
    scale : str
        Name of the colours of an image, black at 0 so that what lies below is seen; "" = grey.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    colours: Mapping[int, str] = field(default_factory=dict)
    scale: str = ""


ChannelAxis = Annotated[int | None, Word("channel_axis")]
"""The axis of `image` that holds colours or channels; None = there is none."""

Report = Annotated[Callable[[Progress], None] | None, Word("report")]
"""Called with `Progress` now and then; raises `Stop` to end the work."""

Cached = Annotated[Any, Word("cache")]
"""A `Cache` for what the next run can use again, or None."""

Path = Annotated[tuple[tuple[float, ...], ...], Word("path")]
"""Points clicked or drawn, in pixels: (Y, X) in a plane, (Z, Y, X) in a volume."""

Picks = Annotated[tuple[tuple[float, ...], ...], Word("picks")]
"""Marks on objects and beside them, one row each: object, sign, and the point in pixels."""

NewLabel = Annotated[int | None, Word("new_label", low=1)]
"""The first number that is free for a new object; None = one more than the highest."""

SUPPLIED = ("spacing", "channel_axis", "report", "cache", "new_label")
"""Words that the caller's surroundings supply; no form or command line asks for them."""

FOUND = ("centres", "intensities", "ids", "forest")
"""Words for what a method's statistics find; no form or command line asks for them."""
