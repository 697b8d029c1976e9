"""Every widget of the plugin by its name in the manifest."""

from __future__ import annotations

from typing import Any

from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.methods.registry import METHODS


def __getattr__(name: str) -> Any:
    if name == "recipe":
        from napari_tessera.widgets.forms.recipe_menu import RecipeOfLayer

        return RecipeOfLayer
    if name == "models":
        from napari_tessera.widgets.training.models import Models

        return Models
    if name == "surgery":
        from napari_tessera.widgets.editing.edit_objects import Surgery

        return Surgery
    if name == "explorer":
        from napari_tessera.widgets.evaluation.error_explorer import Explorer

        return Explorer
    if name == "compare":
        from napari_tessera.widgets.evaluation.compare import Compare

        return Compare
    if name == "label_next":
        from napari_tessera.widgets.training.label_next import LabelNext

        return LabelNext
    if name.removeprefix("train_") in NETWORKS:
        from napari_tessera.widgets.training.form import training

        return training(name.removeprefix("train_"))
    if name in METHODS:
        from napari_tessera.widgets.forms.method_form import dock

        return dock(METHODS[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
