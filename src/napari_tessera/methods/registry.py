"""Every method once, in menu order, with what its signature cannot say."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from napari_tessera.algorithms.filters.smoothing import TRUNCATE
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.cost import Estimate, predict_estimate
from napari_tessera.methods.classical.canny import canny, canny_statistics
from napari_tessera.methods.classical.contours import contours
from napari_tessera.methods.classical.kmeans import kmeans, kmeans_statistics
from napari_tessera.methods.classical.label import label
from napari_tessera.methods.classical.random_walker import random_walker
from napari_tessera.methods.classical.region_growing import (
    region_growing,
    region_growing_statistics,
)
from napari_tessera.methods.classical.threshold import threshold, threshold_statistics
from napari_tessera.methods.classical.watershed import watershed, watershed_statistics
from napari_tessera.methods.deep.detect import detect
from napari_tessera.methods.deep.predict import (
    predict,
    predict_halo,
    predict_kind,
    predict_look,
    predict_statistics,
    scores,
)
from napari_tessera.methods.judge.boundary_support import boundary_support
from napari_tessera.methods.judge.error_map import error_map, object_errors
from napari_tessera.methods.judge.grad_cam import grad_cam
from napari_tessera.methods.judge.uncertainty import uncertainty
from napari_tessera.methods.measure.measure import measure
from napari_tessera.methods.refine.clean import expand, fill_holes, filter_objects, relabel
from napari_tessera.methods.refine.crf import crf, crf_halo, crf_statistics
from napari_tessera.methods.refine.edit_objects import delete, merge, replace, split
from napari_tessera.methods.refine.grow import grow
from napari_tessera.methods.refine.morphology import morphology, smooth, top_hat
from napari_tessera.methods.refine.paint import paint
from napari_tessera.methods.refine.shape import convex_hull, skeleton
from napari_tessera.metrics.error_kinds import error_look
from napari_tessera.signature.parameters import Parameter, docs, gives, parameters
from napari_tessera.signature.units import to_pixels
from napari_tessera.signature.validation import check_value
from napari_tessera.signature.words import Array, Look, VoxelSize

Scope = Literal["local", "joined", "global"]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Method:
    """One method and how it may be cut into pieces.

    Attributes
    ----------
    function : callable
        The method itself: arrays in, arrays out.
    group : str
        Its menu: "Classical", "Deep learning", "Refine", ...
    scope : callable
        Parameters -> "local" (a pixel depends on its neighbourhood), "joined" (objects are joined
        across seams) or "global" (needs the whole array).
    halo : callable, optional
        Parameters and voxel size -> how far a pixel looks, in pixels along each axis.
    statistics : callable, optional
        The image in pieces and the parameters -> those parameters that are to be replaced by
        numbers found in the whole image.
    title : str, optional
        Name in the menus; by default the function's name as words.
    planes_only : bool
        Whether it takes no volumes, so that stacks are always walked plane by plane.
    kind : callable, optional
        Parameters -> "classes" or "objects", for a method that gives "labels".
    takes_all_cores : bool
        Whether it uses all cores by itself, so that planes are worked on one after the other.
    estimate : callable, optional
        Parameters, shape of a plane or volume, how many there are, voxel size and what is kept ->
        what a run will cost.
    refines : bool
        Whether it changes labels: their numbers mean the same afterwards, and what it does not
        work on stays as it is.
    look : callable, optional
        Parameters -> names and colours of the classes, or the colours of the image, that it gives.
    whole : bool
        Whether it works on all planes or volumes at once, because numbers have to agree.
    by_hand : bool
        Whether it is a step that a mouse makes at one place, for which no form asks.
    """

    function: Callable[..., Any]
    group: str
    scope: Callable[[Values], Scope]
    halo: Callable[[Values, VoxelSize], tuple[float, ...]] | None = None
    statistics: Callable[..., dict[str, Any]] | None = None
    title: str = ""
    planes_only: bool = False
    kind: Callable[[Values], str] | None = None
    takes_all_cores: bool = False
    estimate: Callable[[Values, tuple[int, ...], int, VoxelSize, Cache], Estimate] | None = None
    look: Callable[[Values], Look] | None = None
    refines: bool = False
    whole: bool = False
    by_hand: bool = False

    @property
    def name(self) -> str:
        """The function's name, which is the method's everywhere."""
        return self.function.__name__

    @property
    def display(self) -> str:
        """Its name in menus."""
        return self.title or self.name.replace("_", " ").capitalize()

    @property
    def summary(self) -> str:
        """The first sentence of its docstring."""
        return docs(self.function).summary

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What its signature asks for, in order."""
        return parameters(self.function)

    @property
    def source(self) -> Parameter:
        """The parameter that the layer or file goes to."""
        return self.parameters[0]

    @property
    def options(self) -> tuple[Parameter, ...]:
        """The parameters of a run: no source, nothing supplied."""
        return tuple(p for p in self.parameters[1:] if not p.is_supplied)

    @property
    def asked(self) -> tuple[Parameter, ...]:
        """The options that a user chooses; the others are found in the image."""
        return tuple(p for p in self.options if not p.is_found)

    @property
    def gives(self) -> tuple[str, ...]:
        """The words for its results: ("objects",), ("polygons", "table"), ..."""
        return gives(self.function)

    @property
    def returns(self) -> str:
        """The word for the first of its results."""
        return self.gives[0]

    @property
    def is_labelling(self) -> bool:
        """True if it labels each pixel."""
        return self.returns in ("classes", "objects", "labels")

    def kind_of(self, values: Values, known: str = "") -> str:
        """Return what it gives with these complete parameters: "objects", "table", ...

        Parameters
        ----------
        values : mapping
        known : str
            What the labels that it refines are known to be.
        """
        if self.refines:
            return str(values.get("labels_are") or known or "objects")
        return self.returns if self.kind is None else self.kind(values)

    @property
    def takes_channels(self) -> bool:
        """True if it takes colour or several channels."""
        return any(p.word.name == "channel_axis" for p in self.parameters)

    @property
    def keeps(self) -> bool:
        """True if it can use again what an earlier run has made."""
        return any(p.word.name == "cache" for p in self.parameters)

    def complete(self, values: Values) -> dict[str, Any]:
        """Return `values` with defaults filled in, checked as far as that needs no image.

        Raises
        ------
        TypeError
            If a name is none of the method's options.
        ValueError
            If a value is not allowed.
        """
        own = {p.name: p for p in self.options}
        for name in values:
            if name not in own:
                raise TypeError(
                    f"{self.name} has no option {name!r}; it has {', '.join(own) or 'none'}"
                )
        complete = {
            name: values.get(name, None if p.default is inspect.Parameter.empty else p.default)
            for name, p in own.items()
        }
        for name, parameter in own.items():
            if parameter.required and complete[name] is None and not parameter.is_array:
                raise ValueError(f"{name} is missing: {parameter.help.split('. ')[0].rstrip('.')}")
            if not parameter.is_array:
                check_value(parameter, complete[name])
        return complete

    def resolve(
        self, pieces: Iterable[Mapping[str, Array]], values: Values, spacing: VoxelSize
    ) -> dict[str, Any]:
        """Return `values` with everything that depends on the whole image as explicit numbers."""
        if self.statistics is None:
            return dict(values)
        return {**values, **self.statistics(pieces, **{**values, "spacing": spacing})}


def _smoothing_halo(values: Values, spacing: VoxelSize) -> tuple[float, ...]:
    smoothing = to_pixels(values["smoothing"], spacing)
    background = to_pixels(values["background"], spacing)
    return tuple(TRUNCATE * (a + b) + 2 for a, b in zip(smoothing, background, strict=True))


def _cluster_halo(values: Values, spacing: VoxelSize) -> tuple[float, ...]:
    return tuple(TRUNCATE * width + 1 for width in to_pixels(values["smoothing"], spacing))


def _canny_halo(values: Values, spacing: VoxelSize) -> tuple[float, ...]:
    return tuple(TRUNCATE * width + 2.5 for width in to_pixels(values["smoothing"], spacing))


def _threshold_halo(values: Values, spacing: VoxelSize) -> tuple[float, ...]:
    window = to_pixels(values["window"], spacing)
    smoothing = _smoothing_halo(values, spacing)
    return tuple(s + TRUNCATE / 6 * w + 1 for s, w in zip(smoothing, window, strict=True))


def _watershed_halo(values: Values, spacing: VoxelSize) -> tuple[float, ...]:
    smoothing = _smoothing_halo(values, spacing)
    apart = to_pixels(values["seed_distance"], spacing)
    return tuple(s + 8 * d + 16 for s, d in zip(smoothing, apart, strict=True))


def _expand_halo(values: Values, spacing: VoxelSize) -> tuple[float, ...]:
    return tuple(width + 1 for width in to_pixels(values["distance"], spacing))


def _morphology_halo(values: Values, spacing: VoxelSize) -> tuple[float, ...]:
    # what is opened or closed is looked at twice
    return tuple(2 * width + 2 for width in to_pixels(values["radius"], spacing))


def _heat(values: Values) -> Look:
    return Look(scale="inferno")


def _refining(function: Callable[..., Any], **options: Any) -> Method:
    """Return a method of the group "Refine": it needs whole objects unless it has a halo."""
    scope: Scope = "local" if "halo" in options else "global"
    return Method(function, "Refine", scope=lambda values: scope, refines=True, **options)


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method(
                threshold,
                "Classical",
                scope=lambda values: "global" if values["method"] == "hysteresis" else "local",
                halo=_threshold_halo,
                statistics=threshold_statistics,
            ),
            Method(
                watershed,
                "Classical",
                # h-maxima measure each peak against the highest of all
                scope=lambda values: "global" if values["seeds"] == "h-maxima" else "joined",
                halo=_watershed_halo,
                statistics=watershed_statistics,
            ),
            Method(
                canny,
                "Classical",
                # a weak edge may be joined to a strong one however far away
                scope=lambda values: "global",
                halo=_canny_halo,
                statistics=canny_statistics,
                title="Canny edges",
                planes_only=True,
            ),
            Method(contours, "Classical", scope=lambda values: "global", planes_only=True),
            Method(
                region_growing,
                "Classical",
                scope=lambda values: "global",
                statistics=region_growing_statistics,
            ),
            Method(random_walker, "Classical", scope=lambda values: "global"),
            Method(
                kmeans,
                "Classical",
                # places are shares of the whole image
                scope=lambda values: "global" if values["position_weight"] else "local",
                halo=_cluster_halo,
                statistics=kmeans_statistics,
                title="K-means clusters",
            ),
            Method(
                label,
                "Classical",
                scope=lambda values: "joined",
                halo=lambda values, spacing: (1.0,) * len(spacing),
                title="Connected components",
            ),
            Method(
                predict,
                "Deep learning",
                # a network looks as far as its tiles reach; objects are joined across seams
                scope=lambda values: "joined",
                halo=predict_halo,
                statistics=predict_statistics,
                title="Predict",
                kind=predict_kind,
                look=predict_look,
                takes_all_cores=True,
                estimate=predict_estimate,
            ),
            Method(
                detect,
                "Deep learning",
                scope=lambda values: "joined",
                halo=predict_halo,
                statistics=predict_statistics,
                title="Find objects",
                takes_all_cores=True,
                estimate=predict_estimate,
            ),
            Method(
                scores,
                "Deep learning",
                scope=lambda values: "local",
                halo=predict_halo,
                statistics=predict_statistics,
                title="Probability maps",
                takes_all_cores=True,
                estimate=predict_estimate,
            ),
            Method(
                top_hat,
                "Refine",
                scope=lambda values: "local",
                halo=_morphology_halo,
                title="Top-hat of an image",
            ),
            Method(
                crf,
                "Refine",
                scope=lambda values: "local",
                halo=crf_halo,
                statistics=crf_statistics,
                title="Dense CRF",
                takes_all_cores=True,
                refines=True,
            ),
            _refining(morphology, halo=_morphology_halo),
            _refining(smooth, halo=_morphology_halo, title="Smooth borders"),
            _refining(fill_holes),
            _refining(filter_objects),
            _refining(expand, halo=_expand_halo, title="Expand labels"),
            _refining(skeleton),
            _refining(convex_hull),
            _refining(relabel, whole=True, title="Number anew"),
            *(_refining(step, by_hand=True) for step in (merge, split, delete, replace, grow)),
            _refining(paint, by_hand=True, whole=True),
            Method(measure, "Measure", scope=lambda values: "global", title="Table of objects"),
            Method(
                uncertainty,
                "Judge",
                scope=lambda values: "local",
                halo=predict_halo,
                statistics=predict_statistics,
                takes_all_cores=True,
                look=_heat,
            ),
            Method(
                grad_cam,
                "Judge",
                # the highest value of the whole map becomes 1
                scope=lambda values: "global",
                statistics=predict_statistics,
                title="Grad-CAM",
                takes_all_cores=True,
                look=_heat,
            ),
            Method(
                error_map,
                "Judge",
                # a pixel is as wrong as its object
                scope=lambda values: "global",
                title="Error map",
                look=error_look,
            ),
            Method(
                object_errors, "Judge", scope=lambda values: "global", title="Errors of objects"
            ),
            Method(
                boundary_support,
                "Judge",
                # what is typical is found in all objects
                scope=lambda values: "global",
                title="Support of boundaries",
            ),
        )
    }
)
