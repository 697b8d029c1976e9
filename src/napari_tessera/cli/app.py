"""Every method as a command, made from its signature: ``napari-tessera METHOD INPUTS ...``."""

from __future__ import annotations

import inspect
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from napari_tessera import __version__
from napari_tessera.batch.batch_run import BatchRun
from napari_tessera.batch.inputs import FileReading, is_folder
from napari_tessera.batch.outputs import formatted
from napari_tessera.batch.run_batch import run_batch
from napari_tessera.batch.summary import FileOutcome, FileState
from napari_tessera.cli.arguments import (
    axes_from,
    blocks_from,
    colour_axis,
    files_apart,
    numbers_as_written,
    region_from,
)
from napari_tessera.cli.streams import steady_streams
from napari_tessera.io.csv_files import picks_from
from napari_tessera.io.files import read_extra, written_as
from napari_tessera.methods.method import Method
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.blockwise.workers import workers_at
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.walk import LevelsFrom, Walk
from napari_tessera.signature.parameters import Parameter, docs
from napari_tessera.signature.progress import Progress
from napari_tessera.signature.system_errors import sentence_of
from napari_tessera.signature.text_files import parse_json
from napari_tessera.signature.units import METRES
from napari_tessera.signature.units import unit as short_unit
from napari_tessera.signature.words import Over, VoxelSize

_NUMBERS = (int, float)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line.

    The exit status is 1 if a file failed or what was to be said cannot be written, 2 if an option
    is wrong, 130 if somebody stopped it.
    """
    # asked to end, as by a batch system, it clears away what it has begun, as after Ctrl-C
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    with steady_streams() as out:
        try:
            words = files_apart(sys.argv[1:] if arguments is None else arguments)
            known = app(words[0] if words else None)
            status = known(words, result_action="return_value") or 0
        except SystemExit as ended:  # help was shown, an option is unknown, Ctrl-C
            status = ended.code or 0
        finally:
            signal.signal(signal.SIGTERM, before)
    sys.exit(status or (1 if out.error else 0))


def app(first: str | None = None) -> Any:
    """Return the command line application with one command per method.

    Parameters
    ----------
    first : str, optional
        The first word that is said. If it is a method, that one is the only command: to make them
        all takes longer than many a run.
    """
    from cyclopts import App

    top = App(
        name="napari-tessera",
        help="Segment images: one command per method, with the options of its form in napari.",
        version=__version__,
    )
    said = [method for method in METHODS.values() if _word(method) == first]
    for method in said or METHODS.values():
        text = f"{method.summary}\n\n{docs(method.function).description}"
        top.command(numbers_as_written(_command(method)), name=_word(method), help=text)
    if not said:
        _add_others(top)
    return top


def _word(method: Method) -> str:
    """Return what a method is called on the command line."""
    return method.name.replace("_", "-")


def _add_others(top: Any) -> None:
    """Add the commands that are no method."""
    from cyclopts import App

    from napari_tessera.cli.object_classifier import object_classifier_command
    from napari_tessera.cli.pixel_classifier import pixel_classifier_command
    from napari_tessera.cli.train import (
        import_command,
        improve_command,
        models_command,
        train_command,
    )
    from napari_tessera.cli.verify import verify_command

    top.command(numbers_as_written(train_command), name="train")
    top.command(numbers_as_written(improve_command), name="improve")
    top.command(numbers_as_written(pixel_classifier_command), name="train-pixel-classifier")
    top.command(numbers_as_written(object_classifier_command), name="train-object-classifier")
    models = App(name="models", help="List your trained models, or import one.")
    models.default(models_command)
    models.command(import_command, name="import")
    top.command(models)
    top.command(methods, name="list")
    top.command(numbers_as_written(replay), name="replay")
    top.command(numbers_as_written(verify_command), name="verify")


def methods() -> None:
    """List the methods, by group."""
    for group in dict.fromkeys(method.group for method in METHODS.values()):
        print(group)
        for method in METHODS.values():
            if method.group == group:
                print(f"  {_word(method):20} {method.summary}")


def replay(
    recipe: Path,
    inputs: list[Path],
    /,
    *,
    output: Path,
    image: str | None = None,
    blocks: str | None = None,
    scheduler: str | None = None,
    write: list[str] | None = None,
    format: str | None = None,  # noqa: A002 (the option's name)
    overwrite: bool = False,
    again: bool = False,
) -> int:
    """Run a saved recipe on other files; what is there already and still fits is left out.

    Parameters
    ----------
    recipe : Path
        The recipe, saved as JSON.
    inputs : list of Path
        Images to run it on.
    output : Path
        A file, or a folder when there are several inputs.
    image : str
        The image to measure in, for recipes that name one: a file, or a folder, where cells.tif
        goes with the input cells.tif or cells-watershed.tif.
    blocks : str
        Work in blocks, for images larger than memory, written to OME-Zarr as they are made: auto,
        or their sides in pixels, such as 64,512,512. By default as the recipe was run; whole = not.
    scheduler : str
        Address of a Dask scheduler whose workers compute the blocks (without blocks, the planes or
        volumes), such as tcp://10.0.0.1:8786, or the JSON file that it wrote; the result is written
        to OME-Zarr. By default the cores of this computer do it.
    write : list of str
        What to write of each file: labels, image, table, polygons, overview. By default what the
        recipe gives. With tables there is one of all files too, METHOD.csv.
    format : str
        Of labels, images or polygons in a folder: tif, zarr, npy, png, ...; by default tif, in
        blocks zarr.
    overwrite : bool
        Replace files that are there already, of another input or recipe.
    again : bool
        Make anew what is there already, of the same input and recipe.
    """
    try:
        kept = Recipe.load(recipe)
        size = blocks_from(blocks)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        print(f"{recipe} cannot be replayed: {sentence_of(error)}", file=sys.stderr)
        return 2

    def asked() -> BatchRun:
        words = _words(kept, output, write, format, size if scheduler is None else "auto")
        batch = BatchRun.of(kept, inputs, output, words, {"image": image})
        return replace(batch, overwrite=overwrite, again=again, blocks=size)

    return _each(kept.method, asked, scheduler)


def _words(
    recipe: Recipe, output: Path, write: list[str] | None, suffix: str | None, blocks: Any
) -> list[str] | None:
    """Return the words of outputs with the format that was asked for; a file has its own."""
    in_blocks = blocks not in (None, "whole") and is_folder(output)
    return (
        formatted(recipe, write, suffix or "", blocks=in_blocks) if suffix or in_blocks else write
    )


def _each(method: str, asked: Callable[[], BatchRun], scheduler: str | None) -> int:
    """Work on one file after the other, and say what becomes of each."""
    try:
        batch = asked()
        first, count = batch.destinations[0].path.name, len(batch.destinations)
        report = _progress(first if count == 1 else f"{count} files")
        with workers_at(scheduler) as workers:
            summary = run_batch(batch, report, told=_tell, workers=workers)
    except (OSError, ValueError, RuntimeError) as error:
        print(f"{method}: {sentence_of(error)}", file=sys.stderr)
        return 2
    if count > 1:
        print(summary)
    if summary.problem and count > 1:  # of one file it is said already
        print(f"{method}: {summary.problem}", file=sys.stderr)
    return 1 if summary.problem or summary.count(FileState.FAILED) else 0


def _tell(number: int, outcome: FileOutcome) -> None:
    """Say what has become of a file."""
    path, target = outcome.destination
    for note in outcome.notes:
        print(f"{path}: {note}", file=sys.stderr)
    if outcome.state is FileState.FAILED:
        print(f"\r{path}: {outcome.reason}", file=sys.stderr)
    elif outcome.state is FileState.KEPT:
        print(f"\r{path}: {outcome.counted}, there already -> {target}")
    elif outcome.state is FileState.DONE:
        print(f"\r{path}: {outcome.counted}, {outcome.seconds:.2g} s -> {target}")


def _command(method: Method) -> Callable[..., int]:
    """Return the command of a method: its options, and those that every method shares."""

    def command(inputs: list[Path], /, **options: Any) -> int:
        return _run(method, inputs, **options)

    own = [_option(parameter) for parameter in method.asked]
    first = inspect.Parameter("inputs", inspect.Parameter.POSITIONAL_ONLY, annotation=list[Path])
    command.__signature__ = inspect.Signature([first, *_shared(method), *own])  # type: ignore[attr-defined]
    command.__annotations__ = {
        p.name: p.annotation
        for p in command.__signature__.parameters.values()  # type: ignore[attr-defined]
    }
    command.__doc__ = None
    return command


def _keyword(name: str, kind: Any, default: Any, text: str, **extra: Any) -> inspect.Parameter:
    from cyclopts import Parameter as Option

    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, Option(help=text, **extra)],
    )


@dataclass(frozen=True)
class Files:
    """What every command asks for: what to read, what to write and how to walk through it.

    Parameters
    ----------
    output : Path
        File to write, or a folder.
    planes : bool, optional
        Work on planes, or on volumes; by default on volumes where the file names a z axis.
    levels_from : {"each", "all"}
        Automatic levels of each plane, or of all.
    join : bool
        Objects that overlap from plane to plane keep a number.
    channels : str, optional
        Axis of the channels, or rgb; else the file's.
    channel : int, optional
        The channel to take; by default luminance or mean.
    axes : str, optional
        Names of the axes besides the channels', such as tyx; else the file's.
    series : int, optional
        The image to take of files that hold several, from 0.
    spacing : str, optional
        Pixel size, such as '2 0.5 0.5 um'; else the file's.
    region : str, optional
        Part to work on, as a recipe writes it (JSON).
    only : list of int, optional
        Labels to refine, such as 3 7; the others keep their pixels. By default all.
    blocks : str, optional
        Work in blocks, for images larger than memory, written to OME-Zarr as they are made: auto,
        or their sides in pixels, such as 64,512,512. By default planes or volumes as a whole.
    scheduler : str, optional
        Address of a Dask scheduler whose workers compute the blocks (without blocks, the planes or
        volumes), such as tcp://10.0.0.1:8786, or the JSON file that it wrote; the result is written
        to OME-Zarr. By default the cores of this computer do it.
    write : list of str, optional
        What to write of each file: labels, image, table, polygons, overview. By default what the
        method gives. With tables there is one of all files too, METHOD.csv.
    format : str, optional
        Of labels, images or polygons in a folder: tif, zarr, npy, png, ...; by default tif, in
        blocks zarr.
    overwrite : bool
        Replace files that are there already, of another input or other options.
    again : bool
        Make anew what is there already, of the same input and options.
    """

    output: Path
    planes: bool | None = None
    levels_from: LevelsFrom = "each"
    join: bool = False
    channels: str | None = None
    channel: int | None = None
    axes: str | None = None
    series: int | None = None
    spacing: str | None = None
    region: str | None = None
    only: list[int] | None = None
    blocks: str | None = None
    scheduler: str | None = None
    write: list[str] | None = None
    format: str | None = None
    overwrite: bool = False
    again: bool = False

    @property
    def reading(self) -> FileReading:
        """What the inputs do not say."""
        return FileReading(_spacing(self.spacing), axes_from(self.axes), self.series)

    @property
    def walk(self) -> Walk:
        """How a run goes through them."""
        over: Over | None = None
        if self.planes is not None:
            over = "planes" if self.planes else "volume"
        part = None if self.region is None else region_from(self.region)
        walk = Walk(over, self.levels_from, self.join, part, tuple(self.only or ()))
        size = blocks_from(self.blocks)
        return walk if size is None else walk.in_blocks(size)


def _shared(method: Method) -> list[inspect.Parameter]:
    """Return the options that all commands share."""
    hints, texts = get_type_hints(Files), docs(Files).parameters
    formats = ", ".join(written_as(method.returns))
    texts = {**texts, "output": f"File to write ({formats}), or a folder."}
    special: dict[str, dict[str, Any]] = {
        "planes": {"negative": "--volume"},
        "only": {"consume_multiple": True},
        "write": {"consume_multiple": True},
    }
    return [
        _keyword(name, hints[name], each.default, texts[name], **special.get(name, {}))
        for name, each in inspect.signature(Files).parameters.items()
        if name != "only" or method.refines
    ]


def _option(parameter: Parameter) -> inspect.Parameter:
    """Return the command line option of a method's parameter."""
    kind: Any = str
    extra: dict[str, Any] = {}
    if parameter.choices:
        kind = Literal[parameter.choices]
    elif parameter.word.name == "levels":
        kind, extra = list[float], {"consume_multiple": True}
    elif parameter.type in (*_NUMBERS, bool):
        kind = parameter.type
    default = inspect.Parameter.empty if parameter.required else parameter.default
    text = parameter.help
    if parameter.is_image:
        text += " A file, or a folder: cells.tif goes with cells.tif and cells-watershed.tif."
    elif parameter.word.name == "picks":
        text += " A table (.csv), as the form saves it, or JSON: [[1, 1, y, x], [1, -1, y, x]]."
    elif parameter.word.name == "path":
        text += " As JSON: [[y, x], [y, x]]."
    elif parameter.is_array:
        text += " An image of labels, or points saved from napari as .csv."
    kind = kind | None if parameter.optional else kind
    return _keyword(parameter.name, kind, default, text, **extra)


def _run(method: Method, inputs: list[Path], /, **options: Any) -> int:
    shared = {
        name: options.pop(name) for name in inspect.signature(Files).parameters if name in options
    }
    files = Files(**shared)
    images = {p.name: options.pop(p.name, None) for p in method.options if p.is_image}
    try:
        recipe, reading = _asked(method, files, options, images), files.reading
    except (ValueError, TypeError, KeyError, OSError) as error:
        print(f"{method.name}: {sentence_of(error)}", file=sys.stderr)
        return 2

    def asked() -> BatchRun:
        blocks = blocks_from(files.blocks)
        size = blocks if files.scheduler is None else "auto"
        words = _words(recipe, files.output, files.write, files.format, size)
        batch = BatchRun.of(recipe, inputs, files.output, words, images)
        return replace(
            batch,
            overwrite=files.overwrite,
            again=files.again,
            blocks=blocks,
            reading=reading,
            by_axes=files.planes is None,
        )

    return _each(method.name, asked, files.scheduler)


def _asked(method: Method, files: Files, options: dict[str, Any], images: dict[str, Any]) -> Recipe:
    """Return what a command asks for as a recipe; images are named, and opened for each file."""
    arrays = {p.name for p in method.options if p.is_array}
    values = {
        name: read_extra(value) if name in arrays and value is not None else value
        for name, value in options.items()
    }
    for parameter in method.options:
        if parameter.word.name == "path":
            values[parameter.name] = parse_json(values[parameter.name], parameter.name)
        elif parameter.word.name == "picks":
            values[parameter.name] = picks_from(values[parameter.name])
    recipe = Recipe.asked(method, values, files.walk)
    named = {name: {"name": each} for name, each in images.items() if each is not None}
    return replace(
        recipe,
        inputs={**recipe.inputs, **named},
        channel_axis=colour_axis(files.channels),
        channel=files.channel,
    )


def _progress(name: str) -> Callable[[Progress], None]:
    """Return a report that draws a percentage where somebody can see it."""
    last = [-1]

    def report(progress: Progress) -> None:
        percent = int(100 * progress.done)
        if sys.stderr.isatty() and percent > last[0]:
            last[0] = percent
            print(f"\r{name}: {percent} %", end="", file=sys.stderr)

    return report


def _spacing(text: str | None) -> VoxelSize | None:
    """Return a pixel size from text such as "2 0.5 0.5 um"."""
    if text is None:
        return None
    words = text.replace(",", " ").split()
    unit = "pixel" if not words or _is_number(words[-1]) else short_unit(words.pop())
    wanted = "write one positive number per axis and a unit: '2 0.5 0.5 um'"
    if unit not in ("pixel", "px", *METRES):
        raise ValueError(f"spacing is {text!r}; {wanted}")
    try:
        return VoxelSize([float(word) for word in words], unit)
    except ValueError:
        raise ValueError(f"spacing is {text!r}; {wanted}") from None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    main()
