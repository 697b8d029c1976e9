"""What OME-XML says of the file that it is in, whatever it says of the files beside it."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator

_PLANES = ("Z", "C", "T")


def own_part(text: str, file_name: str) -> str | None:
    """Return OME-XML of the planes that lie in one file of a data set.

    A data set of many files (a position or a time each) has the description of all in each file.

    Parameters
    ----------
    text : str
        The OME-XML in the file.
    file_name : str
        Its name now, without the folder. A file that was renamed is known by its UUID.

    Returns
    -------
    str or None
        None if the planes in this file make no array, or are described elsewhere.
    """
    try:
        root = ET.fromstring(text)  # noqa: S314 (no entities are resolved)
    except ET.ParseError:
        return None
    if next(_all(root, "BinaryOnly"), None) is not None:
        return None
    elsewhere = _elsewhere(root, file_name)
    if elsewhere and not _only_own(root, elsewhere):
        return None
    for block in _all(root, "TiffData"):  # nobody is to look for its planes in another file
        for uuid in list(block):
            block.remove(uuid)
    return ET.tostring(root, "unicode")


def lengths(text: str, image: int) -> dict[str, tuple[float, str]]:
    """Return size and unit by axis ("x", "y", "z", "t") of an image, as the XML has them."""
    pixels = [node for node in ET.fromstring(text).iter() if _is(node, "Pixels")]  # noqa: S314
    if image >= len(pixels):
        return {}
    given = pixels[image].attrib
    found = {}
    for axis in "XYZ":
        if size := _number(given.get(f"PhysicalSize{axis}")):
            found[axis.lower()] = size, given.get(f"PhysicalSize{axis}Unit", "µm")
    if step := _number(given.get("TimeIncrement")):
        found["t"] = step, given.get("TimeIncrementUnit", "s")
    return {name: (size[0], unit) for name, (size, unit) in found.items()}


def place(text: str, image: int) -> dict[str, tuple[float, str]]:
    """Return where the first plane of an image lies and the unit, by axis, as the XML has them."""
    pixels = [node for node in ET.fromstring(text).iter() if _is(node, "Pixels")]  # noqa: S314
    first = next(_all(pixels[image], "Plane"), None) if image < len(pixels) else None
    given = {} if first is None else first.attrib
    found = {}
    for axis in "XYZ":
        if number := _number(given.get(f"Position{axis}")):
            found[axis.lower()] = number[0], given.get(f"Position{axis}Unit", "reference frame")
    return found


def map_annotation(text: str, namespace: str) -> dict[str, str]:
    """Return the texts of the map annotation of a program, by their keys."""
    for node in _all(ET.fromstring(text), "MapAnnotation"):  # noqa: S314
        if node.get("Namespace") == namespace:
            return {each.get("K", ""): each.text or "" for each in _all(node, "M")}
    return {}


def _number(text: str | None) -> tuple[float] | None:
    """Return a number, NaN for what is none, and None where nothing is given."""
    if text is None:
        return None
    try:
        return (float(text),)
    except ValueError:
        return (math.nan,)


def _is(node: ET.Element, tag: str) -> bool:
    return node.tag.rpartition("}")[2] == tag


def _all(node: ET.Element, tag: str) -> Iterator[ET.Element]:
    return (each for each in node.iter() if _is(each, tag))


def _elsewhere(root: ET.Element, file_name: str) -> set[int]:
    """Return the UUID elements of planes in other files."""
    nodes = list(_all(root, "UUID"))
    own = root.get("UUID")
    known = {node.text for node in nodes}
    if own is None or own not in known:
        own = next(
            (n.text for n in nodes if n.get("FileName", "").lower() == file_name.lower()), None
        )
    if own is None and len(known) == 1:  # the only file, under another name now
        return set()
    return {id(node) for node in nodes if node.text != own}


def _only_own(root: ET.Element, elsewhere: set[int]) -> bool:
    """Remove what lies in other files; False if nothing is left, or no array."""
    for image in [node for node in root if _is(node, "Image")]:
        for pixels in _all(image, "Pixels"):
            for block in [node for node in pixels if _is(node, "TiffData")]:
                if any(id(uuid) in elsewhere for uuid in block):
                    pixels.remove(block)
            if next(_all(pixels, "TiffData"), None) is None:
                root.remove(image)
            elif not _cut(pixels):
                return False
    return next(_all(root, "Pixels"), None) is not None


def _cut(pixels: ET.Element) -> bool:
    """Make the sizes of an image those of its planes in this file; False if they are no box."""
    sizes = {axis: int(pixels.get(f"Size{axis}", 1)) for axis in _PLANES}
    samples = next((int(c.get("SamplesPerPixel", 1)) for c in _all(pixels, "Channel")), 1)
    sizes["C"] //= max(1, samples)
    # DimensionOrder "XYZCT": Z is the fastest
    order = [axis for axis in pixels.get("DimensionOrder", "XYZCT") if axis in _PLANES]
    every = list(itertools.product(*(range(sizes[axis]) for axis in reversed(order))))
    here: list[tuple[int, ...]] = []
    for block in _all(pixels, "TiffData"):
        first = tuple(int(block.get(f"First{axis}", 0)) for axis in reversed(order))
        count = block.get("PlaneCount", block.get("NumPlanes", "1" if block.get("IFD") else None))
        if count is None or first not in every:
            return False
        here += every[every.index(first) :][: int(count)]
    low = [min(places) for places in zip(*here, strict=True)]
    length = [len(set(places)) for places in zip(*here, strict=True)]
    if len(set(here)) != len(here) or math.prod(length) != len(here):
        return False
    for axis, start, size in zip(reversed(order), low, length, strict=True):
        pixels.set(f"Size{axis}", str(size * samples if axis == "C" else size))
        for block in _all(pixels, "TiffData"):
            block.set(f"First{axis}", str(int(block.get(f"First{axis}", 0)) - start))
    channels = [node for node in pixels if _is(node, "Channel")]
    for spare in channels[length[list(reversed(order)).index("C")] :]:
        pixels.remove(spare)
    return True
