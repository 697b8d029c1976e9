"""What a page of HTML that stands by itself is made of: style, tables, plots and pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np

from napari_tessera.methods.judge.error_map import KINDS
from napari_tessera.signature.words import Array

SIDE = 1200
"""Most pixels of a picture along a side; larger ones are thinned."""

STYLE = """
body { font: 15px/1.45 sans-serif; color: #1a1a1a; background: #fff; max-width: 50em;
       margin: 2em auto; padding: 0 1em; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 1.6em; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; margin: .5em 0; font-size: 14px; }
th, td { text-align: left; padding: .2em .8em .2em 0; border-bottom: 1px solid #e4e4e4; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; } img.pixels { width: 100%; image-rendering: pixelated; }
pre { background: #f4f4f4; padding: .8em; white-space: pre-wrap; overflow-wrap: anywhere; }
.swatch { display: inline-block; width: .9em; height: .9em; margin-right: .4em; }
.note { color: #555; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; }
  table, img, pre { break-inside: avoid; } * { print-color-adjust: exact; } }
"""


def over_image(errors: Array, image: Array | None) -> Array:
    """Return the colours of errors over an image, in red, green and blue.

    Examples
    --------
    >>> over_image(np.array([[0, 1]], np.uint8), None).tolist()
    [[[0, 0, 0], [0, 158, 115]]]
    """
    step = -(-max(errors.shape) // SIDE)
    errors = errors[::step, ::step]
    colours = np.zeros((256, 3), np.float32)
    for number, colour in KINDS.values():
        colours[number] = tuple(bytes.fromhex(colour[1:]))
    painted = colours[errors]
    if image is None:
        return painted.astype(np.uint8)
    grey = _grey(image[::step, ::step])[..., None]
    mixed = np.where((errors > 0)[..., None], 0.5 * grey + 0.5 * painted, grey)
    return np.asarray(mixed.astype(np.uint8))


def _grey(image: Array) -> Array:
    """Return an image from 0 to 255, without its extremes."""
    values = np.nan_to_num(image.astype(np.float32), nan=0, posinf=0, neginf=0)
    low, high = np.percentile(values, (0.5, 99.5))
    return np.asarray(np.clip((values - low) / max(high - low, 1e-9), 0, 1) * 255)


def table_of(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table of words and numbers, escaped.

    Examples
    --------
    >>> table_of([], [["<b>", 0.25]])
    '<table><tr><td>&lt;b&gt;</td><td class="number">0.25</td></tr></table>'
    """
    titles = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = [f"<tr>{titles}</tr>"] if head else []
    lines += [f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows]
    return f"<table>{''.join(lines)}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return f"<td>{escape(value)}</td>"
    number = f"{value:.4g}" if isinstance(value, float) else f"{value}"
    return f'<td class="number">{number}</td>'


def plotted(paint: Callable[[Any], None]) -> str:
    """Return a plot as a picture inside the page."""
    from matplotlib.figure import Figure

    figure, file = Figure(figsize=(5, 2.8)), io.BytesIO()
    paint(figure)
    figure.savefig(file, format="svg", metadata={"Date": None})
    return _inside("image/svg+xml", file.getvalue())


def picture(colours: Array) -> str:
    """Return colours, an array of uint8 of shape (Y, X, 3), as a picture inside the page."""
    import imageio.v3 as imageio

    return _inside("image/png", imageio.imwrite("<bytes>", colours, extension=".png"))


def _inside(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
