"""What was run: as data, as Python and as a command, and how to run it again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.deep.inference.cache import Cache
from napari_tessera.methods.method import Method
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.blockwise.workers import Workers
from napari_tessera.pipeline.recipes import export as written
from napari_tessera.pipeline.recipes.chain import (
    check_order,
    inputs_beside,
    linked,
    place_of_step,
    with_moved,
    with_steps,
    without,
)
from napari_tessera.pipeline.recipes.data import (
    pack,
    pack_region,
    unpack,
    unpack_region,
)
from napari_tessera.pipeline.recipes.description import (
    input_data,
    package_versions,
    parameter_data,
    source_data,
)
from napari_tessera.pipeline.recipes.execution import RecipeRun, StepTools, sides_worked_on
from napari_tessera.pipeline.recipes.given_source import given_source
from napari_tessera.pipeline.recipes.schema import SCHEMA, checked_steps
from napari_tessera.pipeline.result import Result, on_grid
from napari_tessera.pipeline.sinks import Sink
from napari_tessera.pipeline.source import Source
from napari_tessera.pipeline.walk import BlockSize, LevelsFrom, Walk
from napari_tessera.signature.named_arrays import NamedArray
from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.text_files import read_json
from napari_tessera.signature.words import Over, VoxelSize

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
        Arrays besides the source: points by value, painted arrays compressed, images by name, what
        earlier steps give by their numbers. Under the name of what the method works on: the name
        of the recipe's image, or the number of a step, instead of the one before.
    over, levels_from, join
        How the source was walked, see `Walk`; `over` is None before it is known, as is usual for
        the source then.
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
        What it ran on: "name", "path", "spacing", "unit", "axes", "series" of its file if it was
        asked for, "parts", the names of the layers that were its channels, and once it has run
        "sha256" and "hashed", see `provenance.InputHash`.
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
    over: Over | None = "planes"
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
                p.name: parameter_data(p, complete[p.name])
                for p in method.options
                if not p.is_array
            },
            inputs={k: input_data(v) for k, v in complete.items() if k in arrays and v is not None},
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
            blocks=sides_worked_on(method, source, values, walk),
            before=None if before is None else dict(before),
            source=source_data(source),
            versions=package_versions(method),
        )

    def on(self, source: Source, **arrays: Any) -> Recipe:
        """Return the recipe as one of a run on another source, with other `arrays` beside it."""
        return self.on_each(source, self._given(arrays))

    def on_each(self, source: Source, arrays: Sequence[Mapping[str, Any]]) -> Recipe:
        """Return the recipe as one of a run on another source, with other arrays in each step."""
        began, before = self.first.source.get("name"), None
        for number, (step, own) in enumerate(zip(self.steps, arrays, strict=True)):
            named = [n for n, d in step.inputs.items() if number and d.get("name") == began]
            inputs = {name: pack(source) for name in named}
            found = replace(_step_on(step, source, own, inputs), before=before)
            before = found.to_dict()
        return found

    def _given(self, arrays: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return the arrays for each step, of those that are given by name."""
        steps = self.steps
        if len(steps) == 1:
            return [arrays]
        # what an earlier step gives is nobody else's
        asked = [{n for n, d in inputs_beside(s).items() if "step" not in d} for s in steps]
        unknown = arrays.keys() - set().union(*asked)
        if unknown:
            raise TypeError(f"{min(unknown)} is an array that no step of this recipe takes")
        return [{n: each for n, each in arrays.items() if n in own} for own in asked]

    @classmethod
    def chain(cls, *steps: Recipe) -> Recipe:
        """Return steps, or chains of them, as one recipe: each works on what is given before it.

        Labels and images are worked on by the next step that takes them. Tables, polygons and
        probability maps are branches: measurements, outlines and further steps may follow one
        another, all on the same labels.

        Parameters
        ----------
        *steps : Recipe
            See `step`. An image named as that of the first step, "image" where nothing else is
            said, is the one that the recipe runs on. A `StepResult` counts steps from the first of
            all, in a chain that is put into another one from the first of its own.

        Raises
        ------
        ValueError
            If there is none, or one takes what those before do not give; it names the step, from 0.

        Examples
        --------
        >>> from napari_tessera import step
        >>> cells = Recipe.chain(
        ...     step("threshold", smoothing="1 px"),
        ...     step("label"),
        ...     step("filter_objects", min_diameter="4 px"),
        ...     step("measure", image="image"),
        ... )
        >>> [each.method for each in cells.steps]
        ['threshold', 'label', 'filter_objects', 'measure']
        """
        return _joined(linked(steps))

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

    def with_parameters(self, step: int = -1, **parameters: Any) -> Recipe:
        """Return the recipe with other parameters of one step.

        Parameters
        ----------
        step : int
            Which one, from 0; -1 = the last.
        **parameters
            As for `step`; markers, masks and images may be None, which takes them away, and what
            it works on None for the last labels or image.

        Raises
        ------
        ValueError
            If the method takes no such; the message says where, as "steps[1].parameters".
        """
        steps, number = self.steps, place_of_step(step, self.steps)
        own = steps[number]
        method = METHODS[own.method]
        options = {each.name: each for each in (*method.options, method.source)}
        inputs, values = dict(own.inputs), dict(own.parameters)
        for name, value in parameters.items():
            if name not in options or not options[name].is_array:
                known = name in options and value is not None
                values[name] = parameter_data(options[name], value) if known else value
            elif value is None:
                inputs.pop(name, None)
            else:
                inputs[name] = input_data(value)
        steps[number] = replace(own, inputs=inputs, parameters=values, found={})
        return _joined(steps)

    def with_step(self, step: Recipe, at: int | None = None) -> Recipe:
        """Return the recipe with one more step (or several): at a place from 0, or at the end."""
        steps = self.steps
        number = len(steps) if at is None else place_of_step(at, [*steps, step])
        return _joined(with_steps(steps, step, number))

    def without_step(self, step: int) -> Recipe:
        """Return the recipe without one of its steps, from 0; what follows works on the others."""
        steps = self.steps
        return _joined(without(steps, place_of_step(step, steps)))

    def with_step_moved(self, step: int, to: int) -> Recipe:
        """Return the recipe with one of its steps, from 0, at another place."""
        steps = self.steps
        return _joined(with_moved(steps, place_of_step(step, steps), place_of_step(to, steps)))

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
        inputs = inputs_beside(self)
        for name, data in inputs.items():
            if "name" in data and arrays.get(name) is None:
                raise ValueError(
                    f"{name} is missing; the recipe was made with {data['name']!r}, give that or "
                    "another image of the same grid"
                )
        kept = {
            k: unpack(data, f"recipe: inputs.{k}") for k, data in inputs.items() if k not in arrays
        }
        return {**self.parameters, **kept, **arrays}

    def up_to(self, step: int) -> Recipe:
        """Return the recipe of what one of its steps gives, from 0: without those after it."""
        steps = self.steps
        return _joined(steps[: place_of_step(step, steps) + 1])

    def run(
        self,
        source: Any,
        /,
        report: Callable[[Progress], None] | None = None,
        *,
        spacing: VoxelSize | tuple[float, ...] | None = None,
        channel_axis: int | None = None,
        cache: Cache | None = None,
        each: Callable[[Result], None] = lambda result: None,
        blocks: BlockSize | Literal["whole"] | None = None,
        sink: Sink | None = None,
        workers: Workers | Client | None = None,
        **arrays: Any,
    ) -> Result:
        """Run the recipe on an image.

        A step works on the last labels or image that a step before it gave, or on the one that it
        names; tables and polygons are branches, on which nothing works.

        Parameters
        ----------
        source : array, layer or Source
            Its channels are taken as the recipe says if it has any. An array of xarray or an image
            of bioio stands for its own; arrays of the results then have its coordinates.
        report : callable, optional
            Takes `Progress`.
        spacing : tuple of float, optional
            Pixel size of an array along its last axes; None = 1 pixel.
        channel_axis : int, optional
            Axis of an array that holds channels; None = as the recipe says, where its image had an
            axis more than it has without channels.
        cache : Cache, optional
            Where networks are kept for the next run.
        each : callable
            Takes what each step gives as it comes, what the last one gives too.
        blocks : tuple of int or {"auto", "whole"}, optional
            Sides of the blocks that each step works on, see `Walk`; None = as the recipe says.
        sink : Sink, optional
            What makes the array of the last labels or image; None = it is kept in memory.
        workers : Workers or distributed.Client, optional
            Who computes planes, volumes or blocks; None = the threads of this process.
        **arrays
            Images that the recipe only names, such as the one to measure intensities in; or
            markers and masks other than those it keeps.

        Returns
        -------
        Result
            What the last step gave.

        Examples
        --------
        >>> import numpy as np
        >>> from napari_tessera import step
        >>> image = np.zeros((20, 20))
        >>> image[2:6, 2:6] = image[9:18, 9:18] = 1
        >>> recipe = Recipe.chain(step("threshold"), step("label"), step("measure"))
        >>> recipe.run(image, spacing=(0.5, 0.5)).table["area"].tolist()
        [4.0, 20.25]
        """
        named = NamedArray.of(source)
        own = given_source(
            self.first, source if named is None else Source.of(source), spacing, channel_axis
        )
        tools = StepTools(cache, blocks, sink, workers=workers)
        steps = RecipeRun(self.steps, own, self._given(arrays), tools)
        for outcome, _ in steps.outcomes(Reporter.of(report)):
            result = outcome.result if named is None else on_grid(outcome.result, named)
            each(result)
        return result

    def run_steps(self, source: Any, /, **options: Any) -> list[Result]:
        """Return what each step gives, the last one last; options are those of `run`."""
        found: list[Result] = []
        self.run(source, each=found.append, **options)
        return found

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


def _joined(steps: Sequence[Recipe]) -> Recipe:
    """Return steps as one recipe, each known to be right and to take what is given before it."""
    check_order(steps)
    before: dict[str, Any] | None = None
    for each in steps:
        before = {**each.to_dict(), "before": before}
    return Recipe.from_dict(before or {})


def _step_on(
    step: Recipe, source: Source, arrays: Mapping[str, Any], inputs: Mapping[str, Any]
) -> Recipe:
    """Return one step as of another source, with other `inputs` and, before these, `arrays`."""
    own = {**step.inputs, **inputs, **{name: pack(value) for name, value in arrays.items()}}
    over, described = METHODS[step.method].over(step.over, source.over), source_data(source)
    versions = package_versions(METHODS[step.method])
    return replace(step, source=described, inputs=own, over=over, versions=versions, found={})
