"""What the program changes in fields, told from what a person changes."""

from __future__ import annotations


class Quiet:
    """True while the program changes fields, whose signals are not a person's then.

    Examples
    --------
    >>> quiet = Quiet()
    >>> with quiet:
    ...     with quiet:
    ...         pass
    ...     bool(quiet)
    True
    >>> bool(quiet)
    False
    """

    def __init__(self) -> None:
        self._depth = 0

    def __bool__(self) -> bool:
        return self._depth > 0

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *error: object) -> None:
        self._depth -= 1
