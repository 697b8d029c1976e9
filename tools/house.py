"""Count how large and how tangled the package is, and print a table in Markdown.

    python tools/house.py --list
    python tools/house.py ../older/src/napari_tessera

What a number means stands in the first line of the function named ``count_...`` that makes it.
Only ``*.py`` files are read.
"""

import argparse
import ast
import io
import itertools
import re
import statistics
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path("src/napari_tessera")
KINDS = {
    *("classes", "image", "instances", "labels", "markers", "mask"),
    *("objects", "planes", "polygons", "scores", "table", "volume"),
}
FLAGS = {
    *("by_hand", "is_labelling", "keeps", "over"),
    *("planes_only", "refines", "takes_all_cores", "whole"),
}
MANY = 9  # parameters
TINY = 3  # lines
TOP = 3  # named of the largest

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | ast.ClassDef


class Row(NamedTuple):
    """A line of the table; what is named is always told below it, what is listed on request."""

    what: str
    count: object
    named: Sequence[str] = ()
    listed: Sequence[str] = ()


@dataclass(frozen=True)
class Module:
    """A file, read; its place is the folder or file at the top of the package that it is in."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    @property
    def place(self) -> str:
        """Return the second part of the name, which is empty for the package itself."""
        return f"{self.name}.".split(".")[1]

    @property
    def lines(self) -> int:
        """Return how many lines the file has."""
        return len(self.text.splitlines())

    def at(self, node: ast.AST) -> str:
        """Return where a node stands."""
        return f"{self.path}:{node.lineno}"


@dataclass(frozen=True)
class House:
    """A package and its tests."""

    name: str
    modules: list[Module]
    tests: list[Module]

    @property
    def places(self) -> set[str]:
        """Return what is at the top of the package."""
        return {module.place for module in self.modules} - {"", "__main__"}

    def functions(self) -> Iterator[tuple[Module, Function]]:
        """Go through all functions: at the top, in classes and in other functions."""
        for module in self.modules:
            for node in ast.walk(module.tree):
                if isinstance(node, Function):
                    yield module, node


def read(folder: Path) -> list[Module]:
    """Read all modules of a folder; none where there is no such folder."""
    modules = []
    for path in sorted(folder.rglob("*.py")):
        inside = path.relative_to(folder)
        parts = (folder.name, *inside.with_suffix("").parts)
        name = ".".join(part for part in parts if part != "__init__")
        text = path.read_text(encoding="utf-8")
        modules.append(Module(inside, name, text, ast.parse(text)))
    return modules


# how the house is built


def count_places(house: House) -> Iterator[Row]:
    """Folders and files at the top of the package, except __init__.py and __main__.py."""
    loose = {module.path.name for module in house.modules if module.path.parent == Path()}
    yield Row("places at the top", len(house.places))
    yield Row("of which loose files", len(loose - {"__init__.py", "__main__.py"}))


def imported(node: ast.AST) -> Iterator[str]:
    """Go through all that is imported, in functions too, but not for type checkers only."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                yield from imported(ast.Module(child.orelse, []))
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module, names, 0):
                yield from (f"{module}.{alias.name}" for alias in names)
            case _:
                yield from imported(child)


def arrows(house: House) -> dict[str, set[str]]:
    """Return for each place the other places that it imports."""
    below = {place: set() for place in house.places}
    for module in house.modules:
        for name in imported(module.tree):
            package, place, *_ = f"{name}.".split(".")
            if package == house.name and {module.place, place} <= below.keys():
                below[module.place] |= {place} - {module.place}
    return below


def with_all_below(below: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return for each place all places that it imports, by way of others too."""
    reach = {place: set(others) for place, others in below.items()}
    for through, place in itertools.product(reach, reach):
        if through in reach[place]:
            reach[place] |= reach[through]
    return reach


def count_floors(house: House) -> Iterator[Row]:
    """Places on the longest way down the imports; places in a circle are one floor.

    An arrow is a place and another place that it imports. A circle is a group of places of which
    each imports each other, by way of others too.
    """
    below = arrows(house)
    reach = with_all_below(below)

    @cache
    def floor(place: str) -> int:
        return 1 + max((floor(p) for p in reach[place] if place not in reach[p]), default=0)

    circles = {
        " ↔ ".join(sorted(p for p in reach[place] if place in reach[p]))
        for place in reach
        if place in reach[place]
    }
    yield Row("floors", max(map(floor, reach), default=0))
    yield Row("arrows between places", sum(map(len, below.values())))
    yield Row("circles of places", len(circles), named=sorted(circles))


# how large it is


def count_flat_folders(house: House) -> Iterator[Row]:
    """Files directly in the folder that has most of them, except __init__.py."""
    files = Counter(m.path.parent for m in house.modules if m.path.name != "__init__.py")
    (_, most), *_ = top = files.most_common(TOP)
    yield Row("files in the largest flat folder", most, [f"{path}: {n}" for path, n in top])


def count_lines(house: House) -> Iterator[Row]:
    """Files of the package; lines of the package and of its tests, with blank ones."""
    yield Row("files", len(house.modules))
    yield Row("lines of the package", sum(module.lines for module in house.modules))
    yield Row("lines of tests", sum(module.lines for module in house.tests))


def body_lines(function: Function) -> int:
    """Return how many lines a function's body has, without its docstring."""
    body = function.body[ast.get_docstring(function, clean=False) is not None :]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def count_bodies(house: House) -> Iterator[Row]:
    """Lines of functions' bodies, from the first statement after the docstring to the last."""
    found = [(body_lines(f), f"{f.name} in {m.at(f)}") for m, f in house.functions()]
    bodies = sorted(found, reverse=True)
    lines = [length for length, _ in bodies]
    yield Row("lines of a body: median", f"{statistics.median(lines):g}")
    yield Row("lines of a body: 90th percentile", lines[len(lines) // 10])
    yield Row("lines of a body: longest", lines[0], [f"{n}: {where}" for n, where in bodies[:TOP]])


def docstrings(module: Module) -> set[tuple[int, int]]:
    """Return where the texts begin that are statements by themselves."""
    return {
        (node.lineno, node.col_offset)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def count_comments(house: House) -> Iterator[Row]:
    """Comments, per 100 lines that hold something other than a comment or a docstring."""
    layout = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    comments = alone = code = 0
    for module in house.modules:
        texts, lines = docstrings(module), set()
        for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
            if token.type == tokenize.COMMENT:
                comments += 1
                alone += token.line.lstrip().startswith("#")
            elif token.type not in layout and token.start not in texts:
                lines |= {*range(token.start[0], token.end[0] + 1)}
        code += len(lines)
    yield Row("comments per 100 lines of code", f"{100 * comments / code:.1f}")
    yield Row("of which on lines of their own", f"{100 * alone / code:.1f}")


# how its words are used


def words(module: Module) -> Iterator[str]:
    """Go through the classes at the top of a module, and the capitalised words it assigns."""
    for node in module.tree.body:
        match node:
            case ast.ClassDef(name):
                yield name
            case ast.Assign([ast.Name(name)]) | ast.AnnAssign(ast.Name(name)):
                if name[0].isupper() and not name.isupper():
                    yield name


def functions_at_top(module: Module) -> Iterator[str]:
    """Go through the names of the functions at the top of a module."""
    return (node.name for node in module.tree.body if isinstance(node, Function))


def count_names(house: House) -> Iterator[Row]:
    """Public names that two or more modules define at their top."""
    for what, names in [("classes", words), ("functions", functions_at_top)]:
        homes = defaultdict(set)
        for module in house.modules:
            for name in names(module):
                homes[name].add(str(module.path))
        twice = {n: at for n, at in homes.items() if len(at) > 1 and not n.startswith("_")}
        named = [f"{name}: {', '.join(sorted(at))}" for name, at in sorted(twice.items())]
        yield Row(f"names of {what} in two modules", len(twice), named)


def is_kind(node: ast.AST) -> bool:
    """Return whether a node is the name of a kind, or several."""
    match node:
        case ast.Constant(str(word)):
            return word in KINDS
        case ast.Tuple(several) | ast.List(several) | ast.Set(several):
            return bool(several) and all(map(is_kind, several))
    return False


def is_flag(node: ast.AST) -> bool:
    """Return whether a node is a flag of something."""
    return isinstance(node, ast.Attribute) and node.attr in FLAGS


def tests_of_kind(node: ast.AST) -> Iterator[ast.AST]:
    """Go through the tests of a kind that a node makes itself."""
    match node:
        case ast.Compare(left, operators, others):
            sides = [left, *others]
            equal = all(isinstance(o, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for o in operators)
            if any(map(is_flag, sides)) or (equal and any(map(is_kind, sides))):
                yield node
        case ast.If(condition) | ast.IfExp(condition) | ast.While(condition):
            yield from filter(is_flag, [condition])
        case ast.BoolOp(values=conditions) | ast.comprehension(ifs=conditions):
            yield from filter(is_flag, conditions)
        case ast.UnaryOp(ast.Not(), condition):
            yield from filter(is_flag, [condition])


def count_tests_of_kind(house: House) -> Iterator[Row]:
    """Comparisons with the name of a kind (==, in), and conditions or comparisons of its flags."""
    found = [
        module.at(test)
        for module in house.modules
        for node in ast.walk(module.tree)
        for test in tests_of_kind(node)
    ]
    yield Row("tests of a string or flag for a kind", len(found), listed=found)


# how its functions are made


def parameters(function: Function) -> int:
    """Return how many parameters a function has, without self and cls."""
    found = function.args
    names = [each.arg for each in [*found.posonlyargs, *found.args, *found.kwonlyargs]]
    return len(names) - (names[:1] in (["self"], ["cls"])) + bool(found.vararg) + bool(found.kwarg)


def is_method(function: Function) -> bool:
    """Return whether a function is a method of segmentation or a kernel, by its decorators."""
    names = [ast.unparse(each).partition("(")[0] for each in function.decorator_list]
    return any(name == "checked" or "jit" in name or "kernel" in name for name in names)


def count_many_parameters(house: House) -> Iterator[Row]:
    """Functions of nine parameters or more, except methods (@checked) and kernels (@njit)."""
    found = [
        f"{module.at(function)} {function.name}: {parameters(function)}"
        for module, function in house.functions()
        if parameters(function) >= MANY and not is_method(function)
    ]
    yield Row(f"functions of {MANY} parameters or more", len(found), listed=found)


def mentions(tree: ast.AST) -> Counter[str]:
    """Return how often each name is used, imported or looked up in something."""
    found = Counter()
    for node in ast.walk(tree):
        match node:
            case ast.Name(name) | ast.Attribute(attr=name) | ast.alias(name):
                found[name] += 1
    return found


def count_tiny(house: House) -> Iterator[Row]:
    """Private functions of three lines or fewer whose name is used once outside of them.

    Functions are those at the top of a module and in classes; names are looked for in all modules.
    """
    used = sum((mentions(module.tree) for module in house.modules), Counter())
    found = [
        f"{module.at(function)} {function.name}"
        for module in house.modules
        for scope in ast.walk(module.tree)
        if isinstance(scope, Scope)
        for function in scope.body
        if isinstance(function, Function)
        and function.name.startswith("_")
        and not function.name.endswith("__")
        and body_lines(function) <= TINY
        and used[function.name] - mentions(function)[function.name] == 1
    ]
    yield Row(f"private functions of {TINY} lines or fewer, used once", len(found), listed=found)


# how it is tested


def named_in(module: Module, package: str) -> Iterator[str]:
    """Go through the dotted names in a package that a module writes out or imports from."""
    yield from re.findall(rf"\b{package}(?:\.\w+)*", module.text)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def count_untested(house: House) -> Iterator[Row]:
    """Modules whose dotted name no test writes or imports; a name inside one names it as well."""
    named = {name for test in house.tests for name in named_in(test, house.name)}
    found = [
        module.name
        for module in house.modules
        if not any(f"{name}.".startswith(f"{module.name}.") for name in named)
    ]
    yield Row("modules that no test names", len(found), listed=found)


COUNTS = [
    count_places,
    count_floors,
    count_flat_folders,
    count_lines,
    count_names,
    count_tests_of_kind,
    count_many_parameters,
    count_comments,
    count_tiny,
    count_bodies,
    count_untested,
]


def main() -> None:
    """Print the table, and below it what has a name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path, nargs="?", default=PACKAGE)
    parser.add_argument("--list", action="store_true", help="tell the place of everything counted")
    asked = parser.parse_args()

    package = asked.package.resolve()
    house = House(package.name, read(package), tests=read(package.parents[1] / "tests"))
    if not house.modules:
        parser.error(f"no Python files in {package}")
    rows = [row for count in COUNTS for row in count(house)]

    print("| what | count |", "|---|---|", sep="\n")
    for row in rows:
        print(f"| {row.what} | {row.count} |")
    for row in rows:
        lines = [*row.named, *(row.listed if asked.list else ())]
        if lines:
            print(f"\n{row.what}:\n", *(f"- {line}" for line in lines), sep="\n")


if __name__ == "__main__":
    main()
