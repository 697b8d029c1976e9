"""Names that are names of files on every system."""

from __future__ import annotations

import re

_FORBIDDEN = re.compile(r'[/\\:*?"<>|\x00-\x1f]+')


def file_name(text: str, instead: str = "-") -> str:
    """Return a text as a name that a file may have on Linux, macOS and Windows.

    Parameters
    ----------
    text : str
    instead : str
        Stands for characters that no name may have.

    Examples
    --------
    >>> file_name('a/b: "cells"?')
    'a-b- -cells-'
    >>> file_name("nuclei. ")
    'nuclei'
    """
    return _FORBIDDEN.sub(instead, text.strip()).rstrip(". ") or instead
