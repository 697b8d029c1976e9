"""The two Gaussian kernels of the dense CRF."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kernels:
    """The two kernels of the paper.

    Attributes
    ----------
    smoothness : tuple of float
        Standard deviation along each axis, in pixels, of the kernel of places alone.
    smoothness_weight : float
    appearance : tuple of float
        Standard deviation along each axis, in pixels, of the kernel of places and intensities.
    appearance_weight : float
    """

    smoothness: tuple[float, ...]
    smoothness_weight: float
    appearance: tuple[float, ...]
    appearance_weight: float

    @property
    def reach(self) -> tuple[float, ...]:
        """How far a pixel looks along each axis: three widths of the wider kernel."""
        pairs = zip(self.smoothness, self.appearance, strict=True)
        return tuple(3 * max(pair) for pair in pairs)
