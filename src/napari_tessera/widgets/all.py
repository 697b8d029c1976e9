"""Every widget of the plugin by its name in the manifest."""

from __future__ import annotations

from typing import Any

from napari_tessera.catalogue import METHODS
from napari_tessera.deep.networks import NETWORKS


def __getattr__(name: str) -> Any:
    if name == "recipe":
        from napari_tessera.widgets.recipes import RecipeOfLayer

        return RecipeOfLayer
    if name == "models":
        from napari_tessera.widgets.models import Models

        return Models
    if name == "surgery":
        from napari_tessera.widgets.surgery import Surgery

        return Surgery
    if name == "explorer":
        from napari_tessera.widgets.explorer import Explorer

        return Explorer
    if name == "compare":
        from napari_tessera.widgets.compare import Compare

        return Compare
    if name == "label_next":
        from napari_tessera.widgets.label_next import LabelNext

        return LabelNext
    if name.removeprefix("train_") in NETWORKS:
        from napari_tessera.widgets.training import training

        return training(name.removeprefix("train_"))
    if name in METHODS:
        from napari_tessera.widgets.dock import dock

        return dock(METHODS[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
