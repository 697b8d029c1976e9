"""Every widget of the plugin by its name in the manifest."""

from __future__ import annotations

from typing import Any

from napari_tessera.widgets.plugin.menu import FORMS


def __getattr__(name: str) -> Any:
    if name not in FORMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return FORMS[name].load()
