"""How large the objects of an image are of which nobody has told it, and what is seen then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from napari_tessera.algorithms.labels.ids import (
    median_diameter,
    object_pixels,
    prevailing_diameter,
)
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array

ALIKE = 1.25
"""Two diameters that differ by less are the same one."""


class Sight(Protocol):
    """What a network has seen in an image."""

    def fullest(self) -> Array:
        """Return the objects in the plane with most of them."""


S = TypeVar("S", bound=Sight)


def sized(
    look: Callable[[float, Reporter], S], zoom_for: Callable[[float], float], report: Reporter
) -> tuple[float, S]:
    """Return how large the objects of an image are, and what the network sees at their size.

    It is looked at as it is, and again with the median object as large as the network is used to.
    But a network sees splinters where objects are much larger than it knows, so many that the
    median object is one of them. Where most of what it sees is in larger objects, they count, if
    the second look confirms it; a single blob that covers much of the image is not confirmed.

    Parameters
    ----------
    look : callable
        Takes how much the image is enlarged, and where progress goes.
    zoom_for : callable
        Diameter of the objects, 0 = there are none -> how much the image is enlarged; 1 where it
        is looked at as it is.
    report : Reporter

    Returns
    -------
    float
        Diameter in pixels.
    Sight
    """
    first = look(1.0, report.part(0, 3))
    objects = first.fullest()
    median = median_diameter(objects)
    prevailing = prevailing_diameter(object_pixels(objects), objects.ndim)
    if prevailing > ALIKE * median and zoom_for(prevailing) != 1:
        second = look(zoom_for(prevailing), report.part(1, 3))
        if ALIKE * median_diameter(second.fullest()) >= prevailing:
            return prevailing, second
    zoom = zoom_for(median)
    return median, first if zoom == 1 else look(zoom, report.part(2, 3))
