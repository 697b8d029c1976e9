"""Where the arrays of a call lie in a whole, of which they are a part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_Box = tuple[slice, ...]


@dataclass(frozen=True)
class PartOfWhole:
    """A box of a plane or volume that is passed to a method.

    Attributes
    ----------
    whole : tuple of int
        Shape of the plane or volume, channels not counted.
    seen : tuple of slice
        What is passed.
    core : tuple of slice
        What counts of it; the rest is there to be looked at.
    reach : int
        How many pixels around the core are compared with other parts, and count as well.

    Examples
    --------
    >>> part = PartOfWhole((9, 9), (slice(2, 7), slice(0, 4)), (slice(3, 6), slice(0, 3)))
    >>> part.start, part.inner
    ((2, 0), (slice(1, 4, None), slice(0, 3, None)))
    """

    whole: tuple[int, ...]
    seen: _Box
    core: _Box
    reach: int = 0

    @classmethod
    def all_of(cls, shape: tuple[int, ...]) -> PartOfWhole:
        """Return the whole as a part of itself."""
        box = tuple(slice(0, length) for length in shape)
        return cls(tuple(shape), box, box)

    @property
    def is_all(self) -> bool:
        """Whether it is the whole."""
        return self.seen == self.all_of(self.whole).seen

    def along(self, axes: int) -> PartOfWhole:
        """Return it along the last axes alone."""
        return PartOfWhole(self.whole[-axes:], self.seen[-axes:], self.core[-axes:], self.reach)

    def around(self, width: int) -> PartOfWhole:
        """Return the core with less of what lies around it, so many pixels at most.

        Examples
        --------
        >>> PartOfWhole((9,), (slice(0, 9),), (slice(3, 6),)).around(1).seen
        (slice(2, 7, None),)
        """
        seen = tuple(
            slice(max(out.start, own.start - width), min(out.stop, own.stop + width))
            for own, out in zip(self.core, self.seen, strict=True)
        )
        return PartOfWhole(self.whole, seen, self.core, self.reach)

    def box_in(self, other: PartOfWhole) -> _Box:
        """Return what is seen of it in what is seen of another part."""
        return tuple(
            slice(own.start - first, own.stop - first)
            for own, first in zip(self.seen, other.start, strict=True)
        )

    def flipped(self, axes: Sequence[int]) -> PartOfWhole:
        """Return where it lies when the whole is mirrored along some axes.

        Examples
        --------
        >>> PartOfWhole((9,), (slice(2, 7),), (slice(3, 6),)).flipped([0]).seen
        (slice(2, 7, None),)
        """

        def mirrored(box: _Box) -> _Box:
            return tuple(
                slice(n - own.stop, n - own.start) if axis in axes else own
                for axis, (own, n) in enumerate(zip(box, self.whole, strict=True))
            )

        return PartOfWhole(self.whole, mirrored(self.seen), mirrored(self.core), self.reach)

    @property
    def start(self) -> tuple[int, ...]:
        """The first pixel of what is passed, in the whole."""
        return tuple(each.start for each in self.seen)

    @property
    def compared(self) -> _Box:
        """The core and what is compared around it, in what is passed.

        Examples
        --------
        >>> PartOfWhole((9,), (slice(2, 9),), (slice(3, 6),), reach=2).compared
        (slice(0, 6, None),)
        """
        return tuple(
            slice(max(0, own.start - self.reach - first), own.stop + self.reach - first)
            for own, first in zip(self.core, self.start, strict=True)
        )

    @property
    def inner(self) -> _Box:
        """What counts, in what is passed."""
        return tuple(
            slice(own.start - first, own.stop - first)
            for own, first in zip(self.core, self.start, strict=True)
        )


_CURRENT: ContextVar[PartOfWhole | None] = ContextVar("part of a whole", default=None)


@contextmanager
def passing(part: PartOfWhole) -> Iterator[None]:
    """Let methods know of which part the arrays are that they are given meanwhile.

    Lengths are compared with the whole then, and places count from its corner.

    Examples
    --------
    >>> from napari_tessera import threshold
    >>> with passing(PartOfWhole((40, 40), (slice(0, 3),) * 2, (slice(0, 3),) * 2)):
    ...     threshold(np.eye(3), smoothing="4 px").shape
    (3, 3)
    """
    before = _CURRENT.set(part)
    try:
        yield
    finally:
        _CURRENT.reset(before)


def passed(shape: Sequence[int], channel_axis: int | None = None) -> PartOfWhole:
    """Return where arrays of this shape lie, which are the whole if nothing else was said.

    Examples
    --------
    >>> passed((3, 4, 2), channel_axis=-1).whole
    (3, 4)
    """
    part, own = _CURRENT.get(), list(shape)
    if channel_axis is not None:
        del own[channel_axis]
    known = part is not None and [each.stop - each.start for each in part.seen] == own
    return part if part is not None and known else PartOfWhole.all_of(tuple(own))


def whole_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the whole of which arrays of this shape are a part."""
    part = _CURRENT.get()
    return shape if part is None else part.whole
