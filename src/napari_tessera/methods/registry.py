"""Every method once, in menu order, with what its signature cannot say."""

from __future__ import annotations

import copyreg
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from napari_tessera.algorithms.filters.gaussian import TRUNCATE
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.cost import Estimate, predict_estimate
from napari_tessera.methods.classical.canny import canny, canny_pieces, canny_statistics
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
from napari_tessera.methods.measure.measure import (
    measure,
    measured_objects,
    measured_pieces,
)
from napari_tessera.methods.refine.clean import (
    background_pieces,
    expand,
    fill_holes,
    filled_pieces,
    filter_objects,
    kept_objects,
    new_ids,
    object_pieces,
    relabel,
)
from napari_tessera.methods.refine.crf import crf, crf_halo, crf_statistics
from napari_tessera.methods.refine.edit_objects import delete, merge, replace, split
from napari_tessera.methods.refine.grow import grow
from napari_tessera.methods.refine.morphology import morphology, smooth, top_hat
from napari_tessera.methods.refine.paint import paint
from napari_tessera.methods.refine.shape import convex_hull, skeleton
from napari_tessera.methods.ways import (
    PAINTED_PIXELS,
    PICKED_PLACES,
    PLANES_ONLY,
    PLANES_OR_VOLUMES,
    POINTED_PLACE,
    WHOLE_STACK,
    Way,
)
from napari_tessera.metrics.error_kinds import error_look
from napari_tessera.signature.parameters import Parameter, docs, gives, parameters, words_given
from napari_tessera.signature.units import to_pixels
from napari_tessera.signature.validation import check_value
from napari_tessera.signature.words import Array, LabelsWord, Look, Over, VoxelSize

Scope = Literal["local", "joined", "global"]
Values = Mapping[str, Any]
Halo = Callable[[Values, VoxelSize], tuple[float, ...]]


@dataclass(frozen=True)
class Assembly:
    """How a method that decides on objects as wholes is worked on in blocks.

    Pieces of objects are found in each block; what is known of those that are one is put together,
    and then decided on.

    Attributes
    ----------
    pieces : callable
        Called as the method is, with what is seen of a block: the pieces there, numbered 1, 2, 3,
        ..., and what is known of them, see `napari_tessera.algorithms.labels.attributes`. Or no
        pieces, and sums over objects, see `napari_tessera.metrics.measurements.Gathered`.
    decided : callable
        What is known of all objects of a plane or volume, its shape and the parameters -> the label
        that each gets, or a table.
    halo : callable
        Parameters and voxel size -> how far a block looks, in pixels along each axis.
    by_id : bool or callable
        Whether pieces of one label are one object wherever they lie, or parameters -> whether they
        are.
    across : bool
        Whether those of all planes or volumes are decided on together.
    refused : callable, optional
        Parameters -> why it cannot be done with them; "" = it can.
    """

    pieces: Callable[..., tuple[Array | None, Any]]
    decided: Callable[..., Any]
    halo: Halo
    by_id: bool | Callable[[Values], bool] = False
    across: bool = False
    refused: Callable[[Values], str] | None = None

    def is_by_id(self, values: Values) -> bool:
        """Return whether pieces of one label are one object, with these complete parameters."""
        return self.by_id(values) if callable(self.by_id) else self.by_id


@dataclass(frozen=True)
class Cut:
    """How a method may be cut into pieces that give the same as the whole.

    Attributes
    ----------
    scope : str or callable
        "local" (a pixel depends on its neighbourhood), "joined" (objects are joined across seams)
        or "global" (needs the whole array), or parameters -> one of these.
    halo : callable, optional
        Parameters and voxel size -> how far a pixel looks, in pixels along each axis.
    statistics : callable, optional
        The image in pieces and the parameters -> those parameters that are to be replaced by
        numbers found in the whole image. Pieces are read once or more. Blocks come with "part",
        where they lie, and those of a method that smooths with what lies around them: "core" is the
        box that counts.
    smooths : bool
        Whether the statistics look at more than single pixels.
    exact : bool or callable
        Whether pieces with their halo give what the whole gives, to the last bit, or parameters ->
        whether they do: of objects, those that share a pixel where pieces overlap are one.
        Otherwise it is nearly so, and objects are one if most of what they cover there is the same.
    reason : str
        Why the method needs the whole array, where its scope is "global".
    assembly : Assembly, optional
        How it is worked on in blocks all the same, where its scope is "global".
    prepared : callable, optional
        Complete parameters -> those with which the method gives the same of the core of a block
        alone, if this is smoothed already as its statistics do; None = there are none.
    memory : int
        About how many bytes it takes for each pixel that it sees of a block.
    """

    scope: Scope | Callable[[Values], Scope]
    halo: Halo | None = None
    statistics: Callable[..., dict[str, Any]] | None = None
    smooths: bool = False
    exact: bool | Callable[[Values], bool] = True
    reason: str = ""
    assembly: Assembly | None = None
    prepared: Callable[[Values], dict[str, Any] | None] | None = None
    memory: int = 32

    def assembly_with(self, values: Values) -> Assembly | None:
        """Return how objects are assembled from blocks with these complete parameters, if so."""
        own = self.assembly
        if own is None or self.scope_of(values) != "global":
            return None
        return None if own.refused is not None and own.refused(values) else own

    def refusal(self, values: Values) -> str:
        """Return why blocks cannot be worked on with these complete parameters; "" = they can."""
        if self.assembly_with(values) is not None:
            return ""
        if self.assembly is not None and self.assembly.refused is not None:
            return self.assembly.refused(values)
        return self.reason if self.halo is None or self.scope_of(values) == "global" else ""

    def prepared_with(self, values: Values) -> dict[str, Any] | None:
        """Return the parameters for cores of blocks that are smoothed already, if there are any."""
        return None if self.prepared is None else self.prepared(values)

    def halo_in_blocks(self, values: Values, spacing: VoxelSize) -> tuple[float, ...]:
        """Return how far a block looks, in pixels along each axis."""
        assembly = self.assembly_with(values)
        halo = self.halo if assembly is None else assembly.halo
        return (0.0,) * len(spacing) if halo is None else halo(values, spacing)

    def scope_of(self, values: Values) -> Scope:
        """Return the scope with these complete parameters."""
        return self.scope(values) if callable(self.scope) else self.scope

    def is_exact(self, values: Values) -> bool:
        """Return whether pieces give what the whole gives with these complete parameters."""
        return self.exact(values) if callable(self.exact) else self.exact

    def resolve(
        self, pieces: Iterable[Mapping[str, Array]], values: Values, spacing: VoxelSize
    ) -> dict[str, Any]:
        """Return `values` with everything that depends on the whole image as explicit numbers."""
        if self.statistics is None:
            return dict(values)
        return {**values, **self.statistics(pieces, **{**values, "spacing": spacing})}


@dataclass(frozen=True)
class RunCost:
    """What a run takes.

    Attributes
    ----------
    all_cores : bool
        Whether the method uses all cores by itself, so that planes go one after the other.
    estimate : callable, optional
        Parameters, shape of a plane or volume, how many there are, voxel size and what is cached ->
        what a run will cost.
    """

    all_cores: bool = False
    estimate: Callable[[Values, tuple[int, ...], int, VoxelSize, Cache], Estimate] | None = None


@dataclass(frozen=True)
class Method:
    """One method, with what its signature cannot say.

    Attributes
    ----------
    function : callable
        The method itself: arrays in, arrays out.
    group : str
        Its menu: "Classical", "Deep learning", "Refine", ...
    cut : Cut
        How it may be cut into pieces.
    title : str, optional
        Name in the menus; by default the function's name as words.
    way : Way
        What it works on at once.
    cost : RunCost
        What a run takes.
    kind : callable, optional
        Parameters -> "classes" or "objects", for a method that gives either.
    look : callable, optional
        Parameters -> names and colours of the classes, or the colours of the image, that it gives.
    """

    function: Callable[..., Any]
    group: str
    cut: Cut
    title: str = ""
    way: Way = PLANES_OR_VOLUMES
    cost: RunCost = RunCost()
    kind: Callable[[Values], str] | None = None
    look: Callable[[Values], Look] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # halos and the like are functions without a name: another process has its own table
        if METHODS.get(self.name) is self:
            return _named, (self.name,)
        return copyreg.__newobj__, (type(self),), self.__dict__  # type: ignore[attr-defined]

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
        return isinstance(words_given(self.function)[0], LabelsWord)

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

    def over(self, asked: Over | None, usual: Over) -> Over:
        """Return what is worked on at once: as asked, or as is usual for an image.

        Raises
        ------
        ValueError
            If the method cannot do so.
        """
        return self.way.over(asked, usual, self.name)

    @property
    def refines(self) -> bool:
        """True if it changes labels, whose numbers mean the same afterwards."""
        return self.source.word.refined

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
                raise ValueError(parameter.missing)
            if not parameter.is_array:
                check_value(parameter, complete[name])
        return complete


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


def _whole_objects(assembly: Assembly) -> Cut:
    return Cut("global", reason=WHOLE_OBJECTS.reason, assembly=assembly)


# what is opened or closed is looked at twice
_ELEMENT = Cut("local", _reach("radius", 2, 2))

_NETWORK = Cut("local", predict_halo, predict_statistics, exact=False, memory=128)
# a network looks as far as its tiles reach; objects are joined across seams
_NETWORK_OBJECTS = Cut("joined", predict_halo, predict_statistics, exact=False, memory=128)
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
    Method(detect, "Deep learning", _NETWORK_OBJECTS, title="Find objects", cost=_ESTIMATED),
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
        _whole_objects(Assembly(object_pieces, kept_objects, _neighbours, by_id=_by_id)),
    ),
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


def _named(name: str) -> Method:
    return METHODS[name]
