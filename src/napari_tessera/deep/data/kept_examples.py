"""Examples that a model keeps in its folder, for whoever improves it later.

``validation.npz`` tells whether it has got worse on what it knew, and ``replay.npz`` is learnt
along so that it does not forget. They are crops of the images as they were given, with the
intensities and the size at which networks see them.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path  # noqa: TC003 (its methods are used)
from typing import Any

import numpy as np

from napari_tessera.algorithms.labels.ids import smallest_dtype
from napari_tessera.deep.data.pieces import Piece
from napari_tessera.signature.text_files import parse_json
from napari_tessera.signature.words import Array

VALIDATION, REPLAY = "validation.npz", "replay.npz"
"""Their names in the folder of a model."""

LARGEST = 10_000_000
"""Bytes of the crops of a file before they are compressed; what would go beyond is left out."""

_OPENED = 1 << 28
"""Bytes of the largest file that is unpacked."""

_SCHEMA = 1

MOST, SIDE = 24, 256
"""Crops of the training images that are kept, and pixels of their sides at most, in planes."""


def evenly(pieces: Sequence[Piece]) -> list[Piece]:
    """Return at most `MOST` pieces, evenly spaced.

    Examples
    --------
    >>> evenly(list(range(50)))[:4]
    [0, 3, 6, 9]
    """
    return list(pieces[:: -(-len(pieces) // MOST)]) if pieces else []


def parts_of(pieces: Sequence[Piece]) -> list[Piece]:
    """Return parts of pieces, about `SIDE` pixels long, in which something is annotated.

    Parts of volumes have about as many pixels. There are at most `MOST`, evenly spaced.

    Examples
    --------
    >>> from napari_tessera.deep.data.pieces import pieces
    >>> labels = np.full((9, 600), 5)  # 5: not annotated
    >>> labels[3:5, 400:500] = 0
    >>> (piece,) = pieces([np.zeros((9, 600))], [labels], axes=2)
    >>> [part.box for part in parts_of([replace(piece, ignore=5)])]
    [(slice(0, 9, None), slice(300, 600, None))]
    """
    found = []
    for piece in pieces:
        side, labels = SIDE ** (2 / len(piece.shape)), piece.labels_at(piece.everything)
        counts = [max(1, round(length / side)) for length in piece.shape]
        for place in np.ndindex(*counts):
            own = piece
            for axis, (number, count, length) in enumerate(
                zip(place, counts, piece.shape, strict=True)
            ):
                own = own.part(axis, number * length // count, (number + 1) * length // count)
            within = tuple(
                slice(part.start - whole.start, part.stop - whole.start)
                for part, whole in zip(own.box, piece.box, strict=True)
            )
            if (labels[within] >= 0).any():
                found.append(own)
    return evenly(found)


def write_examples(path: Path, pieces: Sequence[Piece], boxes: Iterable[Any] | None = None) -> int:
    """Write crops of pieces, compressed.

    Parameters
    ----------
    path : Path
        Of the file; one that is there is replaced.
    pieces : sequence of Piece
    boxes : iterable of tuple of slice, optional
        Of each piece the part that is kept; None = all of it.

    Returns
    -------
    int
        How many pieces it holds, the first ones that take `LARGEST` bytes in all.

    Raises
    ------
    OSError
        If it cannot be written; what is there stays.
    """
    arrays: dict[str, Array] = {}
    told: list[dict[str, Any]] = []
    total = 0
    whole = (piece.everything for piece in pieces)
    for piece, box in zip(pieces, whole if boxes is None else boxes, strict=True):
        image, (labels, classes, ignore) = piece.raw(box), _numbered(piece, box)
        total += image.nbytes + labels.nbytes
        if total > LARGEST:
            break
        number = len(told)
        arrays |= {f"image_{number}": image, f"labels_{number}": labels}
        told.append(
            {
                "name": piece.name,
                "channel_axis": piece.own_channel_axis,
                "zoom": piece.zoom,
                "intensities": [[float(each) for each in pair] for pair in piece.intensities],
                "classes": classes,
                "ignore": ignore,
            }
        )
    about = np.frombuffer(json.dumps({"schema": _SCHEMA, "pieces": told}).encode(), np.uint8)
    _save(path, {"about": about, **arrays})
    return len(told)


def _save(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write a file under another name, safely on the disk, and rename it."""
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        fresh.unlink(missing_ok=True)  # it may fill the disk
        raise OSError(
            f"{path.name} of model {path.parent.name!r} cannot be written ({error}); make room on "
            "the disk and resume the training"
        ) from error
    fresh.replace(path)


def _numbered(piece: Piece, box: Any) -> tuple[Array, dict[str, int] | None, int | None]:
    """Return labels without gaps where they are objects, their classes, and what is to be ignored.

    Numbers of classes, which mean something, stay.
    """
    labels = piece.labels_at(box)
    if piece.ignore is None and piece.classes is None:
        return labels.astype(np.min_scalar_type(int(labels.max(initial=0)))), None, None
    ids, places = np.unique(labels[labels > 0], return_inverse=True)
    found = np.zeros(labels.shape, smallest_dtype("objects", len(ids) + 1))
    found[labels > 0] = places + 1
    ignore = None
    if piece.ignore is not None:
        ignore = len(ids) + 1
        found[labels < 0] = ignore
    if piece.classes is None:
        return found, None, ignore
    return found, {str(n): piece.classes[int(e)] for n, e in enumerate(ids, 1)}, ignore


def read_examples(path: Path) -> list[Piece]:
    """Return the examples that `write_examples` kept.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, or was written by a newer version. Nothing in it is ever unpickled.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there")
    try:
        _check_size(path)
        with np.load(path, allow_pickle=False) as file:
            about = parse_json(file["about"].tobytes().decode(), path.name)
            _check_schema(about)
            return [_piece(file, number, own) for number, own in enumerate(about["pieces"])]
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} cannot be read ({error}); restore it from a copy, or remove it: the model can "
            "be improved without it, but may then forget, or get worse unseen"
        ) from error


def _check_size(path: Path) -> None:
    with zipfile.ZipFile(path) as packed:
        if sum(each.file_size for each in packed.infolist()) > _OPENED:
            raise ValueError("it unpacks to far more than is ever kept")


def _check_schema(about: Any) -> None:
    if not isinstance(about, dict) or about.get("schema") != _SCHEMA:
        raise ValueError("a newer version of napari-tessera has written it; update napari-tessera")


def _piece(file: Mapping[str, Array], number: int, about: Mapping[str, Any]) -> Piece:
    image, labels = file[f"image_{number}"], file[f"labels_{number}"]
    axis, classes = about["channel_axis"], about["classes"]
    shape = tuple(n for place, n in enumerate(image.shape) if place != axis)
    if shape != labels.shape or labels.dtype.kind != "u":
        raise ValueError(f"its labels {number} do not belong to their image")
    piece = Piece(
        image,
        labels,
        (),
        tuple(slice(0, length) for length in shape),
        None if axis is None else int(axis),
        str(about["name"]),
        pair=number,
        zoom=float(about["zoom"]),
        intensities=tuple((float(low), float(width)) for low, width in about["intensities"]),
    )
    if classes is not None:
        piece = replace(piece, classes={int(label): int(each) for label, each in classes.items()})
    ignore = about["ignore"]
    return piece if ignore is None else replace(piece, ignore=int(ignore))
