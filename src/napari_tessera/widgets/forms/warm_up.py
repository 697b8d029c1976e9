"""Libraries and compiled loops loaded while a form is filled in, so that they hold up no run.

One thing is warmed up at a time, and once: threads that compile side by side wait for one another,
and hold up the viewer. With one thread per form, opening fifty of them took minutes on two cores.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer

from napari_tessera.deep.triton import keep_away
from napari_tessera.methods.registry import METHODS

if TYPE_CHECKING:
    from napari.layers import Layer

REST_MS = 500
"""How long after a form was made: no thread takes time from Qt while it is docked and drawn."""


def warm_up_method(name: str, layer: Layer | None) -> None:
    """Load what a method of the registry needs for a layer, in a while and in a thread.

    Loops are compiled for each type of numbers anew: for that of the layer, before it is run on.
    """
    data = None if layer is None else layer.data
    kind = np.dtype(getattr(data, "dtype", np.uint8))
    QTimer.singleShot(REST_MS, lambda: _begin((name, kind), _run_once))


def warm_up_training() -> None:
    """Load what a training needs, in a while and in a thread."""
    QTimer.singleShot(REST_MS, lambda: _begin((), _load_training))


@cache
def _begin(what: tuple[Any, ...], work: Callable[..., None]) -> None:
    def take_turn() -> None:
        with _turn(), suppress(Exception):
            work(*what)

    threading.Thread(target=take_turn, daemon=True).start()


@cache
def _turn() -> threading.Lock:
    return threading.Lock()


def _run_once(name: str, kind: np.dtype[Any]) -> None:
    """Run a method on a tiny image of some type."""
    method, image = METHODS[name], (np.arange(256) % 100).astype(kind).reshape(16, 16)
    if method.keeps:
        keep_away()
        import torch  # noqa: F401
    method.function(**{p.name: image for p in method.parameters if p.is_array and p.required})


def _load_training() -> None:
    keep_away()
    import torch  # noqa: F401

    from napari_tessera.deep.training import loop as fit  # noqa: F401
