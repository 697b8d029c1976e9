"""What is said of a method besides its signature: how it is cut, walked and paid for."""

from __future__ import annotations

import copyreg
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.cost import Estimate
from napari_tessera.methods.ways import PLANES_OR_VOLUMES, Way
from napari_tessera.signature.parameters import Parameter, docs, gives, parameters, words_given
from napari_tessera.signature.validation import check_value
from napari_tessera.signature.words import Array, LabelsWord, Look, Over, Table, VoxelSize

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
    marks : str
        Name of the array whose marks the statistics learn from, in all planes or volumes together;
        parts without marks are not read for them. "" = there is none.
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
    joined_rows : callable, optional
        How the table of a method that also labels objects is made of those of blocks. Called with
        the rows of the pieces of all objects, the object that each is a piece of, counted from 0,
        how large the objects are and where they lie, and the spacing; gives their rows. None = a
        table cannot be made so.
    """

    scope: Scope | Callable[[Values], Scope]
    halo: Halo | None = None
    statistics: Callable[..., dict[str, Any]] | None = None
    smooths: bool = False
    marks: str = ""
    exact: bool | Callable[[Values], bool] = True
    reason: str = ""
    assembly: Assembly | None = None
    prepared: Callable[[Values], dict[str, Any] | None] | None = None
    memory: int = 32
    joined_rows: Callable[..., Table] | None = None

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
        from napari_tessera.methods.registry import METHODS

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
    def has_loose_table(self) -> bool:
        """True if it gives a table that cannot be made of those of blocks."""
        return "table" in self.gives and self.cut.joined_rows is None

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


def _named(name: str) -> Method:
    from napari_tessera.methods.registry import METHODS

    return METHODS[name]
