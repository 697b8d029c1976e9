"""How methods go through a stack: what each of them works on at once."""

from __future__ import annotations

from typing import ClassVar

from napari_tessera.signature.words import Over


class Way:
    """How a method goes through a stack.

    Attributes
    ----------
    takes_planes : bool
        Whether planes can be worked on, and not only volumes.
    takes_volumes : bool
        Whether volumes can be worked on, and not only planes.
    in_parts : bool
        Whether a region or a few labels can be worked on, and not only all of them.
    by_hand : bool
        Whether a mouse says where it works, so that no form asks for it.
    """

    takes_planes: ClassVar[bool] = True
    takes_volumes: ClassVar[bool] = True
    in_parts: ClassVar[bool] = True
    by_hand: ClassVar[bool] = False

    def over(self, asked: Over | None, usual: Over, method: str) -> Over:
        """Return what a method works on at once: as asked, or as is usual for an image."""
        return asked or usual


class PlanesOrVolumes(Way):
    """One plane after the other, or one volume after the other."""


class PlanesOnly(PlanesOrVolumes):
    """One plane after the other."""

    takes_volumes = False

    def over(self, asked: Over | None, usual: Over, method: str) -> Over:
        """Return "planes", or raise an error if volumes are asked for."""
        if asked == "volume":
            raise ValueError(f"over is 'volume', but {method} works on planes; choose 'planes'")
        return "planes"


class VolumesOnly(PlanesOrVolumes):
    """One volume after the other, or a series of planes as one."""

    takes_planes = False

    def over(self, asked: Over | None, usual: Over, method: str) -> Over:
        """Return "volume", or raise an error if planes are asked for."""
        if asked == "planes":
            raise ValueError(f"over is 'planes', but {method} works on volumes; choose 'volume'")
        return "volume"


class WholeStack(Way):
    """All planes or volumes at once, because their numbers have to agree."""

    in_parts = False


class PointedPlace(Way):
    """The plane or volume that a mouse points at."""

    by_hand = True


class PickedPlaces(PlanesOrVolumes):
    """The planes or volumes in which objects are picked."""

    in_parts = False
    by_hand = True


class PaintedPixels(WholeStack):
    """Pixels anywhere in the stack, as a hand has painted them."""

    by_hand = True


PLANES_OR_VOLUMES, PLANES_ONLY, VOLUMES_ONLY = PlanesOrVolumes(), PlanesOnly(), VolumesOnly()
WHOLE_STACK, POINTED_PLACE, PAINTED_PIXELS = WholeStack(), PointedPlace(), PaintedPixels()
PICKED_PLACES = PickedPlaces()
