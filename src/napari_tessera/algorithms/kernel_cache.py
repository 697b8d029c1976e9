"""Where numba keeps compiled code, in places where nothing can be written, such as containers."""

from __future__ import annotations

import logging
import os
import stat
import sys
import tempfile
from pathlib import Path

_log = logging.getLogger(__name__)

VARIABLE = "NUMBA_CACHE_DIR"


def ensure_cache() -> None:
    """Give numba a temporary folder where it could keep compiled code neither here nor at home.

    It would refuse to load the kernels. Has to be called before the first of them is declared.
    """
    if os.environ.get(VARIABLE) or _writable(Path(__file__).parent / "__pycache__"):
        return
    import platformdirs

    home = Path(platformdirs.user_cache_dir("numba", appauthor=False))
    # without a home, "~" is taken for a folder's name
    if home.is_absolute() and _writable(home):
        return
    folder = str(_temporary())
    os.environ[VARIABLE] = folder
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = folder
    _log.warning(
        "Compiled code is kept in %s, as neither %s nor %s can be written to; set %s to keep it "
        "elsewhere.",
        folder, Path(__file__).parent, home, VARIABLE,
    )  # fmt: skip


def _writable(folder: Path) -> bool:
    """Return True if a folder can be written to, or made."""
    there = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    return os.access(there, os.W_OK | os.X_OK)


def _temporary() -> Path:
    """Return a folder that nobody else can write to: compiled code in it is run."""
    owner = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"napari-tessera-kernels-{owner}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == owner and not found.st_mode & 0o022
    return folder if own or sys.platform == "win32" else Path(tempfile.mkdtemp())
