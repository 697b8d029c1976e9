"""The house: where files lie, what they are called, and that each has its tests."""

import ast
import re
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

import napari_tessera
from napari_tessera.methods.registry import METHODS

TESTS = Path(__file__).parent
ROOT = TESTS.parent
SOURCE = ROOT / "src" / "napari_tessera"

WITHOUT_MODULE = {
    "test_house.py": "on the files themselves",
    "test_imports.py": "on what all modules together import",
    "test_kept_files.py": "on what older versions have written",
    "pipeline/test_same_in_blocks.py": "on all methods, in blocks and as a whole",
    "widgets/forms/test_kinds_of_layers.py": "on all forms and layers together",
    "widgets/forms/test_every_form.py": "on all forms together",
}
NOT_NAMES = {"utils", "helpers", "common", "misc", "core", "manager"}
"""Words that say nothing about what is in a file."""

pytestmark = pytest.mark.skipif(
    not (ROOT / "CONTRIBUTING.md").exists(), reason="the repository is not around the tests"
)


@cache
def parsed(folder):
    """Return the syntax of every Python file under a folder, by its place there."""
    return {
        path.relative_to(folder): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.py"))
    }


def dotted(place):
    return ".".join(("napari_tessera", *place.with_suffix("").parts))


def modules():
    return {dotted(place) for place in parsed(SOURCE) if not place.name.startswith("__")}


def test_the_tests_lie_as_the_source_does():
    astray = [
        str(place)
        for place in parsed(TESTS)
        if place.name.startswith("test_")
        and place.as_posix() not in WITHOUT_MODULE
        and not (SOURCE / place.with_name(place.name.removeprefix("test_"))).exists()
    ]
    assert astray == []


def imported(tree):
    """Yield the dotted names that a file imports; a public name stands for its module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "napari_tessera":
            for name in (alias.name for alias in node.names):
                yield f"napari_tessera.{napari_tessera._NAMES.get(name)}"
                yield METHODS[name].function.__module__ if name in METHODS else ""
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_module_is_named_by_a_test():
    named = {name for tree in parsed(TESTS).values() for name in imported(tree)}
    assert sorted(modules() - named) == []


def defined(tree):
    """Yield the public classes, functions and aliases of types at the top of a file."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            names = (target.id for target in node.targets if isinstance(target, ast.Name))
            yield from (name for name in names if name[0].isupper() and not name.isupper())


def test_one_name_is_one_thing():
    places = defaultdict(list)
    for place, tree in parsed(SOURCE).items():
        for name in defined(tree):
            places[name].append(str(place))
    twice = {n: p for n, p in places.items() if len(p) > 1 and not n.startswith("_")}
    assert twice == {}


def test_the_rooms_are_those_of_the_contract_and_of_the_table():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")
    # rooms beside one another are divided by a bar
    rooms = [room for layer in layers for room in re.findall(r"napari_tessera\.(\w+)", layer)]
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)/` \|", text, re.MULTILINE) == rooms
    assert {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()} == set(rooms)


def test_names_say_what_is_in_them():
    words = {place: set(re.split(r"[_/.]", str(place))) for place in parsed(SOURCE)}
    assert [str(place) for place in words if words[place] & NOT_NAMES] == []


def moves(chapter):
    """Return the rows, from and to, of a chapter on what has another name now."""
    text = (ROOT / "UPGRADING.md").read_text(encoding="utf-8")
    own = text.split(f"\n### {chapter}\n")[1].split("\n### ")[0]
    return re.findall(r"^\| `([\w.]+)` \| `([\w.]+)` \|", own, re.MULTILINE)


def test_modules_have_moved_to_where_it_is_said():
    known = {name.removeprefix("napari_tessera.") for name in modules()}
    assert len(moves("Moved modules")) > 50
    assert [row for row in moves("Moved modules") if row[0] in known or row[1] not in known] == []


def test_names_are_now_what_it_is_said():
    known = {
        f"{dotted(place)}.{n}" for place, tree in parsed(SOURCE).items() for n in defined(tree)
    }
    assert moves("Renamed arguments and names")
    for _, new in moves("Renamed arguments and names"):
        assert f"napari_tessera.{new}" in known


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("import napari_tessera.io.files", ["napari_tessera.io.files"]),
        ("from napari_tessera.io import files", ["napari_tessera.io", "napari_tessera.io.files"]),
        ("from napari_tessera import score", ["napari_tessera.metrics.score"]),
        ("from napari_tessera import label", ["napari_tessera.methods.classical.label"]),
    ],
)
def test_imports_are_read(line, names):
    assert set(names) <= set(imported(ast.parse(line)))
