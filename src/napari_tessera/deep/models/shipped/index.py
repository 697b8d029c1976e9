"""Which models come with napari-tessera, in the order of lists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

SHIPPED: Mapping[str, str] = MappingProxyType(
    {
        "nuclei": "Nuclei (fluorescence)",
        "cells": "Cells (phase contrast)",
        "particles": "Particles (grains, powder, coins)",
    }
)
"""Name -> what it finds, for people."""

COMES_WITH = "comes with napari-tessera"
"""Said of them in lists."""

_FOLDER = Path(__file__).parent


def shipped_folder() -> Path:
    """Return the folder in which they lie; nothing is written there."""
    return _FOLDER
