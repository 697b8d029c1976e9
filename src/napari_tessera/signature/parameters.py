"""What a method's signature and docstring say, read once for forms, commands, checks and docs."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from napari_tessera.signature.words import FOUND, SUPPLIED, ArrayWord, ImageWord, LabelsWord, Word


@dataclass(frozen=True)
class Parameter:
    """One parameter of a method.

    Attributes
    ----------
    name : str
        Its name in the signature.
    word : Word
        What it means.
    type : type
        Its Python type, without None: `int`, `float`, `str`, `bool`, `tuple` or an array.
    choices : tuple of str
        The values of a `Literal`, otherwise empty.
    optional : bool
        True if None is allowed.
    default : object
        `inspect.Parameter.empty` where the caller must give it.
    help : str
        Its description in the docstring.
    """

    name: str
    word: Word
    type: Any
    choices: tuple[str, ...]
    optional: bool
    default: Any
    help: str

    @property
    def title(self) -> str:
        """The name as words, for people."""
        return self.name.replace("_", " ").capitalize().replace("Iou", "IoU")

    @property
    def required(self) -> bool:
        """True if there is no default."""
        return self.default is inspect.Parameter.empty

    @property
    def missing(self) -> str:
        """What is said to those who have not given it."""
        wanted = self.word.source or self.help.split(". ")[0].rstrip(".")
        return f"{self.name} is missing: {wanted}"

    @property
    def is_image(self) -> bool:
        """True for intensities."""
        return isinstance(self.word, ImageWord)

    @property
    def is_labels(self) -> bool:
        """True for labels, of classes or of objects."""
        return isinstance(self.word, LabelsWord)

    @property
    def is_array(self) -> bool:
        """True for images, labels, markers, masks and probabilities."""
        return isinstance(self.word, ArrayWord)

    @property
    def is_supplied(self) -> bool:
        """True for what the surroundings give and nobody is asked for."""
        return self.word.name in SUPPLIED

    @property
    def is_found(self) -> bool:
        """True for what the method's statistics find and nobody is asked for."""
        return self.word.name in FOUND

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Return True if the parameter has a meaning beside the other `values`."""
        if self.word.when is None:
            return True
        other, choices = self.word.when
        return values.get(other) in choices if choices else bool(values.get(other))


@dataclass(frozen=True)
class Docs:
    """A docstring, taken apart."""

    summary: str
    description: str
    parameters: Mapping[str, str]


@cache
def docs(function: Callable[..., Any]) -> Docs:
    """Return summary, description and parameter texts of a numpydoc docstring."""
    from docstring_parser import DocstringStyle
    from docstring_parser import parse as parse_docstring

    parsed = parse_docstring(inspect.getdoc(function) or "", DocstringStyle.NUMPYDOC)
    texts = {
        name.strip(): " ".join((entry.description or "").split())
        for entry in parsed.params
        for name in entry.arg_name.split(",")
    }
    return Docs(parsed.short_description or "", parsed.long_description or "", texts)


@cache
def parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """Return what the signature of `function` (or a dataclass) asks for, in order."""
    hints = get_type_hints(function, include_extras=True)
    texts = docs(function).parameters
    return tuple(
        _parameter(parameter, hints[parameter.name], texts.get(parameter.name, ""))
        for parameter in inspect.signature(function).parameters.values()
    )


def gives(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the words for what `function` gives: ("objects",), ("polygons", "table"), ..."""
    return tuple(word.name for word in words_given(function))


def words_given(function: Callable[..., Any]) -> tuple[Word, ...]:
    """Return what `function` gives, one word for each of its results."""
    hint = get_type_hints(function, include_extras=True)["return"]
    arms = get_args(hint) if get_origin(hint) is tuple else (hint,)
    return tuple(_unwrap(arm)[0] for arm in arms)


def _parameter(parameter: inspect.Parameter, hint: Any, text: str) -> Parameter:
    word, bare, optional = _unwrap(hint)
    choices = tuple(get_args(bare)) if get_origin(bare) is Literal else ()
    kind = str if choices else get_origin(bare) or bare
    return Parameter(parameter.name, word, kind, choices, optional, parameter.default, text)


def _unwrap(hint: Any) -> tuple[Word, Any, bool]:
    """Return the word, the bare type and whether None is allowed."""
    words, optional = [], False
    while True:
        if hasattr(hint, "__metadata__"):
            words += [each for each in reversed(hint.__metadata__) if isinstance(each, Word)]
            hint = hint.__origin__
        elif get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint):
            optional = True
            rest = [arm for arm in get_args(hint) if arm is not type(None)]
            hint = rest[0] if len(rest) == 1 else Union[tuple(rest)]  # noqa: UP007 (built at run time)
        else:
            # an alias such as Length says what it is, the words around it what is special here
            word = reduce(lambda inner, outer: outer.around(inner), reversed(words or [Word()]))
            return word, hint, optional
