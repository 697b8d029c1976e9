"""What the manifest names: every widget of the plugin, and what is done when it is first used."""

from __future__ import annotations

from typing import Any

from napari_tessera.widgets.napari_private import put_writers_first
from napari_tessera.widgets.plugin.menu import FORMS


def activate(context: Any) -> None:
    """Let napari offer our writers before its own, which lose scale, units, table and recipe."""
    put_writers_first("napari-tessera")


def __getattr__(name: str) -> Any:
    if name not in FORMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return FORMS[name].load()
