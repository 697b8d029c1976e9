"""What a recipe says of a run as plain data: its source, values, arrays and packages."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from napari_tessera.deep.models.library import pinned
from napari_tessera.methods.classical.pixel_classifier import pinned_classifier
from napari_tessera.methods.measure.object_classifier import pinned_object_classifier
from napari_tessera.methods.method import Method
from napari_tessera.pipeline.recipes.data import pack
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.parameters import Parameter


def source_data(source: Source) -> dict[str, Any]:
    """Return what is kept of a source: where it came from and how its pixels lie."""
    return {
        "name": source.name,
        "path": source.path,
        "spacing": list(source.spacing),
        "unit": source.spacing.unit,
        "axes": list(source.axes),
        "parts": list(source.parts),
        **({} if source.series is None else {"series": source.series}),
    }


def parameter_data(parameter: Parameter, value: Any) -> Any:
    """Return a parameter as plain data; a model with its hash, so that no other takes its place."""
    pins = {
        "model": pinned,
        "classifier": pinned_classifier,
        "object_classifier": pinned_object_classifier,
    }
    pin = None if value is None else pins.get(parameter.word.name)
    return _plain(value) if pin is None else pin(value)


def input_data(value: Any) -> dict[str, Any]:
    """Return an array, or the name of an image, as plain data; what is so already stays."""
    if isinstance(value, Mapping):
        return dict(value)
    return {"name": value} if isinstance(value, str) else pack(value)


def package_versions(method: Method) -> dict[str, str]:
    """Return the versions of Python and of the packages that what a method gives depends on."""
    packages = ["napari-tessera", "numpy", "scipy", "scikit-image", "numba"]
    # what a network gives depends on what runs it
    packages += ["torch"] * any(each.word.name == "model" for each in method.options)
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def _plain(value: Any) -> Any:
    """Return a parameter as JSON and Python would both write it."""
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, tuple | list | np.ndarray):
        return value
    return [_plain(each) if np.ndim(each) else float(each) for each in value]
