"""A recipe written as Python and as a command."""

from __future__ import annotations

import json
import keyword
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.chain import (
    given_by,
    inputs_beside,
    results_taken,
    sources_of,
)
from napari_tessera.pipeline.result import KINDS, result_name
from napari_tessera.signature.schema import shown

if TYPE_CHECKING:
    from napari_tessera.pipeline.recipes.recipe import Recipe

_LONGEST_ARGUMENT = 100_000


def console(recipe: Recipe) -> str:
    """Return a run as Python that uses the layers of an open viewer."""
    steps, sources = recipe.steps, sources_of(recipe.steps)
    names = _layer_names(steps)
    layers = [_layer(steps[0]) if on is None else names[on] for on in sources]
    calls = "\n".join(
        _applied(step, layer, name, names)
        for step, layer, name in zip(steps, layers, names, strict=True)
    )
    imports = "from napari_tessera import apply\n"
    if "unpack(" in calls:
        imports += "from napari_tessera.pipeline.recipes.data import unpack\n"
    return f"{imports}\n{calls}\n"


def _layer(recipe: Recipe) -> str:
    """Return the layer or layers that a recipe begins with, as Python."""
    parts = [f"viewer.layers[{name!r}]" for name in recipe.source.get("parts", ())]
    name = recipe.source.get("name", "image")
    return f"[{', '.join(parts)}]" if parts else f"viewer.layers[{name!r}]"


def _layer_names(steps: Sequence[Recipe]) -> list[str]:
    """Return the names of what steps give: a branch is no layer to go on from.

    A table is written into the layer. What a later step names has a name of its own.
    """
    named = {data["step"] for step in steps for data in step.inputs.values() if "step" in data}
    kinds = [KINDS[METHODS[step.method].returns] for step in steps]
    found = ["layer" if k.continues or not k.stands_alone else k.kind for k in kinds[:-1]]
    return [f"step_{n}" if n in named else name for n, name in enumerate([*found, "layer"])]


def _applied(recipe: Recipe, layer: str, name: str, names: Sequence[str]) -> str:
    taken = {own: names[number] for own, number in results_taken(recipe).items()}
    lines = [f"    {_given(own, taken.get(own, code))}," for own, code in _arguments(recipe)]
    return "\n".join([f"{name} = apply(", f"    {layer},\n    {recipe.method!r},", *lines, ")"])


def _given(name: str, code: str) -> str:
    """Return an argument of a call; a name that is none of Python's is quoted, and never code."""
    if name.isidentifier() and not keyword.iskeyword(name):
        return f"{name}={code}"
    return f"**{{{name!r}: {code}}}"


def script(recipe: Recipe) -> str:
    """Return a run as Python that reads and writes files.

    Raises
    ------
    ValueError
        If the channels came from several layers, which no single file holds.
    """
    first = recipe.first
    _check_file(first)
    path, source = _path(first), first.source
    read = {
        "spacing": _size(source),
        "channel_axis": repr(first.channel_axis),
        "channel": repr(first.channel),
        "axes": repr(tuple(source["axes"])) if "axes" in source else "None",
        "series": repr(source.get("series")),
    }
    images = "".join(
        ", " + _given(name, f"files.read({_file(data)!r})")
        for step in recipe.steps
        for name, data in inputs_beside(step).items()
        if "name" in data and (step is first or data["name"] != source.get("name"))
    )
    lines = [
        "from napari_tessera import Recipe, VoxelSize, files",
        "",
        f"recipe = Recipe(\n    {recipe.method!r},",
        *(f"    {key}={_code(value, 1)}," for key, value in _fields(recipe).items()),
        ")",
        "source = files.read(",
        f"    {path!r},",
        *(f"    {key}={code}," for key, code in read.items() if code != "None"),
        ")",
        *_run_and_written(recipe, [target for _, target in _places(recipe, path)], images),
        "",
    ]
    return "\n".join(lines)


def _run_and_written(recipe: Recipe, targets: Sequence[str], images: str) -> list[str]:
    """Return the lines that run a recipe and write what it gives."""
    given = given_by(recipe.steps)
    if len(given) == 1:
        run = f"result = recipe.run(source{images})"
        return [run, f"files.write({targets[-1]!r}, result, source, recipe)"]
    return [
        f"results = recipe.run_steps(source{images})",
        *(f"files.write({targets[n]!r}, results[{n}], source, recipe.up_to({n}))" for n in given),
    ]


def _places(recipe: Recipe, path: str) -> list[tuple[str, str]]:
    """Return the file that each step works on, and the one that it is written to."""
    found = list[tuple[str, str]]()
    for step, on in zip(recipe.steps, sources_of(recipe.steps), strict=True):
        own = path if on is None else found[on][1]
        wanted = result_name(own, step.method)
        taken, count, target = {each for _, each in found}, 2, wanted
        while target in taken:  # two of the same method on the same file
            target = str(PurePath(wanted).with_stem(f"{PurePath(wanted).stem}-{count}"))
            count += 1
        found.append((own, target))
    return found


def _size(source: Mapping[str, Any]) -> str:
    if "spacing" not in source:
        return "None"
    return f"VoxelSize({tuple(source['spacing'])!r}, {source.get('unit', 'pixel')!r})"


def command(recipe: Recipe, *, windows: bool = False) -> str:
    """Return a run as a line for the command line.

    Parameters
    ----------
    recipe : Recipe
    windows : bool
        Whether it is quoted for cmd.exe, and not for a shell of Unix.

    Raises
    ------
    ValueError
        If painted arrays are too large for one, the channels came from several layers, or a name
        has characters that nobody can type.
    """
    places, lines = _places(recipe, _path(recipe.first)), []
    for step, (path, target) in zip(recipe.steps, places, strict=True):
        taken = {name: places[number][1] for name, number in results_taken(step).items()}
        words = _words(step, path, target, taken)
        lines.append(" ".join(map(_cmd_quoted, words)) if windows else shlex.join(words))
    return " && ".join(lines)


def _cmd_quoted(word: str) -> str:
    """Return a word in the quotes of Windows, which cmd.exe also needs around its own signs."""
    quoted = subprocess.list2cmdline([word])
    if quoted.startswith('"') or not set(word) & set("&|<>^()%!,;="):
        return quoted
    slashes = len(word) - len(word.rstrip("\\"))  # in front of a quote they count double
    return f'"{quoted}{slashes * chr(92)}"'


def _words(recipe: Recipe, path: str, target: str, taken: Mapping[str, str]) -> list[str]:
    """Return the words of a step's command; `taken` are files that earlier ones write for it."""
    _check_file(recipe)
    words = ["napari-tessera", recipe.method.replace("_", "-"), path]
    words += ["--output", _as_file(target)]
    for name, value in recipe.applicable().items():
        words += _flag(name, value)
    for name, data in inputs_beside(recipe).items():
        file = taken.get(name) or (_file(data) if "name" in data else None)
        words += _flag(name, _json(data) if file is None else _as_file(file))
    words += _walk(recipe)
    if path == _path(recipe) and recipe.source.get("series") is not None:
        words += _flag("series", recipe.source["series"])
    if max(map(len, words)) > _LONGEST_ARGUMENT:
        raise ValueError(
            "the painted markers or mask are too large for a command line; save the recipe and "
            "run: napari-tessera replay RECIPE.json INPUT --output PATH"
        )
    odd = next((word for word in words if not word.isprintable()), None)
    if odd is not None:  # pasted into a terminal, some characters do more than stand there
        raise ValueError(
            f"{shown(odd)} has characters that cannot be typed in a command line; save the recipe "
            "and run: napari-tessera replay RECIPE.json INPUT --output PATH"
        )
    return words


def _walk(recipe: Recipe) -> list[str]:
    """Return the words that say what is read and how it is walked."""
    words = [] if recipe.over is None else [f"--{recipe.over}"]
    if recipe.levels_from != "each":
        words += _flag("levels_from", recipe.levels_from)
    if recipe.join:
        words += ["--join"]
    if recipe.channel_axis is not None:
        words += _flag("channels", recipe.channel_axis)
    if recipe.channel is not None:
        words += _flag("channel", recipe.channel)
    if recipe.region is not None:
        words += _flag("region", _json(recipe.region))
    words += _flag("only", recipe.only)
    if recipe.blocks is not None:
        words += _flag("blocks", ",".join(map(str, recipe.blocks)))
    if "spacing" not in recipe.source:
        return words
    spacing = " ".join(f"{size!r}" for size in recipe.source["spacing"])
    return words + _flag("spacing", f"{spacing} {recipe.source.get('unit', 'pixel')}")


def _fields(recipe: Recipe) -> dict[str, Any]:
    """Return what a script has to say of a recipe: the parameters, and whatever is not empty."""
    others = {
        "inputs": recipe.inputs,
        "levels_from": recipe.levels_from,
        "join": recipe.join,
        "channel": recipe.channel,
        "region": recipe.region,
        "only": recipe.only,
        "blocks": recipe.blocks,
        "before": recipe.before,
    }
    nothing: tuple[Any, ...] = (None, [], {})
    said = {k: v for k, v in others.items() if v is not False and v not in nothing}
    return {"parameters": recipe.applicable(), "over": recipe.over, **said}


def _arguments(recipe: Recipe) -> list[tuple[str, str]]:
    rows = [(name, repr(value)) for name, value in recipe.applicable().items()]
    for name, data in inputs_beside(recipe).items():
        named = f"viewer.layers[{data['name']!r}]" if "name" in data else ""
        rows.append((name, named or f"unpack({_code(data, 1)})"))
    rows += [("over", repr(recipe.over))] if recipe.over is not None else []
    rows += [("levels_from", repr(recipe.levels_from))] if recipe.levels_from != "each" else []
    rows += [("join", "True")] if recipe.join else []
    if isinstance(recipe.channel_axis, int) and not recipe.source.get("parts"):
        rows.append(("channel_axis", repr(recipe.channel_axis)))
    rows += [("channel", repr(recipe.channel))] if recipe.channel is not None else []
    rows += [("region", _code(recipe.region, 1))] if recipe.region is not None else []
    rows += [("only", repr(recipe.only))] if recipe.only else []
    rows += [("blocks", repr(tuple(recipe.blocks)))] if recipe.blocks is not None else []
    return rows


def _check_file(recipe: Recipe) -> None:
    if recipe.source.get("parts"):
        raise ValueError(
            "the channels came from several layers, which no single file holds; save them as "
            "one image and run on that, or copy the console form"
        )


def _path(recipe: Recipe) -> str:
    return _as_file(recipe.source.get("path") or f"{recipe.source.get('name', 'image')}.tif")


def _json(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"))


def _file(data: Mapping[str, Any]) -> str:
    """Return the file of an image that a recipe names, or the one it would be saved to."""
    return _as_file(data.get("path") or f"{data['name']}.tif")


def _as_file(path: Any) -> str:
    """Return a path that no command takes for an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)


def _flag(name: str, value: Any) -> list[str]:
    word = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [word if value else "--no-" + word[2:]]
    if isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple):
        return [word, _json(value)]
    if isinstance(value, list | tuple):
        return [part for item in value for part in (word, repr(item))]
    text = value if isinstance(value, str) else repr(value)
    # "--offset -3" would read as two options
    return [f"{word}={text}"] if text.startswith("-") else [word, text]


def _code(value: Any, depth: int) -> str:
    """Return `value` as Python, a mapping with one entry per line."""
    if not isinstance(value, dict):
        return repr(value)
    pad = "    " * (depth + 1)
    rows = "".join(f"{pad}{key!r}: {_code(item, depth + 1)},\n" for key, item in value.items())
    return "{\n" + rows + "    " * depth + "}"
