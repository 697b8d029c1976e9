"""What napari calls: `NAME`, a form to dock, `open_NAME`, which docks it itself, and `activate`."""

from __future__ import annotations

from typing import Any

from napari_tessera.widgets.napari_private import put_writers_first
from napari_tessera.widgets.plugin.menu import FORMS, toggle_form

OPEN = "open_"
"""What stands before the name of a form in the name of the function that opens it."""


def activate(context: Any) -> None:
    """Let napari offer our writers before its own, which lose scale, units, table and recipe."""
    put_writers_first("napari-tessera")


def __getattr__(name: str) -> Any:
    if name in FORMS:
        return FORMS[name].load()
    form = name.removeprefix(OPEN)
    if form == name or form not in FORMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def open_it() -> None:
        toggle_form(form)

    return open_it
