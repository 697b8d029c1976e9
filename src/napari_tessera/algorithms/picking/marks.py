"""What a hand marks of objects: rows of numbers, and what they say of one object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_tessera.signature.words import Array

ON, CORNER, OFF = 1, 0, -1
"""A mark lies on the object, at a corner of a box around it, or beside it."""


@dataclass(frozen=True)
class ObjectMarks:
    """What is marked of one object, in pixels.

    Attributes
    ----------
    signs : ndarray, shape (N,)
        Of each point, in the order in which they were marked: `ON` or `OFF`.
    points : ndarray, shape (N, D)
    box : ndarray, shape (2, D), optional
        The first and the last corner of a box around it.
    """

    signs: Array
    points: Array
    box: Array | None = None

    @classmethod
    def of(cls, rows: Array) -> ObjectMarks:
        """Return what rows of a sign and a point say.

        Examples
        --------
        >>> marks = ObjectMarks.of(np.array([[1, 5, 5], [-1, 7, 9], [0, 9, 2], [0, 3, 8]]))
        >>> marks.signs.tolist(), marks.points.tolist(), marks.box.tolist()
        ([1.0, -1.0], [[5.0, 5.0], [7.0, 9.0]], [[3.0, 2.0], [9.0, 8.0]])
        """
        rows = np.asarray(rows, float)
        own, corners = rows[rows[:, 0] != CORNER], rows[rows[:, 0] == CORNER, 1:]
        box = np.stack([corners.min(axis=0), corners.max(axis=0)]) if len(corners) else None
        return cls(own[:, 0], own[:, 1:], box)

    def with_sign(self, sign: int) -> Array:
        """Return the points on the object or beside it."""
        return np.asarray(self.points[self.signs == sign])

    @property
    def centre(self) -> Array:
        """The point that the object is seen from: the first one on it, or the middle of the box."""
        on = self.with_sign(ON)
        return np.asarray(on[0] if self.box is None or len(on) else self.box.mean(axis=0))


def check_picks(picks: Array, shape: tuple[int, ...]) -> None:
    """Raise an error if rows of objects, signs and points are no marks in an array of a shape.

    Parameters
    ----------
    picks : ndarray, shape (N, 2 + D)
    shape : tuple of int
    """
    axes = "(object, sign, y, x)" if len(shape) == 2 else "(object, sign, z, y, x)"
    if picks.ndim != 2 or picks.shape[1] != 2 + len(shape):
        raise ValueError(
            f"picks has rows of {picks.shape[-1]} numbers, but image has {len(shape)} axes; pass "
            f"rows {axes}"
        )
    numbers, signs, points = picks[:, 0], picks[:, 1], picks[:, 2:]
    if (numbers % 1).any() or numbers.min() < 1 or numbers.max() >= 1 << 31:
        wrong = numbers[(numbers % 1 != 0) | (numbers < 1) | (numbers >= 1 << 31)][0]
        raise ValueError(f"picks has the object {wrong:g}; number objects 1, 2, 3, ...")
    if not np.isin(signs, (ON, CORNER, OFF)).all():
        wrong = signs[~np.isin(signs, (ON, CORNER, OFF))][0]
        raise ValueError(
            f"picks has the sign {wrong:g}; pass 1 = on the object, -1 = beside it, 0 = a corner "
            "of a box around it"
        )
    nearest = np.rint(points)
    outside = ((nearest < 0) | (nearest >= shape)).any(axis=1) & (signs != CORNER)
    if outside.any():
        place = ", ".join(f"{value:g}" for value in points[outside][0])
        raise ValueError(
            f"picks has a mark at ({place}), outside image, whose shape is {shape}; click on it"
        )
    for number in np.unique(numbers):
        _check_object(int(number), signs[numbers == number], points[numbers == number], shape)


def check_values(image: Array, channel_axis: int | None, picks: Array) -> None:
    """Raise an error if marks lie where the image has no value."""
    image = image if channel_axis is None else np.moveaxis(image, channel_axis, -1)
    points = picks[picks[:, 1] != CORNER, 2:]
    if not len(points):
        return
    under = image[tuple(np.rint(points).astype(int).T)].reshape(len(points), -1)
    missing = ~np.isfinite(under).all(axis=1)
    if missing.any():
        place = ", ".join(f"{value:g}" for value in points[missing][0])
        raise ValueError(
            f"picks has a mark at ({place}), where image has no value (NaN or infinity); move it"
        )


def _check_object(number: int, signs: Array, points: Array, shape: tuple[int, ...]) -> None:
    corners = points[signs == CORNER]
    if len(corners) not in (0, 2):
        raise ValueError(
            f"picks has {len(corners)} corners of a box around object {number}; pass two opposite "
            "ones"
        )
    if len(corners) == 0 and not (signs == ON).any():
        raise ValueError(f"picks has no mark on object {number}, and no box; click on it first")
    if len(corners):
        # a box may be drawn on one plane of a volume
        sides = np.ptp(corners[:, -2:], axis=0)
        if sides.min() < 1:
            sizes = " x ".join(f"{side:g}" for side in sides)
            raise ValueError(
                f"picks has a box of {sizes} pixels around object {number}; drag it from one "
                "corner of the object to the opposite one"
            )
        if (corners.max(axis=0) < 0).any() or (corners.min(axis=0) > np.array(shape) - 1).any():
            raise ValueError(f"picks has a box around object {number} that lies outside image")
