"""A report on labels and their truth: one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import io
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np

from napari_tessera.metrics.error_kinds import KINDS, kinds_of, kinds_of_objects
from napari_tessera.metrics.figures import Scores
from napari_tessera.metrics.plots import draw_precision, draw_strata, group_unit
from napari_tessera.metrics.score import score
from napari_tessera.metrics.strata import By, grouped
from napari_tessera.signature.progress import Reporter
from napari_tessera.signature.words import AXES, Array, Over, Report, Spacing, VoxelSize

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
    from jinja2 import Environment

    reporter = Reporter.of(report)
    voxel = VoxelSize.of(spacing, min(truth.ndim, AXES[over]))
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
    kinds = kinds_of("objects")
    values = {
        "title": title,
        "about": _about(names or {}, truth.shape, iou, tolerance, voxel),
        "figures": _figures(found, voxel),
        "curve": plotted(lambda figure: draw_precision(figure, found)),
        "wrong": [[name, *_counts(found, name), kind.words] for name, kind in kinds.items()],
        "place": place,
        "picture": _picture(
            (truth, prediction, image), place, len(voxel), iou, reporter.part(1, 3)
        ),
        "kinds": kinds.items(),
        "groups": _groups(found, truth, image, voxel, reporter.part(2, 3)),
        "recipe": recipe,
        "versions": _versions(),
    }
    page = (files("napari_tessera.metrics") / "report.html").read_text("utf-8")
    return str(Environment(autoescape=True).from_string(page).render(values)) + "\n"


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
    iou: float,
    tolerance: float | str,
    voxel: VoxelSize,
) -> list[list[str]]:
    near = tolerance if isinstance(tolerance, str) else f"{tolerance:g} {voxel.unit}"
    size = " x ".join(f"{step:g}" for step in voxel)
    facts = {
        "Date": date.today().isoformat(),  # noqa: DTZ011 (the user's own day)
        **{kind.capitalize(): name for kind, name in names.items()},
        "Shape": " x ".join(map(str, shape)),
        "Objects are in": ("planes", "volumes")[len(voxel) - 2],
        "Pixel size": f"{size} {voxel.unit}",
        "Partners overlap by": f"IoU {iou:g} or more",
        "Boundaries agree within": near,
    }
    return [[key, str(value)] for key, value in facts.items()]


def _figures(scores: Scores, voxel: VoxelSize) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for name, (words, means) in FIGURES.items():
        value = getattr(scores, name)
        if not (isinstance(value, float) and np.isnan(value)):
            unit = f" ({voxel.unit})" if name in LENGTHS else ""
            rows.append([words + unit, value, means])
    for overlap in (0.5, 0.75):
        value = scores.average_precision[overlap]
        rows.append([f"AP at {overlap:g}", value, "partners / (partners + objects without one)"])
    return rows


def _counts(scores: Scores, kind: str) -> list[int]:
    """Return how many true and how many predicted objects are of a kind."""
    return [int(np.sum(each["kind"] == kind)) for each in (scores.objects, scores.predictions)]


def _picture(
    arrays: tuple[Any, Any, Any], place: tuple[int, ...], axes: int, iou: float, report: Reporter
) -> str:
    """Return the plane with its errors, of the volume that it lies in."""
    truth, prediction, image = arrays
    lead = truth.ndim - axes
    frame, rest = place[:lead], place[lead:]
    own = [np.asarray(each[frame]) for each in (prediction, truth)]
    errors = kinds_of_objects(own[0], own[1], iou=iou, report=report)[rest]
    return inline_picture(over_image(errors, None if image is None else np.asarray(image[place])))


def _groups(
    scores: Scores, truth: Any, image: Any, voxel: VoxelSize, report: Reporter
) -> list[dict[str, Any]]:
    """Return what the page tells of each way to group objects."""
    ways: list[By] = ["size", *(() if image is None else ("brightness",)), "crowding", "border"]
    groups = []
    for number, by in enumerate(ways):
        part = report.part(number, len(ways))
        table = grouped(scores.objects, truth, image, by=by, spacing=voxel, report=part)
        unit = group_unit(by, voxel)
        columns = {name: values.tolist() for name, values in table.items() if name != "index"}
        plot = plotted(partial(draw_strata, table=table, by=by, unit=unit))
        rows = list(zip(*columns.values(), strict=True))
        groups.append({"by": by, "unit": unit, "plot": plot, "head": list(columns), "rows": rows})
    return groups


def _versions() -> list[list[str]]:
    packages = ["napari-tessera", "numpy", "scipy", "scikit-image", "matplotlib"]
    # loading it only to name it would take seconds
    packages += ["torch"] if "torch" in sys.modules else []
    return [["Python", platform.python_version()], *([name, version(name)] for name in packages)]


SIDE = 1200
"""Most pixels of a picture along a side; larger ones are thinned."""


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
