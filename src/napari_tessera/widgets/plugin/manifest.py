"""The files made from the catalogue: napari's manifest and the stub for completion.

Run ``python -m napari_tessera.widgets.plugin.manifest`` after a change of the catalogue.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_tessera import _MODULES, _NAMES  # type: ignore[attr-defined] # not in the stub
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.methods.registry import METHODS, Method

PLUGIN = "napari-tessera"
PACKAGE = Path(__file__).parents[2]
_MENU = "napari/layers/segment"
_PLACES = {"Measure": "napari/layers/measure", "Judge": "napari/layers/visualize"}
"""Menus of napari that hold a group's methods themselves; others have a submenu under Segment."""

_DEEP_GROUP = "Deep learning"
_DEEP = {
    **{f"train_{name}": f"Train {network.title}" for name, network in NETWORKS.items()},
    "models": "Models",
}
"""Forms of the group "Deep learning" that are made of no method: one per network, and models."""

_REFINE_GROUP = "Refine"
_REFINE = {"surgery": "Edit objects"}
"""Forms of the group "Refine" that are made of no method."""

_JUDGE_GROUP = "Judge"
_JUDGE = {
    "compare": "Compare methods",
    "explorer": "Explore errors",
    "label_next": "Label next",
}
"""Forms of the group "Judge" that are made of no method."""

_HEAD = "# made by python -m napari_tessera.widgets.plugin.manifest; change the registry instead\n"

SAMPLES = {
    "coins": "Coins (2-D, touching objects, uneven light)",
    "cell": "Cell (2-D, one cell, low contrast)",
    "retina": "Retina (RGB, vessels)",
    "tissue": "Tissue (RGB, immunohistochemistry)",
    "text": "Text (2-D, uneven light)",
    "nuclei": "Nuclei (3-D, made by computer, with true labels)",
    "moving_nuclei": "Moving nuclei (3-D and time, made by computer, with true labels)",
}
"""The samples under File > Open Sample, by function in `samples`."""


_FORMS = {name: method for name, method in METHODS.items() if not method.way.by_hand}


def _slug(group: str) -> str:
    return group.lower().replace(" ", "_")


def _title(method: Method) -> str:
    return f"{method.group}: {method.display}"


def manifest() -> dict[str, Any]:
    """Return napari's manifest as plain data."""
    groups = list(dict.fromkeys(method.group for method in METHODS.values()))
    return {
        "name": PLUGIN,
        "display_name": "Tessera",
        "contributions": {
            "commands": _commands(),
            "widgets": _widgets(),
            "menus": _menus(groups),
            "submenus": [
                {"id": f"{PLUGIN}.{_slug(group)}", "label": group}
                for group in groups
                if group not in _PLACES
            ],
            "sample_data": [
                {"key": name, "display_name": title, "command": f"{PLUGIN}.sample_{name}"}
                for name, title in SAMPLES.items()
            ],
        },
    }


def _commands() -> list[dict[str, str]]:
    rows = [(name, method.display, f"entry_points:{name}") for name, method in _FORMS.items()]
    rows += [
        (name, title, f"entry_points:{name}")
        for name, title in {**_DEEP, **_REFINE, **_JUDGE}.items()
    ]
    rows.append(("recipe", "Recipe: show, copy, replay", "entry_points:recipe"))
    rows += [(f"sample_{name}", title, f"samples:{name}") for name, title in SAMPLES.items()]
    return [
        {
            "id": f"{PLUGIN}.{name}",
            "title": title,
            "python_name": f"napari_tessera.widgets.plugin.{place}",
        }
        for name, title, place in rows
    ]


def _widgets() -> list[dict[str, str]]:
    rows = [(name, _title(method)) for name, method in _FORMS.items()]
    rows += [(name, f"{_DEEP_GROUP}: {title}") for name, title in _DEEP.items()]
    rows += [(name, f"{_REFINE_GROUP}: {title}") for name, title in _REFINE.items()]
    rows += [(name, f"{_JUDGE_GROUP}: {title}") for name, title in _JUDGE.items()]
    rows.append(("recipe", "Recipe of a layer"))
    return [{"command": f"{PLUGIN}.{name}", "display_name": title} for name, title in rows]


def _menus(groups: list[str]) -> dict[str, list[dict[str, str]]]:
    menus = {
        _MENU: [
            {"submenu": f"{PLUGIN}.{_slug(group)}"} for group in groups if group not in _PLACES
        ],
        "napari/layers/metadata": [{"command": f"{PLUGIN}.recipe"}],
    }
    for group in groups:
        own = [method.name for method in _FORMS.values() if method.group == group]
        place = _PLACES.get(group, f"{PLUGIN}.{_slug(group)}")
        own = [*_DEEP, *own] if group == _DEEP_GROUP else own
        own = [*_REFINE, *own] if group == _REFINE_GROUP else own
        own = [*_JUDGE, *own] if group == _JUDGE_GROUP else own
        menus[place] = [{"command": f"{PLUGIN}.{name}"} for name in own]
    return menus


def manifest_text() -> str:
    """Return the manifest as it stands in napari.yaml."""
    import yaml

    return _HEAD + yaml.safe_dump(manifest(), sort_keys=False, width=100)


def stub_text() -> str:
    """Return the stub that tells type checkers and editors what the package offers."""
    places = {name: f"{module}.{name}" for name, module in _NAMES.items()}
    places |= {
        name: f"{method.function.__module__.removeprefix('napari_tessera.')}.{name}"
        for name, method in METHODS.items()
    }
    modules = [place.rsplit(".", 1)[0] for place in (*places.values(), *_MODULES.values())]
    lines = [
        f"from napari_tessera.{module} import {name} as {name}"
        for module, name in sorted(zip(modules, (*places, *_MODULES), strict=True))
    ]
    return "\n".join([_HEAD, *lines, "", "__version__: str", ""])


def write_files() -> None:
    """Write both files."""
    (PACKAGE / "napari.yaml").write_text(manifest_text(), encoding="utf-8")
    (PACKAGE / "__init__.pyi").write_text(stub_text(), encoding="utf-8")


if __name__ == "__main__":
    write_files()
