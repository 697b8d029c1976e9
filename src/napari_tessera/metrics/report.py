"""A report on labels and their truth: one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import io
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from html import escape
from importlib.metadata import version
from typing import Any

import numpy as np

from napari_tessera.metrics.error_kinds import KINDS, kinds_of, kinds_of_objects
from napari_tessera.metrics.figures import Scores
from napari_tessera.metrics.plots import draw_precision, draw_strata, group_unit
from napari_tessera.metrics.score import score
from napari_tessera.metrics.strata import By, grouped
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import Array, Over, Report, Spacing, Table, VoxelSize

FIGURES = {
    "true_objects": ("True objects", "how many there are"),
    "predicted_objects": ("Predicted objects", "how many there are"),
    "precision": ("Precision", "share of the predicted objects that are true ones"),
    "recall": ("Recall", "share of the true objects that are found"),
    "f1": ("F1", "harmonic mean of precision and recall"),
    "panoptic_quality": ("Panoptic quality", "F1 times the mean overlap of what is found"),
    "dice": ("Dice", "overlap of the foreground, 2 |A and B| / (|A| + |B|)"),
    "iou": ("IoU", "overlap of the foreground, |A and B| / |A or B|"),
    "pixel_accuracy": ("Pixel accuracy", "share of the pixels that are right"),
    "boundary_f": ("Boundary F", "how much of the boundaries agrees within the tolerance"),
    "hausdorff95": ("Hausdorff 95 %", "distance within which 95 % of the boundaries lie"),
    "mean_surface_distance": ("Mean surface distance", "mean distance between boundaries"),
    "adapted_rand_error": ("Adapted Rand error", "of pairs of pixels, together or apart; 0 = best"),
    "variation_of_information": ("Variation of information", "in bits; 0 = best"),
}
"""The figures of `ClassScores` that are told, with their titles and what they mean."""

LENGTHS = ("hausdorff95", "mean_surface_distance")


def report_html(
    truth: Any,
    prediction: Any,
    image: Any = None,
    *,
    over: Over = "volume",
    iou: float = 0.5,
    tolerance: float | str = "2 px",
    spacing: Spacing = None,
    scores: Scores | None = None,
    plane: Sequence[int] | None = None,
    recipe: str | None = None,
    names: Mapping[str, str] | None = None,
    title: str = "Report of a segmentation",
    report: Report = None,
) -> str:
    """Write down how well labels agree with a truth, as one HTML page without other files.

    Parameters
    ----------
    truth : array of int, shape (..., Y, X)
        What is right: a plane, a volume, or a stack of either; 0 = background.
    prediction : array of int, shape (..., Y, X)
        What is judged.
    image : array, shape (..., Y, X), optional
        Intensities, under the map of errors and for the groups by brightness.
    over, iou, tolerance, spacing
        As for `napari_tessera.score`.
    scores : Scores, optional
        What `score` gave with these options, if it is known already.
    plane : sequence of int, optional
        Index along the axes before the last two of the plane that is pictured; None = the middle.
    recipe : str, optional
        How the prediction was made, as Python.
    names : mapping of str to str, optional
        What "truth", "prediction" and "image" are called.
    title : str
    report : callable, optional
        Takes `Progress`.

    Returns
    -------
    str
        HTML with pictures and style inside; everything that was given as text is escaped.

    Raises
    ------
    ValueError
        If the shapes differ, or `plane` is not in the arrays.

    References
    ----------
    J. C. Caicedo et al., "Evaluation of deep learning strategies for nucleus segmentation in
    fluorescence images", Cytometry A 95(9), 2019.

    Examples
    --------
    >>> labels = np.array([[1, 1, 0, 2, 2], [1, 1, 0, 2, 2]])
    >>> page = report_html(labels, labels, names={"prediction": "cells"})
    >>> page.startswith("<!doctype html>"), "cells" in page
    (True, True)
    """
    reporter = Reporter.of(report)
    voxel = VoxelSize.of(spacing, 2 if over == "planes" else min(truth.ndim, 3))
    if image is not None and image.shape != truth.shape:
        raise ValueError(
            f"image has shape {image.shape} but truth has {truth.shape}; pass one value per pixel"
        )
    place = _place(plane, truth.shape)
    found = scores or score(
        truth,
        prediction,
        over=over,
        iou=iou,
        tolerance=tolerance,
        spacing=voxel,
        report=reporter.part(0, 3),
    )
    parts = [
        f"<h1>{escape(title)}</h1>",
        _about(names or {}, truth.shape, over, iou, tolerance, voxel),
        _figures(found, voxel),
        _kinds(found),
        _picture(truth, prediction, image, iou, place, len(voxel), reporter.part(1, 3)),
        _groups(found, truth, image, voxel, reporter.part(2, 3)),
        "" if recipe is None else f"<h2>How it was made</h2><pre>{escape(recipe)}</pre>",
        _versions(),
    ]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _place(plane: Sequence[int] | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index of the plane that is pictured."""
    lead = shape[:-2]
    place = tuple(size // 2 for size in lead) if plane is None else tuple(map(int, plane))
    if len(place) != len(lead) or any(not 0 <= p < n for p, n in zip(place, lead, strict=True)):
        raise ValueError(f"plane is {place}, but the axes before the last two have sizes {lead}")
    return place


def _about(
    names: Mapping[str, str],
    shape: tuple[int, ...],
    over: str,
    iou: float,
    tolerance: float | str,
    voxel: VoxelSize,
) -> str:
    near = tolerance if isinstance(tolerance, str) else f"{tolerance:g} {voxel.unit}"
    size = " x ".join(f"{step:g}" for step in voxel)
    facts = {
        "Date": date.today().isoformat(),  # noqa: DTZ011 (the user's own day)
        **{kind.capitalize(): name for kind, name in names.items()},
        "Shape": " x ".join(map(str, shape)),
        "Objects are in": over if over == "planes" else ("planes", "volumes")[len(voxel) - 2],
        "Pixel size": f"{size} {voxel.unit}",
        "Partners overlap by": f"IoU {iou:g} or more",
        "Boundaries agree within": near,
    }
    return html_table([], [[key, str(value)] for key, value in facts.items()])


def _figures(scores: Scores, voxel: VoxelSize) -> str:
    rows: list[list[Any]] = []
    for name, (words, means) in FIGURES.items():
        value = getattr(scores, name)
        if not (isinstance(value, float) and np.isnan(value)):
            unit = f" ({voxel.unit})" if name in LENGTHS else ""
            rows.append([words + unit, value, means])
    for overlap in (0.5, 0.75):
        value = scores.average_precision[overlap]
        rows.append([f"AP at {overlap:g}", value, "partners / (partners + objects without one)"])
    curve = plotted(lambda figure: draw_precision(figure, scores))
    return (
        f"<h2>Figures</h2>{html_table(['Figure', 'Value', 'What it tells'], rows)}"
        f'<p><img src="{curve}" alt="average precision by overlap"></p>'
    )


def _kinds(scores: Scores) -> str:
    rows: list[list[Any]] = []
    for name, kind in kinds_of("objects").items():
        true, found = (
            int(np.sum(each["kind"] == name)) for each in (scores.objects, scores.predictions)
        )
        rows.append([name, true, found, kind.words])
    return f"<h2>What is wrong</h2>{html_table(['Kind', 'True', 'Predicted', ''], rows)}"


def _picture(
    truth: Any,
    prediction: Any,
    image: Any,
    iou: float,
    place: tuple[int, ...],
    axes: int,
    report: Reporter,
) -> str:
    """Return the plane with its errors, of the volume that it lies in."""
    lead = truth.ndim - axes
    frame, rest = place[:lead], place[lead:]
    own = [np.asarray(each[frame]) for each in (prediction, truth)]
    errors = kinds_of_objects(own[0], own[1], iou=iou, report=report)[rest]
    grey = None if image is None else np.asarray(image[place])
    source = inline_picture(over_image(errors, grey))
    swatches = " ".join(
        f'<span class="swatch" style="background:{kind.colour}"></span>{name} &nbsp;'
        for name, kind in kinds_of("objects").items()
    )
    where = f"<p class='note'>Plane {', '.join(map(str, place))}, from 0.</p>" if place else ""
    return (
        f"<h2>Where it is wrong</h2>{where}"
        f'<p><img class="pixels" src="{source}" alt="map of errors"></p><p>{swatches}</p>'
    )


def _groups(scores: Scores, truth: Any, image: Any, voxel: VoxelSize, report: Reporter) -> str:
    kinds: list[By] = ["size", "crowding", "border"]
    if image is not None:
        kinds.insert(1, "brightness")
    parts = []
    for number, by in enumerate(kinds):
        part = report.part(number, len(kinds))
        table = grouped(scores.objects, truth, image, by=by, spacing=voxel, report=part)
        unit = group_unit(by, voxel)
        parts.append(f"<h3>By {by}{f' ({escape(unit)})' if unit else ''}</h3>")
        parts.append(_plotted(table, by, unit))
        parts.append(_of_columns(table))
    return f"<h2>Where objects are found</h2>{''.join(parts)}"


def _plotted(table: Table, by: str, unit: str) -> str:
    source = plotted(lambda figure: draw_strata(figure, table, by=by, unit=unit))
    return f'<p><img src="{source}" alt="recall by {by}"></p>'


def _of_columns(table: Table) -> str:
    shown = {name: values.tolist() for name, values in table.items() if name != "index"}
    return html_table(list(shown), [list(row) for row in zip(*shown.values(), strict=True)])


def _versions() -> str:
    packages = ["napari-tessera", "numpy", "scipy", "scikit-image", "matplotlib"]
    # loading it only to name it would take seconds
    packages += ["torch"] if "torch" in sys.modules else []
    rows = [["Python", platform.python_version()], *([name, version(name)] for name in packages)]
    return f"<h2>Versions</h2>{html_table([], rows)}"


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
    for kind in KINDS.values():
        colours[kind.number] = tuple(bytes.fromhex(kind.colour[1:]))
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


def html_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table of words and numbers, escaped.

    Examples
    --------
    >>> html_table([], [["<b>", 0.25]])
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


def inline_picture(colours: Array) -> str:
    """Return colours, an array of uint8 of shape (Y, X, 3), as a picture inside the page."""
    import imageio.v3 as imageio

    return _inside("image/png", imageio.imwrite("<bytes>", colours, extension=".png"))


def _inside(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
