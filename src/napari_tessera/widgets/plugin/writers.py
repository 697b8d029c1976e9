"""File > Save: layers into files that keep their pixel size, place, look, table and recipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import napari
import npe2
import numpy as np
from napari.layers import Layer, Points
from napari.utils.notifications import show_info

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.algorithms.file_names import file_name
from napari_tessera.io.files import write
from napari_tessera.io.geojson import write_geojson_points
from napari_tessera.io.imagej_writing import write_roi_points
from napari_tessera.io.zarr_images import Titled, save_over, write_zarr_images
from napari_tessera.io.zarr_writer import is_zarr
from napari_tessera.signature.system_errors import sentence_of
from napari_tessera.widgets.layers.saved import (
    LayerTuple,
    as_result,
    described,
    plain,
    recipe_kept,
    source_of,
    turned,
    with_channels_first,
)
from napari_tessera.widgets.plugin.manifest import SUFFIXES


def write_image(path: str, data: Any, state: dict[str, Any]) -> list[str]:
    """Write an Image layer as OME-TIFF."""
    return _write_one(path, (data, state, "image"))


def write_labels(path: str, data: Any, state: dict[str, Any]) -> list[str]:
    """Write a Labels layer as OME-TIFF, or its objects as GeoJSON, ROIs of ImageJ or COCO."""
    return _write_one(path, (data, state, "labels"))


def write_shapes(path: str, data: Any, state: dict[str, Any]) -> list[str]:
    """Write a Shapes layer as GeoJSON or ROIs of ImageJ."""
    return _write_one(path, (data, state, "shapes"))


def write_points(path: str, data: Any, state: dict[str, Any]) -> list[str]:
    """Write a Points layer as GeoJSON or ROIs of ImageJ."""
    return _write_one(path, (data, state, "points"))


write_labels_geojson = write_labels_rois = write_labels_coco = write_labels
write_shapes_rois, write_points_rois = write_shapes, write_points


def write_zarr_layers(path: str, layers: list[LayerTuple]) -> list[str]:
    """Write Image and Labels layers into one OME-Zarr, labels beneath the image they lie on.

    Into one that is there, only what differs is written.
    """
    target = _ending(path, (".zarr",))
    own = [_layer(layer) for layer in layers]
    with _reasons_told():
        images = []
        for layer in own:
            result, source = with_channels_first(as_result(layer), source_of(layer))
            images.append(Titled(layer.name, result, source, recipe_kept(layer)))
        if not (target.is_dir() and is_zarr(target) and save_over(target, images)):
            for layer in own:
                _check_not_read_from(layer, target)
            write_zarr_images(target, images, overwrite=True)
    for layer in own:
        _say_what_others_miss(layer)
    return [str(target)]


def write_folder(path: str, layers: list[LayerTuple]) -> list[str]:
    """Write each layer into a file of its own in a folder, under its name."""
    folder = Path(path)
    folder.mkdir(exist_ok=True)
    taken: set[str] = set()
    written = []
    for layer in layers:
        suffix = SUFFIXES[layer[2]][0]
        name = file_name(layer[1]["name"])
        while (folder / f"{name}{suffix}").exists() or name.lower() in taken:
            name += " 2"
        taken.add(name.lower())
        written += _write_one(str(folder / f"{name}{suffix}"), layer)
    return written


def _write_one(path: str, layer: LayerTuple) -> list[str]:
    """Write a layer; a file of another format is written by whoever knows it."""
    suffixes = SUFFIXES[layer[2]]
    target = _ending(path, suffixes)
    if not target.name.lower().endswith(suffixes):
        return npe2.write(path, [layer], plugin_name="napari")
    own = _layer(layer)
    with _reasons_told():
        _check_not_read_from(own, target)
        if isinstance(own, Points):
            _write_points(target, own)
        else:
            write(target, as_result(own), source_of(own), recipe_kept(own), overwrite=True)
    _say_what_others_miss(own)
    return [str(target)]


def _write_points(target: Path, layer: Points) -> None:
    """Write points with their features, units, place and look."""
    places = np.asarray(layer.data, float)
    table = {str(name): column.tolist() for name, column in layer.features.items()}
    shown = {**described(layer), "data": plain(places)}
    source, kept = source_of(layer), {"layer": shown}
    with atomic_write(target, overwrite=True) as fresh:
        if target.suffix.lower() == ".geojson":
            write_geojson_points(fresh, places, table, source.spacing, kept)
        else:
            write_roi_points(fresh, places, table, source, kept)


@contextmanager
def _reasons_told() -> Iterator[None]:
    """Raise reasons why something cannot be written as an OSError, as napari hides a ValueError."""
    try:
        yield
    except ValueError as error:
        raise OSError(str(error)) from error
    except OSError as error:
        if error.errno is None:  # words of this program
            raise
        raise OSError(sentence_of(error)) from error


def _ending(path: str, suffixes: tuple[str, ...]) -> Path:
    """Return a path with a suffix; the usual one if it has none."""
    return Path(path) if Path(path).suffix else Path(path + suffixes[0])


def _layer(layer: LayerTuple) -> Layer:
    """Return the layer of the viewer that this is, which knows its strokes, or one made from it."""
    viewer = napari.current_viewer()
    there = [] if viewer is None else [each for each in viewer.layers if each.data is layer[0]]
    return there[0] if there else Layer.create(*layer)


def _check_not_read_from(layer: Layer, target: Path) -> None:
    """Raise an error if a layer is still read from the place that is to be written."""
    read_from = layer.source.path
    lazy = layer.multiscale if hasattr(layer, "multiscale") else False
    lazy = lazy or not isinstance(layer.data, np.ndarray | list)
    if read_from and lazy and Path(read_from).resolve() == target.resolve():
        raise ValueError(
            f"layer {layer.name!r} is read from {str(target)!r} as it is shown; choose another name"
        )


def _say_what_others_miss(layer: Layer) -> None:
    """Say what only this program finds again in the file."""
    if turned(layer):
        show_info(
            f"{layer.name}: the file keeps its rotation, shear or mirroring for Tessera; other "
            "programs show it without"
        )
