"""Every method once, in menu order, with what its signature cannot say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from napari_tessera.algorithms.filters.gaussian import TRUNCATE
from napari_tessera.deep.inference.cost import predict_estimate
from napari_tessera.methods.classical.canny import canny, canny_pieces, canny_statistics
from napari_tessera.methods.classical.classify_pixels import (
    classify_pixels,
    classify_pixels_exact,
    classify_pixels_halo,
    classify_pixels_statistics,
)
from napari_tessera.methods.classical.contours import contours
from napari_tessera.methods.classical.kmeans import kmeans, kmeans_statistics
from napari_tessera.methods.classical.label import label
from napari_tessera.methods.classical.pick_objects import pick_objects
from napari_tessera.methods.classical.random_walker import random_walker
from napari_tessera.methods.classical.region_growing import (
    region_growing,
    region_growing_statistics,
)
from napari_tessera.methods.classical.threshold import (
    LOCAL,
    hysteresis_pieces,
    threshold,
    threshold_of_prepared,
    threshold_statistics,
    with_mark,
)
from napari_tessera.methods.classical.watershed import watershed, watershed_statistics
from napari_tessera.methods.deep.detect import detect, joined_detections
from napari_tessera.methods.deep.predict import (
    predict,
    predict_halo,
    predict_kind,
    predict_look,
    predict_statistics,
    scores,
    sees_all,
)
from napari_tessera.methods.judge.boundary_support import boundary_support
from napari_tessera.methods.judge.error_map import error_map, object_errors
from napari_tessera.methods.judge.grad_cam import grad_cam
from napari_tessera.methods.judge.uncertainty import uncertainty
from napari_tessera.methods.measure.measure import (
    measure,
    measured_objects,
    measured_pieces,
)
from napari_tessera.methods.measure.sort_objects import (
    sort_objects,
    sorted_objects,
    sorting_refused,
)
from napari_tessera.methods.method import Assembly, Cut, Halo, Method, RunCost, Values
from napari_tessera.methods.refine.between_planes import fill_between_planes
from napari_tessera.methods.refine.clean import (
    background_pieces,
    expand,
    fill_holes,
    filled_pieces,
    new_ids,
    relabel,
)
from napari_tessera.methods.refine.crf import crf, crf_halo, crf_statistics
from napari_tessera.methods.refine.edit_objects import delete, merge, replace, split
from napari_tessera.methods.refine.filter_objects import (
    filter_objects,
    kept_objects,
    object_pieces,
)
from napari_tessera.methods.refine.grow import grow
from napari_tessera.methods.refine.morphology import morphology, smooth, top_hat
from napari_tessera.methods.refine.paint import paint
from napari_tessera.methods.refine.shape import convex_hull, skeleton
from napari_tessera.methods.ways import (
    PAINTED_PIXELS,
    PICKED_PLACES,
    PLANES_ONLY,
    POINTED_PLACE,
    VOLUMES_ONLY,
    WHOLE_STACK,
)
from napari_tessera.metrics.error_kinds import error_look
from napari_tessera.signature.units import to_pixels
from napari_tessera.signature.words import Look, VoxelSize


def _reach(length: str, times: float, more: float) -> Halo:
    """Return the halo of methods that look so many times as far as a length, and some pixels more.

    Parameters
    ----------
    length : str
        Name of the parameter.
    times : float
    more : float
        In pixels.
    """
    return lambda values, spacing: tuple(
        times * width + more for width in to_pixels(values[length], spacing)
    )


def _neighbours(values: Values, spacing: VoxelSize) -> tuple[float, ...]:
    return (1.0,) * len(spacing)


def _by_id(values: Values) -> bool:
    return bool(values["labels_are"] == "objects")


def _smoothing_halo(values: Values, spacing: VoxelSize) -> tuple[float, ...]:
    smoothing = to_pixels(values["smoothing"], spacing)
    background = to_pixels(values["background"], spacing)
    return tuple(TRUNCATE * (a + b) + 2 for a, b in zip(smoothing, background, strict=True))


def _threshold_halo(values: Values, spacing: VoxelSize) -> tuple[float, ...]:
    window = to_pixels(values["window"] if values["method"] in LOCAL else 0, spacing)
    smoothing = _smoothing_halo(values, spacing)
    return tuple(s + TRUNCATE / 6 * w + 1 for s, w in zip(smoothing, window, strict=True))


def _hysteresis_halo(values: Values, spacing: VoxelSize) -> tuple[float, ...]:
    return tuple(each + 1 for each in _threshold_halo(values, spacing))


def _watershed_halo(values: Values, spacing: VoxelSize) -> tuple[float, ...]:
    smoothing = _smoothing_halo(values, spacing)
    apart = to_pixels(values["seed_distance"], spacing)
    return tuple(s + 8 * d + 16 for s, d in zip(smoothing, apart, strict=True))


def _heat(values: Values) -> Look:
    return Look(scale="inferno")


WHOLE_OBJECTS = Cut("global", reason="it needs each object as a whole")
"""Of methods that need each object as a whole, or all of them."""

_HULLS = "convex hulls need each object as a whole; leave out convex"
_COLUMNS = "columns of the table need each object as a whole; leave out where"


def _whole_objects(assembly: Assembly) -> Cut:
    return Cut("global", reason=WHOLE_OBJECTS.reason, assembly=assembly)


# what is opened or closed is looked at twice
_ELEMENT = Cut("local", _reach("radius", 2, 2))

_NETWORK = Cut(
    lambda values: "global" if sees_all(values) else "local",
    predict_halo,
    predict_statistics,
    exact=False,
    reason="a model of photographs looks at the whole image, made smaller",
    memory=128,
)
# a network looks as far as its tiles reach; objects are joined across seams
_NETWORK_OBJECTS = dataclasses.replace(
    _NETWORK, scope=lambda values: "global" if sees_all(values) else "joined"
)
_ESTIMATED = RunCost(all_cores=True, estimate=predict_estimate)

_CLASSICAL = (
    Method(
        threshold,
        "Classical",
        Cut(
            lambda values: "global" if values["method"] == "hysteresis" else "local",
            _threshold_halo,
            threshold_statistics,
            smooths=True,
            # means of boxes are summed up along a line, and rounded on the way
            exact=lambda values: values["method"] != "sauvola",
            reason="a pixel may be joined to one above the high level however far away",
            assembly=Assembly(hysteresis_pieces, with_mark, _hysteresis_halo),
            prepared=threshold_of_prepared,
        ),
    ),
    Method(
        watershed,
        "Classical",
        Cut(
            lambda values: "global" if values["seeds"] == "h-maxima" else "joined",
            _watershed_halo,
            watershed_statistics,
            smooths=True,
            # of an object larger than the halo, the distances to its far side are not known
            exact=False,
            # a wide halo is smoothed and cut down to objects that touch the block
            memory=24,
            reason="h-maxima measure each peak against the highest of all",
        ),
    ),
    Method(
        canny,
        "Classical",
        Cut(
            "global",
            _reach("smoothing", TRUNCATE, 2.5),
            canny_statistics,
            smooths=True,
            reason="a weak edge may be joined to a strong one however far away",
            assembly=Assembly(canny_pieces, with_mark, _reach("smoothing", TRUNCATE, 3.5)),
        ),
        title="Canny edges",
        way=PLANES_ONLY,
    ),
    Method(contours, "Classical", WHOLE_OBJECTS, way=PLANES_ONLY),
    Method(
        region_growing,
        "Classical",
        Cut(
            "global",
            statistics=region_growing_statistics,
            reason="a region may grow from its seed however far",
        ),
    ),
    Method(
        random_walker,
        "Classical",
        Cut("global", reason="what a pixel becomes depends on all seeds"),
    ),
    Method(
        pick_objects,
        "Classical",
        Cut("global", reason="an object may be as large as the image"),
        way=PICKED_PLACES,
    ),
    Method(
        kmeans,
        "Classical",
        Cut("local", _reach("smoothing", TRUNCATE, 1), kmeans_statistics, smooths=True),
        title="K-means clusters",
    ),
    Method(
        classify_pixels,
        "Classical",
        Cut(
            lambda values: "local" if values["find"] == "classes" else "joined",
            classify_pixels_halo,
            classify_pixels_statistics,
            smooths=True,
            marks="strokes",
            exact=classify_pixels_exact,
        ),
        title="Pixel classifier",
        cost=RunCost(all_cores=True),
        kind=lambda values: str(values["find"]),
    ),
    Method(
        label,
        "Classical",
        Cut("joined", _neighbours),
        title="Connected components",
    ),
)

_DEEP = (
    Method(
        predict,
        "Deep learning",
        _NETWORK_OBJECTS,
        title="Predict",
        cost=_ESTIMATED,
        kind=predict_kind,
        look=predict_look,
    ),
    Method(
        detect,
        "Deep learning",
        dataclasses.replace(_NETWORK_OBJECTS, joined_rows=joined_detections),
        title="Find objects",
        cost=_ESTIMATED,
    ),
    Method(scores, "Deep learning", _NETWORK, title="Probability maps", cost=_ESTIMATED),
)

_REFINE = (
    Method(top_hat, "Refine", _ELEMENT, title="Top-hat of an image"),
    Method(
        crf,
        "Refine",
        # far pixels count for little, but they count
        Cut("local", crf_halo, crf_statistics, smooths=True, exact=False, memory=128),
        title="Dense CRF",
        cost=RunCost(all_cores=True),
    ),
    Method(morphology, "Refine", _ELEMENT),
    Method(smooth, "Refine", _ELEMENT, title="Smooth borders"),
    Method(
        fill_holes,
        "Refine",
        _whole_objects(Assembly(background_pieces, filled_pieces, _neighbours)),
    ),
    Method(
        filter_objects,
        "Refine",
        _whole_objects(
            Assembly(
                object_pieces,
                kept_objects,
                _neighbours,
                by_id=_by_id,
                refused=lambda values: _COLUMNS if values["where"] else "",
            )
        ),
    ),
    Method(fill_between_planes, "Refine", WHOLE_OBJECTS, way=VOLUMES_ONLY),
    Method(expand, "Refine", Cut("local", _reach("distance", 1, 1)), title="Expand labels"),
    Method(skeleton, "Refine", WHOLE_OBJECTS),
    Method(convex_hull, "Refine", WHOLE_OBJECTS),
    Method(
        relabel,
        "Refine",
        _whole_objects(Assembly(object_pieces, new_ids, _neighbours, by_id=True, across=True)),
        title="Number anew",
        way=WHOLE_STACK,
    ),
    *(
        Method(step, "Refine", WHOLE_OBJECTS, way=POINTED_PLACE)
        for step in (merge, split, delete, replace, grow)
    ),
    Method(paint, "Refine", WHOLE_OBJECTS, way=PAINTED_PIXELS),
)

_MEASURE = (
    Method(
        measure,
        "Measure",
        _whole_objects(
            Assembly(
                measured_pieces,
                measured_objects,
                _neighbours,
                by_id=True,
                refused=lambda values: _HULLS if values["convex"] else "",
            )
        ),
        title="Table of objects",
    ),
    Method(
        sort_objects,
        "Measure",
        _whole_objects(
            Assembly(
                measured_pieces, sorted_objects, _neighbours, by_id=True, refused=sorting_refused
            )
        ),
        title="Sort by classifier",
    ),
)

_JUDGE = (
    Method(uncertainty, "Judge", _NETWORK, cost=RunCost(all_cores=True), look=_heat),
    Method(
        grad_cam,
        "Judge",
        Cut(
            "global",
            statistics=predict_statistics,
            reason="the highest value of the whole map becomes 1",
        ),
        title="Grad-CAM",
        cost=RunCost(all_cores=True),
        look=_heat,
    ),
    # a pixel is as wrong as its object
    Method(error_map, "Judge", WHOLE_OBJECTS, title="Error map", look=error_look),
    Method(object_errors, "Judge", WHOLE_OBJECTS, title="Errors of objects"),
    # what is typical is found in all objects
    Method(boundary_support, "Judge", WHOLE_OBJECTS, title="Support of boundaries"),
)

METHODS: Mapping[str, Method] = MappingProxyType(
    {m.name: m for m in (*_CLASSICAL, *_DEEP, *_REFINE, *_MEASURE, *_JUDGE)}
)
"""Name -> method, in menu order."""
