"""Check that an installed copy has every file of the package: tests run on the sources themselves.

python tools/installed_files.py
"""

from __future__ import annotations

import sys
from importlib.metadata import files
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src"
LEFT_OUT = {".nbc", ".nbi", ".pyc"}
"""Suffixes of what Python and numba have compiled."""


def missing() -> list[str]:
    """Return the files of the sources that were not installed."""
    installed = {Path(str(each)) for each in files("napari-tessera") or ()}
    own = (each for each in SOURCES.rglob("*") if each.is_file() and each.suffix not in LEFT_OUT)
    return sorted(
        str(each.relative_to(SOURCES)) for each in own if each.relative_to(SOURCES) not in installed
    )


if __name__ == "__main__":
    sys.exit("\n".join(("not installed:", *missing())) if missing() else 0)
