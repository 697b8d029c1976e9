"""What is to be segmented live: a layer with a method as a form has it, or with a recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_tessera.algorithms.file_names import file_name
from napari_tessera.io.files import write_as_made
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.live.live_labels import LiveLabels
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.result import Result
from napari_tessera.pipeline.run import run as run_method
from napari_tessera.pipeline.sinks import Sink
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.progress import Reporter
from napari_tessera.widgets.forms.call import Call, before
from napari_tessera.widgets.layers.from_result import named_by
from napari_tessera.widgets.layers.geometry import geometry, lattice
from napari_tessera.widgets.layers.saved import LayerTuple
from napari_tessera.widgets.layers.to_source import dropped_axis
from napari_tessera.widgets.live.live_array import levels_of_layer
from napari_tessera.widgets.plugin.readers import read_layers

if TYPE_CHECKING:
    from pathlib import Path

    from napari.layers import Layer


@dataclass(frozen=True)
class LiveAsked:
    """What is to be segmented live, and frozen to disk.

    Attributes
    ----------
    layer : Layer
        What is segmented.
    sources : sequence of Source
        The layer, and the smaller levels of its pyramid if it has any.
    recipe : callable
        Makes the recipe of what is written, which takes time.
    live : callable
        Makes the recipe that is followed live, which takes time.
    run : callable
        Runs it as a whole: takes a sink and a reporter.
    arrays : mapping
        What the recipe takes beside the layer.
    method : str
        Of its last step.
    """

    layer: Layer
    sources: Sequence[Source]
    recipe: Callable[[], Recipe]
    live: Callable[[], Recipe]
    run: Callable[[Sink | None, Reporter], Result]
    arrays: dict[str, Any]
    method: str

    @classmethod
    def of_call(cls, call: Call) -> LiveAsked:
        """Return what a form of a method asks for.

        Raises
        ------
        ValueError
            If it works on a part of the layer, or changes it.
        """
        if call.later is not None or call.walk.region is not None:
            raise ValueError(
                "region is a part of the layer, but a live layer is worked out where it is looked "
                "at; choose the whole layer"
            )
        if call.in_place:
            raise ValueError(
                "the labels would be changed in place, but a live layer is read-only; choose a new "
                "layer for the result"
            )
        options = {each.name for each in call.method.options if each.is_array}
        arrays = {n: v for n, v in call.values.items() if n in options and v is not None}
        plain = {n: v for n, v in call.values.items() if n not in options}
        # what is painted is handed on as it is, and packed into the recipe of what is written
        lean = replace(call, values={**plain, **dict.fromkeys(options)})
        whole = replace(call, walk=replace(call.walk, blocks="auto"))

        def run(sink: Sink | None, report: Reporter) -> Result:
            return run_method(
                call.method,
                call.source,
                call.values,
                whole.walk,
                cache=call.cache,
                report=report,
                sink=sink,
            )

        return cls(
            call.layer,
            levels_of_layer(call.layer, call.source),
            lambda: whole.recipe(before=before(whole)),
            lean.recipe,
            run,
            arrays,
            call.method.name,
        )

    @classmethod
    def of_recipe(
        cls, recipe: Recipe, layer: Layer, own: Source, arrays: dict[str, Any]
    ) -> LiveAsked:
        """Return a recipe on a layer, with the images that it names."""

        def run(sink: Sink | None, report: Reporter) -> Result:
            return recipe.run(own, report, blocks="auto", sink=sink, **arrays)

        return cls(
            layer,
            levels_of_layer(layer, own),
            lambda: recipe.on(own, **arrays),
            lambda: recipe,
            run,
            arrays,
            recipe.method,
        )

    @property
    def dropped(self) -> int | None:
        """The axis of the layer that the labels do not have."""
        return dropped_axis(self.sources[0])

    @property
    def place(self) -> dict[str, Any]:
        """Where the labels lie, as options of a layer."""
        return geometry(self.layer, (0,) * len(self.sources[0].shape), self.dropped)

    @property
    def name(self) -> str:
        """Of the layer with the labels."""
        own = METHODS[self.method]
        return file_name(f"{self.sources[0].name} {named_by(own)}")

    def labels(self) -> LiveLabels:
        """Return the live labels; takes time.

        Raises
        ------
        ValueError
            If they cannot be worked out block by block.
        """
        return LiveLabels(self.sources, self.live(), self.arrays)

    def freeze(self, path: Path, report: Reporter) -> LayerTuple:
        """Write all labels to OME-Zarr, and return the layer that shows the file; takes time.

        Parameters
        ----------
        path : Path
            Ends in .zarr; what is there already stays, and is refused.
        report : Reporter
        """
        origin = [at for axis, at in enumerate(lattice(self.layer)[1]) if axis != self.dropped]
        source = replace(self.sources[0], origin=tuple(origin))
        run, close = Reporter(report, 0, 0.9), report.part(9, 10)
        write_as_made(path, lambda sink: self.run(sink, run), source, self.recipe(), report=close)
        data, options, kind = read_layers(str(path))[0]
        return data, {**options, **self.place, "name": self.name}, kind
