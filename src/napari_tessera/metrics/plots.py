"""Plots of how well objects are found, drawn into a figure that is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_tessera.metrics.bins import WITHIN
from napari_tessera.metrics.error_kinds import KINDS
from napari_tessera.signature.units import column
from napari_tessera.signature.words import Array, Table, VoxelSize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from napari_tessera.metrics.figures import Scores


class Colours(NamedTuple):
    """What a plot is drawn in besides its data, as matplotlib writes colours.

    Attributes
    ----------
    background, text, line : str
        Behind everything; of words and numbers; of axes and grids.
    """

    background: str
    text: str
    line: str


PAPER = Colours("#ffffff", "#1a1a1a", "#9a9a9a")
"""Colours for print."""

FOUND, NEAR = KINDS["right"].colour, KINDS["spurious"].colour
"""Colours of what is found and of boundaries, which all eyes tell apart on dark and on light."""

SMALL = 7.5
"""Size of the letters in points, so that four groups fit into a dock column."""


def group_unit(by: str, spacing: VoxelSize) -> str:
    """Return the unit of the values that groups are made by, "" for those without.

    Parameters
    ----------
    by : {"size", "brightness", "crowding", "border"}
    spacing : VoxelSize
        Pixel size along each axis of a plane or volume.

    Examples
    --------
    >>> group_unit("size", VoxelSize((0.5, 0.5), "um")), group_unit("border", VoxelSize((1, 1)))
    ('µm²', 'px')
    """
    if by in ("brightness", "crowding"):
        return ""
    axes = len(spacing) if by == "size" else 1
    named = column("", spacing.unit, axes).strip(" ()")
    if named:
        return named.replace("um", "µm").replace("^2", "²").replace("^3", "³")
    return "px" if by == "border" or axes == 2 else "voxels"


def draw_strata(
    figure: Figure, table: Table, *, by: str, unit: str = "", colours: Colours = PAPER
) -> None:
    """Draw how many of the objects of each group are found, and how near their boundaries are.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What it held before is removed.
    table : dict of ndarray
        What `strata` returns: one bar per row, its range under it, its number of objects above.
    by : str
        What the groups are made by, the title of the horizontal axis.
    unit : str
        Of their values; "" = none.
    colours : Colours

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from napari_tessera import strata
    >>> labels = np.array([[1, 1, 1, 0, 2, 0, 3]])
    >>> figure = Figure()
    >>> draw_strata(figure, strata(labels, labels), by="size", unit="px")
    >>> [word.get_text() for word in figure.axes[0].get_xticklabels()]
    ['1', '3']
    """
    axes = _axes(figure, colours)
    places = np.arange(len(table["recall"]))
    if not len(places):
        _say(axes, "no objects", colours)
        return
    axes.bar(places, table["recall"], width=0.7, color=FOUND, label="found")
    for place, count in enumerate(table["objects"]):
        # above all that is drawn, so that no line runs through it
        axes.text(place, 1.05, f"{count}", color=colours.text, size=SMALL, ha="center")
    if WITHIN in table:
        near = axes.plot(places, table[WITHIN], color=NEAR, marker="o", markersize=4)
        near[0].set_label(WITHIN)
    axes.set_xticks(places, ranges(table, between=" to\n"), size=SMALL)
    axes.set_xlabel(f"{by} ({unit})" if unit else by, size=SMALL, color=colours.text)
    axes.set_xlim(-0.6, len(places) - 0.4)
    _shares(axes, top=1.13)
    _legend(figure, axes, colours)


def draw_precision(figure: Figure, scores: Scores, *, colours: Colours = PAPER) -> None:
    """Draw the average precision against the intersection over union that is asked for.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What it held before is removed.
    scores : Scores
    colours : Colours

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from napari_tessera import score
    >>> figure = Figure()
    >>> draw_precision(figure, score(np.array([[1, 1, 0, 2]]), np.array([[1, 1, 0, 0]])))
    >>> float(figure.axes[0].lines[0].get_ydata()[0])
    0.5
    """
    axes = _axes(figure, colours)
    overlaps = list(scores.average_precision)
    found = list(scores.average_precision.values())
    axes.plot(overlaps, found, color=FOUND, marker="o", markersize=4, linewidth=1.5)
    axes.set_xlabel("intersection over union asked for", size=SMALL, color=colours.text)
    axes.set_ylabel("average precision", size=SMALL, color=colours.text)
    _shares(axes, top=1.03)


def draw_histogram(
    figure: Figure, values: Array, chosen: Array, *, name: str, colours: Colours = PAPER
) -> None:
    """Draw how often values occur, and in front of them those of chosen objects.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What it held before is removed.
    values : ndarray, shape (N,)
        NaN is left out.
    chosen : ndarray of bool, shape (N,)
    name : str
        Of the values.
    colours : Colours

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure, values = Figure(), np.array([1.0, 1, 5, 9])
    >>> draw_histogram(figure, values, values > 8, name="area")
    >>> int(sum(bar.get_height() for bar in figure.axes[0].patches))
    5
    """
    axes = _axes(figure, colours)
    known = np.isfinite(values)
    if not known.any():
        _say(axes, "no values", colours)
        return
    edges = np.histogram_bin_edges(values[known], bins=min(40, max(5, int(known.sum() ** 0.5))))
    for part, colour in ((known, FOUND), (known & chosen, NEAR)):
        counts = np.histogram(values[part], edges)[0].astype(float)
        axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=colour)
    axes.set_xlabel(name, size=SMALL, color=colours.text)
    axes.set_ylabel("objects", size=SMALL, color=colours.text)


def draw_scatter(
    figure: Figure,
    points: Array,
    chosen: Array,
    *,
    names: tuple[str, ...],
    shades: Array | None = None,
    colours: Colours = PAPER,
) -> None:
    """Draw two values of each object against one another, those of chosen objects in front.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What it held before is removed.
    points : ndarray, shape (N, 2)
        Horizontal and vertical; with NaN they are left out.
    chosen : ndarray of bool, shape (N,)
    names : tuple of two str
        Of the two values.
    shades : ndarray of str, shape (N,), optional
        The colour of each, a few different ones; chosen ones are marked by a ring then.
    colours : Colours

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure, points = Figure(), np.array([[1.0, 2], [3, 4]])
    >>> draw_scatter(figure, points, points[:, 0] > 2, names=("area", "mean"))
    >>> [line.get_xdata().tolist() for line in figure.axes[0].lines]
    [[1.0, 3.0], [3.0]]
    """
    axes = _axes(figure, colours)
    if not np.isfinite(points).all(axis=1).any():
        _say(axes, "no values", colours)
        return
    if shades is None:
        for part, colour, size in ((points, FOUND, 3), (points[chosen], NEAR, 5)):
            axes.plot(*part.T, "o", color=colour, markersize=size, markeredgewidth=0)
    else:
        for shade in np.unique(shades):
            own = points[shades == shade]
            axes.plot(*own.T, "o", color=shade, markersize=4, markeredgewidth=0)
        ring = {"markerfacecolor": "none", "markeredgecolor": colours.text}
        axes.plot(*points[chosen].T, "o", markersize=6, **ring)
    axes.set_xlabel(names[0], size=SMALL, color=colours.text)
    axes.set_ylabel(names[1], size=SMALL, color=colours.text)


def _axes(figure: Figure, colours: Colours) -> Axes:
    """Return empty axes, the only ones of the figure, whose labels are never cut off."""
    figure.clear()
    figure.set_layout_engine("constrained")
    figure.set_facecolor(colours.background)
    axes = figure.add_subplot()
    axes.set_facecolor(colours.background)
    axes.tick_params(colors=colours.text, labelsize=SMALL, color=colours.line, length=2)
    for side, edge in axes.spines.items():
        edge.set_color(colours.line)
        edge.set_visible(side in ("left", "bottom"))
    axes.grid(axis="y", color=colours.line, alpha=0.35, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes


def _shares(axes: Any, *, top: float) -> None:
    axes.set_ylim(0, top)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])


def _say(axes: Any, words: str, colours: Colours) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, color=colours.text, ha="center", transform=axes.transAxes)


def _legend(figure: Any, axes: Any, colours: Colours) -> None:
    """Name the colours above the plot, where nothing is covered."""
    handles, words = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        words,
        loc="outside upper center",
        ncols=2,
        frameon=False,
        fontsize=SMALL,
        labelcolor=colours.text,
        handlelength=1.2,
        columnspacing=1,
    )


def ranges(table: Table, *, between: str = " to ") -> list[str]:
    """Return the least and greatest value of each group for people.

    Parameters
    ----------
    table : dict of ndarray
        What `strata` returns.
    between : str
        Words between the two; groups of one value have only that.

    Examples
    --------
    >>> ranges({"from": np.array([1, 40.0]), "to": np.array([1, 123456.0])})
    ['1', '40 to 123000']
    """
    pairs = zip(table["from"], table["to"], strict=True)
    words = [(_short(low), _short(high)) for low, high in pairs]
    return [one if one == other else f"{one}{between}{other}" for one, other in words]


def _short(value: float) -> str:
    """Return a number with three digits that count, written out as far as that is short."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:.0f}" if 100 <= abs(rounded) < 1e6 else f"{rounded:.3g}"
