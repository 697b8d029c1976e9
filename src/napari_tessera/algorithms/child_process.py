"""Run one long library call in a process of its own, so that it can be stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Array

LARGE = 1 << 22
"""Up to this many pixels a call is made at once: it takes a second or two."""

_PATIENCE = 0.1

# a plain interpreter, not a spawned one, which would run the user's own script again
_CHILD = """
import sys
from importlib import import_module
from json import loads
from pathlib import Path
import numpy
folder = Path(sys.argv[1])
module, name, options = loads((folder / "call.json").read_text())
arrays = {path.stem: numpy.load(path) for path in folder.glob("*.npy")}
numpy.save(folder / "result.npy", getattr(import_module(module), name)(**arrays, **options))
"""


def stoppable(
    module: str,
    function: str,
    arrays: Mapping[str, Array | None],
    options: Mapping[str, Any],
    report: Reporter | None = None,
    *,
    large: int | None = None,
) -> Array:
    """Call a library's function on arrays; a large call can be stopped.

    Parameters
    ----------
    module, function : str
        Where the function is, and its name.
    arrays : mapping
        Its array arguments by name; those that are None are left out.
    options : mapping
        Its other arguments, as JSON knows them.
    report : Reporter, optional
        Asked ten times a second while a large call goes on.
    large : int, optional
        Calls on more pixels than this are made in a process; None = those of `LARGE`.

    Returns
    -------
    ndarray

    Raises
    ------
    Stop
        If `report` raised it; the process is ended.
    RuntimeError
        If the process failed.
    """
    given = {name: array for name, array in arrays.items() if array is not None}
    if max(array.size for array in given.values()) <= (large or LARGE):
        return np.asarray(getattr(import_module(module), function)(**given, **options))
    with TemporaryDirectory(prefix="napari-tessera-") as name:
        folder = Path(name)
        for each, array in given.items():
            np.save(folder / f"{each}.npy", array)
        (folder / "call.json").write_text(json.dumps([module, function, dict(options)]))
        _wait(folder, Reporter.of(report))
        return np.asarray(np.load(folder / "result.npy"))


def _wait(folder: Path, report: Reporter) -> None:
    with (folder / "errors.txt").open("w") as errors:
        command = [sys.executable, "-c", _CHILD, str(folder)]
        with subprocess.Popen(command, stderr=errors) as child:  # noqa: S603 (our own code)
            try:
                while True:
                    report(Progress(0, 1))
                    try:
                        status = child.wait(_PATIENCE)
                        break
                    except subprocess.TimeoutExpired:
                        continue
            finally:
                child.kill()
    if status:
        lines = (folder / "errors.txt").read_text().strip().splitlines()
        reason = lines[-1] if lines else "it was ended, perhaps for want of memory"
        raise RuntimeError(f"the computation failed: {reason}")
