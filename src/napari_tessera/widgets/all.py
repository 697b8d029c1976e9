"""Every widget of the plugin by its name in the manifest."""

from __future__ import annotations

from typing import Any

from napari_tessera.catalogue import METHODS


def __getattr__(name: str) -> Any:
    if name == "recipe":
        from napari_tessera.widgets.recipes import RecipeOfLayer

        return RecipeOfLayer
    if name in METHODS:
        from napari_tessera.widgets.dock import dock

        return dock(METHODS[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
