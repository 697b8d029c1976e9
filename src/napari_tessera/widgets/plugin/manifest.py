"""The files made from the registry: napari's manifest and the stub for completion.

Run ``python -m napari_tessera.widgets.plugin.manifest`` after a change of the registry.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_tessera import _MODULES, _NAMES  # type: ignore[attr-defined] # not in the stub
from napari_tessera.methods.registry import METHODS
from napari_tessera.widgets.plugin.entry_points import OPEN
from napari_tessera.widgets.plugin.menu import (
    ALONE,
    BEGINNINGS,
    DISPLAY,
    FORMS,
    GROUPS,
    PLUGIN,
    SEGMENT,
    forms_of,
)

PACKAGE = Path(__file__).parents[2]
_HEAD = "# made by python -m napari_tessera.widgets.plugin.manifest; change the registry instead\n"

SAMPLES = {
    "coins": "Coins (2-D, touching objects, uneven light)",
    "cell": "Cell (2-D, one cell, low contrast)",
    "retina": "Retina (RGB, vessels)",
    "tissue": "Tissue (RGB, immunohistochemistry)",
    "text": "Text (2-D, uneven light)",
    "nuclei_plane": "Nuclei (2-D, fluorescence, made by computer)",
    "nuclei": "Nuclei (3-D, made by computer, with true labels)",
    "moving_nuclei": "Moving nuclei (3-D and time, made by computer, with true labels)",
}
"""The samples under File > Open Sample, by function in `samples`."""

READ = ("*.tif", "*.tiff", "*.zarr", "*.geojson", "*.zip", "*.roi", "*.json")
"""What is offered to be opened besides folders; as few as may be, as napari asks which reader."""

_TIFF = (".ome.tif", ".ome.tiff", ".tif", ".tiff")

_DRAWN = (".geojson", ".zip")

SUFFIXES = {
    "image": _TIFF,
    "labels": (*_TIFF, *_DRAWN, ".json"),
    "shapes": _DRAWN,
    "points": _DRAWN,
}
"""What is written for a single layer of each type; the first is the usual one."""

WRITERS: dict[str, tuple[str, list[str], tuple[str, ...]]] = {
    "write_image": ("OME-TIFF", ["image"], _TIFF),
    "write_labels": ("OME-TIFF", ["labels"], _TIFF),
    "write_shapes": ("GeoJSON", ["shapes"], (".geojson",)),
    "write_points": ("GeoJSON", ["points"], (".geojson",)),
    "write_labels_geojson": ("GeoJSON", ["labels"], (".geojson",)),
    "write_labels_rois": ("ImageJ ROIs", ["labels"], (".zip",)),
    "write_shapes_rois": ("ImageJ ROIs", ["shapes"], (".zip",)),
    "write_points_rois": ("ImageJ ROIs", ["points"], (".zip",)),
    "write_labels_coco": ("COCO", ["labels"], (".json",)),
    "write_zarr_layers": ("OME-Zarr", ["image*", "labels*"], (".zarr",)),
    "write_folder": ("folder", ["image*", "labels*", "shapes*", "points*"], ()),
}
"""Title, types of layers and suffixes of what is written, by function in `writers`."""


_SUBMENUS = [group for group, menu in GROUPS.items() if menu == SEGMENT and group not in ALONE]


def _submenu(group: str) -> str:
    return f"{PLUGIN}.{group.lower().replace(' ', '_')}"


def manifest() -> dict[str, Any]:
    """Return napari's manifest as plain data."""
    return {
        "name": PLUGIN,
        "display_name": DISPLAY,
        "on_activate": "napari_tessera.widgets.plugin.entry_points:activate",
        "contributions": {
            "commands": _commands(),
            "readers": [
                {
                    "command": f"{PLUGIN}.read",
                    "filename_patterns": list(READ),
                    "accepts_directories": True,
                }
            ],
            "writers": [
                {
                    "command": f"{PLUGIN}.{name}",
                    "display_name": title,
                    "layer_types": types,
                    "filename_extensions": list(suffixes),
                }
                for name, (title, types, suffixes) in WRITERS.items()
            ],
            "widgets": _widgets(),
            "menus": _menus(),
            "submenus": [{"id": _submenu(group), "label": group} for group in _SUBMENUS],
            "sample_data": [
                {"key": name, "display_name": title, "command": f"{PLUGIN}.sample_{name}"}
                for name, title in SAMPLES.items()
            ],
        },
    }


def _commands() -> list[dict[str, str]]:
    rows = [
        # napari docks what is a widget of its list; the others dock themselves
        (name, entry.title, f"entry_points:{name if name in BEGINNINGS else OPEN + name}")
        for name, entry in FORMS.items()
    ]
    rows += [(f"sample_{name}", title, f"samples:{name}") for name, title in SAMPLES.items()]
    rows += [("read", "Open with Tessera", "readers:find_reader")]
    rows += [(name, f"Save as {title}", f"writers:{name}") for name, (title, *_) in WRITERS.items()]
    return [
        {
            "id": f"{PLUGIN}.{name}",
            "title": title,
            "python_name": f"napari_tessera.widgets.plugin.{place}",
        }
        for name, title, place in rows
    ]


def _widgets() -> list[dict[str, str]]:
    # napari lists each widget in Plugins > Tessera, in this order and in no submenu
    return [
        {"command": f"{PLUGIN}.{name}", "display_name": FORMS[name].title} for name in BEGINNINGS
    ]


def _menus() -> dict[str, list[dict[str, str]]]:
    # without group and number napari puts all its widgets below all its commands
    menus = {
        SEGMENT: [
            {"submenu": _submenu(group), "group": f"{PLUGIN}@{number}"}
            for number, group in enumerate(_SUBMENUS, 1)
        ]
    }
    for group, menu in GROUPS.items():
        own = [
            {"command": f"{PLUGIN}.{name}", "group": _section(group, section, number)}
            for section, names in enumerate(forms_of(group), 1)
            for number, name in enumerate(names, 1)
        ]
        # several groups may stand in one menu of napari
        menus.setdefault(_submenu(group) if group in _SUBMENUS else menu, []).extend(own)
    return menus


def _section(group: str, section: int, number: int) -> str:
    """Return where in its menu a form stands; those beside submenus stand below them."""
    name = f"{PLUGIN}_{section}" if group in ALONE else f"{section}_{PLUGIN}"
    return f"{name}@{number}"


def manifest_text() -> str:
    """Return the manifest as it stands in napari.yaml."""
    import yaml

    return _HEAD + yaml.safe_dump(manifest(), sort_keys=False, width=100)


WIDEST_LINE = 100
"""Characters, as pyproject.toml tells the formatter."""


def stub_text() -> str:
    """Return the stub that tells type checkers and editors what the package offers."""
    places = {name: f"{module}.{name}" for name, module in _NAMES.items()}
    places |= {
        name: f"{method.function.__module__.removeprefix('napari_tessera.')}.{name}"
        for name, method in METHODS.items()
    }
    modules = [place.rsplit(".", 1)[0] for place in (*places.values(), *_MODULES.values())]
    lines = [
        _wrapped(f"from napari_tessera.{module} import ", f"{name} as {name}")
        for module, name in sorted(zip(modules, (*places, *_MODULES), strict=True))
    ]
    return "\n".join([_HEAD, *lines, "", "__version__: str", ""])


def _wrapped(before: str, name: str) -> str:
    """Return an import as the formatter writes it: in brackets if a line is too short for it."""
    line = before + name
    return line if len(line) <= WIDEST_LINE else f"{before}(\n    {name},\n)"


def write_files() -> None:
    """Write both files."""
    (PACKAGE / "napari.yaml").write_text(manifest_text(), encoding="utf-8")
    (PACKAGE / "__init__.pyi").write_text(stub_text(), encoding="utf-8")


if __name__ == "__main__":
    write_files()
