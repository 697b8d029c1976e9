"""What forms remember between sessions."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import platformdirs

_log = logging.getLogger(__name__)


def _file() -> Path:
    return Path(platformdirs.user_config_dir("napari-tessera")) / "forms.json"


def recall(method: str) -> dict[str, Any]:
    """Return the values last used in a method's form, empty if there are none."""
    return dict(_read().get(method, {}))


def remember(method: str, values: dict[str, Any]) -> None:
    """Keep the values of a method's form."""
    path = _file()
    everything = {**_read(), method: values}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(everything, indent=1), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:  # a full or read-only disk must not stop a run
        _log.warning("cannot remember the form's values in %s: %s", path, error)


def _read() -> dict[str, Any]:
    try:
        content = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
