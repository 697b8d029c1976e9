"""A result made again, as a whole or in part, from what it keeps of its origin."""

from __future__ import annotations

import math
import os
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from napari_tessera.batch.file_results import FileResults
from napari_tessera.batch.kept_outputs import KeptOutput
from napari_tessera.batch.manifest import with_origin
from napari_tessera.batch.outputs import OUTPUTS
from napari_tessera.batch.verification import Verification
from napari_tessera.deep.models.library import find_model
from napari_tessera.io.files import read, write, write_as_made
from napari_tessera.io.lazy import Picked
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.comparison import Comparison, compare_objects, compare_values
from napari_tessera.pipeline.recipes.provenance import InputHash
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.recipes.samples import Samples
from napari_tessera.pipeline.result import ObjectLabels, Result
from napari_tessera.pipeline.sinks import Sink
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.progress import Reporter, Stop
from napari_tessera.signature.system_errors import sentence_of
from napari_tessera.signature.words import Report, VoxelSize

FITS = 1 << 26
"""Pixels of an input up to which all is made again, unless a sample is asked for."""

FEW = 8
"""How many planes or blocks are made again of a larger one."""

_PLACES = 5
"""How many places are told of."""


def verify(
    path: str | Path,
    *,
    source: str | Path | Source | None = None,
    sample: int | Literal["all"] | None = None,
    images: Mapping[str, str | Path] | None = None,
    recipe: str | Path | Recipe | None = None,
    report: Report = None,
) -> Verification:
    """Make a result again, or a sample of it, from what its file says, and compare.

    Parameters
    ----------
    path : str or Path
        The result: TIFF, OME-Zarr, GeoJSON or COCO with a recipe, or anything that a batch has
        written and that is in its batch.jsonl.
    source : str, Path or Source, optional
        What it was made from; None = the file that it names, where it was or beside it. Of an
        array, it is not told whether it is the one of then.
    sample : int or "all", optional
        How many planes, volumes or blocks are made again, evenly spread; None = all of an input of
        up to 67 million pixels, 8 of a larger one. What cannot be made in part is made as a whole.
    images : mapping, optional
        Files of other images that its recipe names; None = the files it names.
    recipe : str, Path or Recipe, optional
        How it was made, for files that do not say it: CSV, PNG and NumPy outside of batches, which
        have no place for one. `source` says what it ran on.
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    Verification
        Objects of a sample are compared whatever their numbers. `status` is 0 if all is as it was,
        1 if something differs, 2 if nothing could be compared, and ``print`` says what.

    Raises
    ------
    Stop
        If `report` raised it.

    Examples
    --------
    >>> import tempfile
    >>> from napari_tessera import METHODS, Recipe, files
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.save(folder / "eye.npy", np.eye(8))
    >>> image, recipe = files.read(folder / "eye.npy"), Recipe("threshold", {})
    >>> files.write(folder / "eye.tif", recipe.run(image), image, recipe.on(image))
    >>> found = verify(folder / "eye.tif")
    >>> found.equal, found.part, found.status
    (True, 'all of it', 0)
    """
    try:
        kept = KeptOutput.of(Path(path), _told(recipe, source))
        origin = _Origin(kept, source, images or {})
        origin.check_models()
        return origin.compared(sample, Reporter.of(report))
    except Stop:
        raise
    except Exception as error:  # noqa: BLE001 (whatever it is, it is why nothing could be compared)
        return Verification(str(path), problem=sentence_of(error))


def _told(recipe: str | Path | Recipe | None, source: str | Path | Source | None) -> Recipe | None:
    """Return a recipe that somebody gives, as one of a run on `source`."""
    own = recipe if isinstance(recipe, Recipe | None) else Recipe.load(recipe)
    if own is None or source is None:
        return own
    # pixel size, axes and hash that it has are those of the image that it was made on
    path = source.path if isinstance(source, Source) else str(source)
    return with_origin(
        own, {"source": {"name": own.first.source.get("name", "image"), "path": path}}
    )


@dataclass(frozen=True)
class _Origin:
    """What a result keeps of its origin, and where that is now."""

    kept: KeptOutput
    given: str | Path | Source | None
    images: Mapping[str, str | Path]

    @property
    def recipe(self) -> Recipe:
        return self.kept.recipe

    def check_models(self) -> None:
        """Raise an error if a network is missing, or is not the one that was used."""
        for step in self.recipe.steps:
            for option in METHODS[step.method].options:
                if option.word.name == "model" and step.parameters.get(option.name):
                    find_model(step.parameters[option.name]).verify()

    @cached_property
    def source(self) -> Source:
        """What it was made from.

        Raises
        ------
        FileNotFoundError
            If that is not to be found.
        """
        if isinstance(self.given, Source):
            return self.given
        first = self.recipe.first
        about, path = first.source, self._path(first.source, self.given, "source")
        spacing = VoxelSize(about["spacing"], about["unit"]) if about.get("spacing") else None
        axes = tuple(about["axes"]) if about.get("axes") else None
        found = read(
            path,
            spacing=spacing,
            axes=axes,
            channel_axis=first.channel_axis,  # type: ignore[arg-type]
            labels=METHODS[first.method].source.is_labels,
            series=about.get("series"),
        )
        return self._one_channel(found)

    def _one_channel(self, source: Source) -> Source:
        """Return the channel that was a layer of its own in a viewer, by its hash."""
        known, axis = InputHash.from_dict(self.recipe.first.source), source.channel_axis
        if known is None or known.of != "pixels" or axis is None or known.fits(source):
            return source
        for number in range(source.array.shape[axis]):
            array = Picked(source.array, axis, number)
            own = replace(source, array=array, channel_axis=None, rgb=False)
            if known.fits(own):
                return own
        return source

    def _path(self, about: Mapping[str, Any], given: str | Path | None, option: str) -> Path:
        """Return where a file is that a recipe names: where it was, or beside the result."""
        if given is not None:
            return Path(given)
        named = about.get("path")
        if not named:
            raise FileNotFoundError(
                f"it was made from {about.get('name')!r}, which was no file; give one as {option}"
            )
        beside = self.kept.path.parent / Path(named).name
        for place in (Path(named), beside):
            if place.exists() and place.absolute() != self.kept.path.absolute():
                return place
        raise FileNotFoundError(
            f"its input {named!r} is not there, nor {str(beside)!r}; give it as {option}"
        )

    @cached_property
    def arrays(self) -> dict[str, Any]:
        """Other images that the recipe names."""
        first, found = self.recipe.first, dict[str, Source]()
        several = len(self.recipe.steps) > 1
        for step in self.recipe.steps:
            for name, data in step.inputs.items():
                # a chain measures in its own image by itself
                own = several and data.get("name") == first.source.get("name")
                if "name" in data and name not in found and not own:
                    found[name] = read(self._path(data, self.images.get(name), name))
        return found

    def changed(self) -> tuple[str, ...]:
        """Return what has changed of the inputs, a sentence each."""
        first = self.recipe.first.source
        found = [(first, self.source), *((self._kept_of(n), s) for n, s in self.arrays.items())]
        hashes = ((InputHash.from_dict(about), source) for about, source in found)
        said = [
            f"the input {source.path or source.name} has changed since"
            for known, source in hashes
            if known is not None and source is not self.given and not known.fits(source)
        ]
        return tuple(said)

    def _kept_of(self, name: str) -> Mapping[str, Any]:
        return next(step.inputs[name] for step in self.recipe.steps if name in step.inputs)

    def compared(self, sample: int | Literal["all"] | None, report: Reporter) -> Verification:
        """Make it again and compare."""
        recipe, changed = self.recipe, self.changed()
        count = self._count(sample)
        part, every, parts = "", "all of it", list[Comparison]()
        if count is not None and self.kept.array is not None:
            try:
                samples = Samples.of(recipe, self.source, report.part(0, 2), **self.arrays)
            except ValueError as error:
                every = f"all of it ({error})"
            else:
                if count < len(samples.places):
                    parts = self._sampled(samples, count, report.part(1, 2))
                    part = f"{len(parts)} of {len(samples.places)} {samples.noun}"
        if not part:
            part, parts = every, [self._whole(report)]
        return Verification(
            str(self.kept.path),
            ", ".join(step.method for step in recipe.steps),
            part,
            replace(Comparison.joined(parts), unit=parts[0].unit),
            tuple(self._where(each) for each in parts if each.box is not None)[:_PLACES],
            changed,
            _other_versions(recipe),
        )

    def _count(self, sample: int | Literal["all"] | None) -> int | None:
        if sample is None:
            return None if math.prod(self.source.shape) <= FITS else FEW
        if sample != "all" and (not isinstance(sample, int) or sample < 1):
            raise ValueError(f"sample is {sample!r}; pass a number from 1, or 'all'")
        return None if sample == "all" else sample

    def _where(self, found: Comparison) -> str:
        """Return where something differs, for people."""
        names = self.kept.axes
        if found.unit != "pixel" or found.box is None or len(names) != len(found.box):
            names = (f"{found.unit}s",)
        spans = [
            f"{name} {p.start}" if p.stop == p.start + 1 else f"{name} {p.start} to {p.stop - 1}"
            for name, p in zip(names, found.box or (), strict=False)
        ]
        return ", ".join(spans)

    def _sampled(self, samples: Samples, count: int, report: Reporter) -> list[Comparison]:
        """Compare parts of it."""
        kept, found = self.kept.array, list[Comparison]()
        if kept.shape[-len(self.source.shape) :] != self.source.shape:
            raise ValueError(
                f"it has shape {kept.shape}, but the input {self.source.path} {self.source.shape}"
            )
        own = kept.ndim - len(self.source.shape)  # classes of probabilities, in front
        for place in samples.parts(count, report):
            piece = np.asarray(kept[(*(slice(None),) * own, *place.core)])
            if issubclass(samples.run.kind, ObjectLabels):
                one = compare_objects(piece, place.array, cut=place.cut)
            else:
                one = compare_values(piece, place.array)
            found.append(one.moved([0] * own + [part.start for part in place.core]))
        return found

    def _whole(self, report: Reporter) -> Comparison:
        """Make all of it again and compare."""
        # beside the result, where there is room for one
        with tempfile.TemporaryDirectory(dir=_writable(self.kept.path.parent)) as folder:
            place = Path(folder) / self.kept.path.name
            if self.kept.word:
                return self.kept.compare_file(self._output_again(place, report))
            if self.kept.array is None:
                write(place, self._run(report, None), self.source, self.recipe)
                return self.kept.compare_file(place)
            return self._compare_array(self._array_again(place, report))

    def _array_again(self, place: Path, report: Reporter) -> Result:
        """Return all of it, of a large one on the disk."""
        if math.prod(self.source.shape) <= FITS or self.kept.path.suffix != ".zarr":
            return self._run(report, None)
        return write_as_made(place, lambda sink: self._run(report, sink), self.source)

    def _run(self, report: Reporter, sink: Sink | None) -> Result:
        def run(blocks: Any) -> Result:
            return self.recipe.run(self.source, report, blocks=blocks, sink=sink, **self.arrays)

        if sink is None or any(step.blocks for step in self.recipe.steps):
            return run(None)
        try:
            return run("auto")
        except ValueError:  # a step cannot be cut
            return run(None)

    def _output_again(self, place: Path, report: Reporter) -> Path:
        """Write an output of a batch again."""
        steps = list[Result]()
        self.recipe.run(self.source, report, each=steps.append, **self.arrays)
        results = FileResults(self.source, self.recipe.on(self.source, **self.arrays), steps)
        OUTPUTS[self.kept.word].write(place, results, overwrite=False)
        return place

    def _compare_array(self, again: Result) -> Comparison:
        kept, array = self.kept.array, again.array
        if tuple(kept.shape) != tuple(array.shape):
            size = math.prod(kept.shape)
            return Comparison(size, size, box=tuple(slice(0, n) for n in kept.shape))
        if not isinstance(again, ObjectLabels):
            return compare_values(kept, array)
        found = compare_objects(kept, array)
        if found.differing or not found.renumbered:
            return found
        # made in the same way they would have the same numbers
        return replace(compare_values(kept, array), renumbered=True)


def _other_versions(recipe: Recipe) -> dict[str, tuple[str, str]]:
    """Return the packages that have another version now: the one then, the one now."""
    found = {}
    for step in recipe.steps:
        for name, then in step.versions.items():
            now = _version(name)
            if now != then:
                found[name] = then, now
    return found


def _version(name: str) -> str:
    try:
        return platform.python_version() if name == "python" else version(name)
    except PackageNotFoundError:
        return ""


def _writable(folder: Path) -> Path | None:
    """Return a folder, or None if nothing can be written there."""
    return folder if os.access(folder, os.W_OK) else None
