"""Runs that change labels: their numbers stay, and so do those that are not worked on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from napari_tessera.algorithms.labels.ids import alone, beside_others
from napari_tessera.methods.registry import Method
from napari_tessera.pipeline.method_run import Run
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.source import Index, Region
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.arrays import as_labels
from napari_tessera.signature.words import Array

_log = logging.getLogger(__name__)


class Refinement(Run):
    """A run that changes labels: their numbers stay, and so do those not worked on."""

    @classmethod
    def check_only(cls, method: Method, walk: Walk) -> None:
        """Do nothing: here there are labels."""

    def collected(self, start: Index) -> Result:
        """Refine the labels everywhere; see `Run`.

        Raises
        ------
        ValueError
            If none of those to be refined is there.
        """
        if self.walk.only:
            self._say_missing()
        return super().collected(start)

    def _say_missing(self) -> None:
        missing = set(self.walk.only)
        for place in self.blocks.places:
            labels = self._own(place)
            missing = {number for number in missing if not (labels == number).any()}
            if not missing:
                return
        absent = f"{self.source.name} has no {', '.join(map(str, sorted(missing)))}"
        if missing == set(self.walk.only):
            raise ValueError(f"only is {self.walk.only}, but {absent}")
        _log.warning("%s, of those to be refined", absent)

    def _called(
        self, function: Callable[..., Any], arrays: dict[str, Array], values: dict[str, Any]
    ) -> Any:
        name, only = self.method.source.name, self.walk.only
        if not only:
            return super()._called(function, arrays, values)
        labels = arrays[name]
        piece = super()._called(function, {**arrays, name: alone(labels, only)}, values)
        return beside_others(labels, only, piece)

    def _numbers(self) -> dict[str, Any]:
        dtype = as_labels(np.empty(0, self.source.array.dtype)).dtype
        return {"keep_ids": True, "dtype": dtype}

    def in_region(self, region: Region) -> Result:
        """Return the labels of a region, refined as if all were; outside its mask they stay."""
        if self.sink is not None:
            raise ValueError(
                "region is a part of labels that are refined, which is not written block by block; "
                "leave out region or blocks"
            )
        pieces, cut, shape = self.pieces, self.method.cut, self.source.shape
        halo = shape[-pieces.axes :] if cut.halo is None else cut.halo(self.values, pieces.spacing)
        # the mask is no part of what is seen: labels go on outside it
        seen = region.grown(halo, shape)
        result = self.within(seen).levelled().collected(seen.start)
        inside = tuple(
            slice(a - first, b - first)
            for a, b, first in zip(region.start, region.stop, seen.start, strict=True)
        )
        array = result.array[inside]
        if region.mask is not None:
            outside = ~np.broadcast_to(region.mask, array.shape)
            array[outside] = as_labels(np.asarray(self.source.array[region.box]))[outside]
        return replace(result, array=array, start=region.start, count=None)
