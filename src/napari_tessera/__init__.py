"""Segmentation in napari, from thresholds to deep networks.

Every method is a plain function of arrays and can be imported from here by name::

    from napari_tessera import watershed

    objects = watershed(image, smoothing="2 px", spacing=(0.5, 0.2, 0.2))

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module as _import_module
from typing import Any as _Any

__version__ = "0.1.0"

_NAMES = {
    "METHODS": "methods.registry",
    "Augmentation": "deep.settings",
    "Examples": "deep.settings",
    "Objective": "deep.settings",
    "Optimisation": "deep.settings",
    "Transfer": "deep.settings",
    "train": "deep.training.train",
    "improve": "deep.training.improve",
    "train_pixel_classifier": "methods.classical.stroke_learning",
    "train_object_classifier": "methods.measure.object_classifier",
    "label_next": "pipeline.review.label_next",
    "score": "metrics.score",
    "Scores": "metrics.figures",
    "strata": "metrics.strata",
    "Recipe": "pipeline.recipes.recipe",
    "StepResult": "pipeline.recipes.data",
    "step": "pipeline.recipes.step",
    "VoxelSize": "signature.words",
    "apply": "widgets.forms.call",
    "live": "widgets.live.live_array",
    "crf_by_tiles": "methods.refine.crf_tiles",
    "crf_scores": "methods.refine.crf",
    "verify": "batch.verify",
    "Verification": "batch.verification",
    "polygons_to_labels": "algorithms.geometry.polygons",
}


_MODULES = {"files": "io.files"}


def __getattr__(name: str) -> _Any:
    if name in _NAMES:
        return getattr(_import_module(f"{__name__}.{_NAMES[name]}"), name)
    if name in _MODULES:
        return _import_module(f"{__name__}.{_MODULES[name]}")
    if not name.startswith("_"):
        methods = _import_module(f"{__name__}.methods.registry").METHODS
        if name in methods:
            return methods[name].function
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [
        *_NAMES,
        *_MODULES,
        *_import_module(f"{__name__}.methods.registry").METHODS,
        "__version__",
    ]
