"""Which ways to compress the images in a TIFF change their numbers, so that ids are lost."""

from __future__ import annotations

from typing import Any

_JPEG = (6, 7, 33007, 34892)
_JPEG_2000 = (33003, 33004, 33005, 34712)
_WEBP = (34927, 50001)
_UNTOLD = {22610: "JPEG XR", 34934: "JPEG XR", 34887: "LERC", 50002: "JPEG XL", 52546: "JPEG XL"}
"""TIFF's numbers of compressions that are with or without loss, which their data hardly say."""

_HEADER = 1 << 12
"""Bytes within which a stream says how it was made."""


def loses_numbers(page: Any) -> bool:
    """Return True for a page of a TIFF whose numbers are not those that were saved.

    Parameters
    ----------
    page : tifffile.TiffPage
    """
    if page.compression in _JPEG_2000:
        # the last byte of the coding style tells of the wavelet: 0 = 9/7, of rounded numbers
        start = _head(page)
        style = start.find(b"\xff\x52")
        return style >= 0 and start[style + 13 : style + 14] == b"\0"
    if page.compression in _WEBP:
        return b"VP8L" not in _head(page)
    return page.compression in _JPEG


def doubt(page: Any) -> tuple[str, ...]:
    """Return a note if nobody can tell whether the numbers of a page are those that were saved."""
    name = _UNTOLD.get(page.compression)
    return () if name is None else (f"its compression, {name}, may have changed numbers",)


def _head(page: Any) -> bytes:
    file = page.parent.filehandle
    file.seek(page.dataoffsets[0])
    return bytes(file.read(min(page.databytecounts[0], _HEADER)))
