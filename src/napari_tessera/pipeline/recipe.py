"""What was run: as data, as Python and as a command, and how to run it again."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.models.library import pinned
from napari_tessera.methods.registry import METHODS, Method
from napari_tessera.pipeline import recipe_export as written
from napari_tessera.pipeline.blocks import sides_kept
from napari_tessera.pipeline.pieces import Pieces
from napari_tessera.pipeline.recipe_data import pack, pack_region, unpack, unpack_region
from napari_tessera.pipeline.recipe_schema import SCHEMA, checked_steps
from napari_tessera.pipeline.result import Labelled, Result, on_grid
from napari_tessera.pipeline.run import run
from napari_tessera.pipeline.sinks import Between, Sink
from napari_tessera.pipeline.source import Index, Region, Source
from napari_tessera.pipeline.walk import BlockSize, LevelsFrom, Walk
from napari_tessera.pipeline.workers import Workers
from napari_tessera.signature.named_arrays import NamedArray
from napari_tessera.signature.parameters import Parameter
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.text_files import read_json
from napari_tessera.signature.words import Over

if TYPE_CHECKING:
    from distributed import Client

KEY = "napari-tessera"
"""The entry of a layer's metadata that holds its recipe."""


@dataclass(frozen=True)
class Recipe:
    """A method with everything that was chosen for a run.

    Attributes
    ----------
    method : str
        Its name in the registry.
    parameters : dict
        Its options as they were written.
    inputs : dict
        Arrays besides the source: points by value, painted arrays compressed, images by name.
    over, levels_from, join
        How the source was walked, see `Walk`.
    channel_axis : int or "rgb", optional
        Which axis held channels; "rgb" for colours, wherever they are.
    channel : int, optional
        The channel that was taken.
    region : dict, optional
        The part worked on: "start", "stop" and, packed, "mask".
    only : list of int
        The labels that were refined; empty = all.
    blocks : list of int, optional
        Sides of the blocks that were worked on, if the result depends on them.
    before : dict, optional
        The recipe that made the image or labels it ran on, as data.
    source : dict
        What it ran on: "name", "path", "spacing", "unit", "axes", "parts", the names of the
        layers that were its channels, and once it has run "sha256" and "hashed", see
        `provenance.InputHash`.
    versions : dict
        Of the packages that matter.
    found : dict
        Levels that were found, beside the parameters that asked for them; a replay finds its own.
    schema : int
        Version of this layout.
    """

    method: str
    parameters: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)
    over: Over = "planes"
    levels_from: LevelsFrom = "each"
    join: bool = False
    channel_axis: int | str | None = None
    channel: int | None = None
    region: dict[str, Any] | None = None
    only: list[int] = field(default_factory=list)
    blocks: list[int] | None = None
    before: dict[str, Any] | None = None
    source: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    found: dict[str, list[float]] = field(default_factory=dict)
    schema: int = SCHEMA

    @classmethod
    def asked(cls, method: Method, values: Mapping[str, Any], walk: Walk | None = None) -> Recipe:
        """Return what is asked of `method`, whatever it will run on."""
        walk, complete = walk or Walk(), method.complete(values)
        arrays = {p.name for p in method.options if p.is_array}
        return cls(
            method=method.name,
            parameters={
                p.name: _pinned(p, complete[p.name]) for p in method.options if not p.is_array
            },
            inputs={k: pack(v) for k, v in complete.items() if k in arrays and v is not None},
            over=walk.over or "planes",
            levels_from=walk.levels_from,
            join=walk.join,
            region=None if walk.region is None else pack_region(walk.region),
            only=list(walk.only),
        )

    @classmethod
    def of(
        cls,
        method: Method,
        source: Source,
        values: Mapping[str, Any],
        walk: Walk | None = None,
        *,
        before: Mapping[str, Any] | None = None,
    ) -> Recipe:
        """Return the recipe of a run of `method` on `source` with `values`."""
        walk = walk or Walk()
        over = method.over(walk.over, source.over)
        return replace(
            cls.asked(method, values, walk),
            over=over,
            channel_axis="rgb" if source.rgb else source.channel_axis,
            channel=source.channel,
            blocks=_sides(method, source, method.complete(values), walk),
            before=None if before is None else dict(before),
            source=_described(source),
            versions=_versions(method),
        )

    def on(self, source: Source, **arrays: Any) -> Recipe:
        """Return the recipe as one of a run on another source, with other `arrays` beside it."""
        first, *others = self.steps
        own = _taken(first, arrays) if others else arrays
        found = _step_on(first, source, own, {})
        for step in others:
            inputs = {
                name: pack(source)
                for name, data in step.inputs.items()
                if data.get("name") == first.source.get("name")
            }
            before = found.to_dict()
            found = replace(_step_on(step, source, _taken(step, arrays), inputs), before=before)
        return found

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], name: str = "recipe") -> Recipe:
        """Return the recipe kept in a layer's metadata or a file.

        Parameters
        ----------
        data : mapping
        name : str
            Where it was kept, for messages.

        Raises
        ------
        ValueError
            If it was written by a newer version, its method is not known, or takes no such inputs
            and parameters; the message says where, as "recipe.json: steps[2].parameters.level".
        """
        return cls(**checked_steps(data, name)[-1])

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data, ready for JSON."""
        # the steps before as they are: there may be more than Python would copy one in another
        return {**asdict(replace(self, before=None)), "before": self.before}

    @classmethod
    def load(cls, path: str | Path) -> Recipe:
        """Read a recipe from a JSON file, see `from_dict`."""
        return cls.from_dict(read_json(path), Path(path).name)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the recipe to a JSON file; an existing one is refused unless `overwrite`."""
        with atomic_write(path, overwrite=overwrite) as fresh:
            fresh.write_text(json.dumps(self.to_dict(), indent=2) + "\n", encoding="utf-8")

    def values(self, **arrays: Any) -> dict[str, Any]:
        """Return all options, arrays unpacked; `arrays` replace those that are kept.

        Raises
        ------
        ValueError
            If the recipe names an image that is not among `arrays`.
        """
        for name, data in self.inputs.items():
            if "name" in data and arrays.get(name) is None:
                raise ValueError(
                    f"{name} is missing; the recipe was made with {data['name']!r}, give that or "
                    "another image of the same grid"
                )
        kept = {
            k: unpack(data, f"recipe: inputs.{k}")
            for k, data in self.inputs.items()
            if k not in arrays
        }
        return {**self.parameters, **kept, **arrays}

    def run(
        self,
        source: Any,
        report: Callable[[Progress], None] | None = None,
        *,
        cache: Cache | None = None,
        each: Callable[[Result], None] = lambda result: None,
        blocks: BlockSize | Literal["whole"] | None = None,
        sink: Sink | None = None,
        workers: Workers | Client | None = None,
        **arrays: Any,
    ) -> Result:
        """Run the recipe on a source.

        Parameters
        ----------
        source : Source
            Its channels are taken as the recipe says if it has any. An array of xarray or an image
            of bioio stands for its own; arrays of the results then have its coordinates.
        report : callable, optional
            Takes `Progress`.
        cache : Cache, optional
            Where networks are kept for the next run.
        each : callable
            Takes what each step gives as it comes, what the last one gives too.
        blocks : tuple of int or {"auto", "whole"}, optional
            Sides of the blocks that each step works on, see `Walk`; None = as the recipe says.
        sink : Sink, optional
            What makes the array of the result; None = it is kept in memory.
        workers : Workers or distributed.Client, optional
            Who computes planes, volumes or blocks; None = the threads of this process.
        **arrays
            Images that the recipe only names, such as the one to measure intensities in; or
            markers and masks other than those it keeps.
        """
        if (named := NamedArray.of(source)) is not None:
            how = {"cache": cache, "blocks": blocks, "sink": sink, "workers": workers, **arrays}
            own = self.run(Source.of(source), report, each=lambda r: each(on_grid(r, named)), **how)
            return on_grid(own, named)
        reporter = Reporter.of(report)
        if self.before is not None:
            how = {"cache": cache, "blocks": blocks, "workers": workers}
            return self._after(source, reporter, arrays, each, sink, how)
        if source.channel_axis is not None:
            source = replace(source, channel=self.channel)
        values, walk = self.values(**arrays), self.walk
        walk = walk if blocks is None else walk.in_blocks(blocks)
        how = {"cache": cache, "report": reporter, "sink": sink, "workers": workers}
        result = run(self.method, source, values, walk, **how)
        method = METHODS[self.method]
        result = replace(result, blocks=(_sides(method, source, method.complete(values), walk),))
        each(result)
        return result

    @property
    def walk(self) -> Walk:
        """How its run went through the source."""
        region = None if self.region is None else unpack_region(self.region)
        blocks = None if self.blocks is None else tuple(self.blocks)
        return Walk(self.over, self.levels_from, self.join, region, tuple(self.only), blocks)

    @property
    def steps(self) -> list[Recipe]:
        """The recipes from the image on, this one the last."""
        if self.before is None:
            return [self]
        before = checked_steps(self.before, "recipe")
        own = replace(self, before=None)
        return [*(Recipe(**{**step, "before": None}) for step in before), own]

    @property
    def first(self) -> Recipe:
        """The recipe of the first step, which runs on the image."""
        return self.steps[0]

    def _after(
        self,
        image: Source,
        report: Reporter,
        arrays: Mapping[str, Any],
        each: Callable[[Result], None],
        sink: Sink | None,
        how: Mapping[str, Any],
    ) -> Result:
        """Run all steps from the image on; what one gives is what the next one refines."""
        steps = self.steps
        unknown = arrays.keys() - {name for step in steps for name in step.inputs}
        if unknown:
            raise TypeError(f"{min(unknown)} is an array that no step of this recipe takes")
        sinks = [*(None if sink is None else Between(sink) for _ in steps[1:]), sink]
        given = {**how, "sink": sinks[0], "each": each, **_taken(steps[0], arrays)}
        result = steps[0].run(image, report.part(0, len(steps)), **given)
        sides = [*result.blocks]
        place: Index = (0,) * len(image.shape)
        for number, step in enumerate(steps[1:], 1):
            place = tuple(np.add(place, result.start or 0))
            source = _next(image, result)
            part = image.cut(Region(place, tuple(np.add(place, source.shape))))
            # mostly the image that all began with
            began = steps[0].source.get("name")
            own = {n: part for n, data in step.inputs.items() if data.get("name") == began}
            given = {**how, "sink": sinks[number], **own, **_taken(step, arrays)}
            result = step.run(source, report.part(number, len(steps)), **given)
            sides += result.blocks
            each(replace(result, start=tuple(np.add(place, result.start or 0))))
        return replace(result, start=tuple(np.add(place, result.start or 0)), blocks=tuple(sides))

    def as_python(self, form: str = "console") -> str:
        """Return the run as Python.

        Parameters
        ----------
        form : {"console", "file"}
            "console" uses the layers of an open viewer, "file" reads and writes files.
        """
        return written.console(self) if form == "console" else written.script(self)

    def as_command(self, *, windows: bool = os.name == "nt") -> str:
        """Return the run as a line for the command line.

        Parameters
        ----------
        windows : bool
            Whether it is quoted for cmd.exe, and not for a shell of Unix.

        Raises
        ------
        ValueError
            If painted arrays are too large for one, or the channels came from several layers; the
            recipe can then be saved and replayed.
        """
        return written.command(self, windows=windows)

    def applicable(self) -> dict[str, Any]:
        """Return the parameters that have a meaning beside the others and are not None."""
        return {
            p.name: self.parameters[p.name]
            for p in METHODS[self.method].options
            if p.name in self.parameters
            and self.parameters[p.name] is not None
            and p.applies(self.parameters)
        }


def _sides(
    method: Method, source: Source, values: Mapping[str, Any], walk: Walk
) -> list[int] | None:
    """Return the sides of the blocks that are worked on, if the result depends on them."""
    part = source if walk.region is None else source.cut(walk.region)
    pieces = Pieces(method, part, values, method.over(walk.over, source.over))
    return sides_kept(pieces, walk.blocks)


def _taken(step: Recipe, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in arrays.items() if name in step.inputs}


def _step_on(
    step: Recipe, source: Source, arrays: Mapping[str, Any], inputs: Mapping[str, Any]
) -> Recipe:
    """Return one step as of another source, with other `inputs` and, before these, `arrays`."""
    own = {**step.inputs, **inputs, **{name: pack(value) for name, value in arrays.items()}}
    described, versions = _described(source), _versions(METHODS[step.method])
    return replace(step, source=described, inputs=own, versions=versions, found={})


def _next(image: Source, result: Result) -> Source:
    """Return what a step made from an image as the source of the next one."""
    if not result.continues:
        raise ValueError(f"a step gives {result.kind}, on which no other step can work")
    kind = result.kind if isinstance(result, Labelled) else ""
    return Source(result.array, image.spacing, image.axes, kind=kind, name=image.name)


def _described(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "path": source.path,
        "spacing": list(source.spacing),
        "unit": source.spacing.unit,
        "axes": list(source.axes),
        "parts": list(source.parts),
    }


def _pinned(parameter: Parameter, value: Any) -> Any:
    """Return a parameter as plain data; a model with its hash, so that no other takes its place."""
    return pinned(value) if parameter.word.name == "model" else _plain(value)


def _plain(value: Any) -> Any:
    """Return a parameter as JSON and Python would both write it."""
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, tuple | list | np.ndarray):
        return value
    return [_plain(each) if np.ndim(each) else float(each) for each in value]


def _versions(method: Method) -> dict[str, str]:
    packages = ["napari-tessera", "numpy", "scipy", "scikit-image", "numba"]
    # what a network gives depends on what runs it
    packages += ["torch"] * any(each.word.name == "model" for each in method.options)
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
