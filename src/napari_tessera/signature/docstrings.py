"""Docstrings that list the rows of a table, so that no list is written twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Described = TypeVar("Described", bound=Callable[..., object])


def told_of(**texts: str) -> Callable[[Described], Described]:
    """Let a docstring tell of a table: write texts in place of words in capitals.

    Lines after the first are indented as the line in which the word stands.

    Parameters
    ----------
    **texts : str
        What is written for each word.

    Raises
    ------
    ValueError
        If the docstring has no such word.

    Examples
    --------
    >>> @told_of(COLOURS="red or blue")
    ... def paint():
    ...     "Paint in COLOURS."
    >>> paint.__doc__
    'Paint in red or blue.'
    """

    def fill(described: Described) -> Described:
        for word, text in texts.items() if described.__doc__ else ():  # python -OO has none
            described.__doc__ = _filled(described.__doc__ or "", word, text)
        return described

    return fill


def _filled(docstring: str, word: str, text: str) -> str:
    lines = docstring.splitlines(keepends=True)
    if not any(word in line for line in lines):
        raise ValueError(f"there is no {word} in the docstring {lines[0].strip()!r}")
    indents = [line[: len(line) - len(line.lstrip())] for line in lines]
    return "".join(
        line.replace(word, text.replace("\n", f"\n{indent}"))
        for line, indent in zip(lines, indents, strict=True)
    )


def enumerated(words: Iterable[str], last: str) -> str:
    """Return words as a sentence lists them.

    Parameters
    ----------
    words : iterable of str
        At least one.
    last : str
        Stands before the last, such as "and".

    Examples
    --------
    >>> enumerated(["dice", "iou", "focal"], "or"), enumerated(["dice"], "or")
    ('dice, iou or focal', 'dice')
    """
    *first, end = words
    return f" {last} ".join(filter(None, (", ".join(first), end)))
