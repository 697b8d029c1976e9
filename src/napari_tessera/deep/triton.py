"""Triton, which PyTorch loads by itself, must not be loaded beside Mesa's LLVM."""

from __future__ import annotations

import sys
from pathlib import Path


def keep_away() -> None:
    """Make imports of Triton fail where they would end the process.

    PyTorch's optimisers and counters import Triton, a compiler for NVIDIA cards, if it is
    installed. It brings an LLVM of its own and crashes when it is loaded beside that of Mesa, which
    draws napari's canvas where no NVIDIA driver does. PyTorch works without it; only
    ``torch.compile`` for graphics cards does not.
    """
    if "triton" not in sys.modules and _drawn_by_mesa():
        sys.modules["triton"] = None  # type: ignore[assignment] # what an import then refuses


def _drawn_by_mesa() -> bool:
    """Return True if an LLVM other than Triton's is loaded."""
    maps = Path("/proc/self/maps")
    return maps.exists() and "libLLVM" in maps.read_text(encoding="utf-8", errors="replace")
