"""The live plot of a training: losses and score against epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QLabel, QToolTip

# after qtpy, whose choice of a Qt binding matplotlib follows
# isort: split
from matplotlib.colors import to_rgb
from matplotlib.ticker import FuncFormatter, MaxNLocator

from napari_tessera.metrics.plots import SMALL, Colours
from napari_tessera.widgets.forms.plot import Plot
from napari_tessera.widgets.training.record import WORDS, Point, Record, thinned

if TYPE_CHECKING:
    import napari.viewer
    from matplotlib.figure import Figure

DARK = {"loss": "#d0d3d8", "validation": "#ffb454", "score": "#5cc8ff"}
LIGHT = {"loss": "#44484f", "validation": "#9a4c00", "score": "#0067b8"}
"""Colours that can be read on a dark and on a light background."""

SIZE = (180, 160)
"""Least width, and height, in dots on the screen."""

PAUSE_MS = 250
"""How long news are gathered until they are drawn: lines in 4 ms, new axes in 20 ms."""

MOST = 140
"""Points of a curve that can be told apart in a dock column."""


class Curve(Plot):
    """Losses (left axis) and score (right axis) against epochs; the epoch that is kept is marked.

    Parameters
    ----------
    viewer : napari.Viewer
        Its theme gives the colours.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer, SIZE)
        self._lines: Lines | None = None
        self._frame: Any = None
        self._news, self._nothing = QTimer(self), QLabel("no epoch yet")
        self._news.setSingleShot(True)
        self._news.setInterval(PAUSE_MS)
        self._news.timeout.connect(self._show)
        self.layout().addWidget(self._nothing)
        self.canvas.setFixedHeight(SIZE[1])
        self.canvas.mpl_connect("draw_event", self._framed)
        self.canvas.mpl_connect("motion_notify_event", self._point)
        self.canvas.mpl_connect("figure_leave_event", self._point)
        self.setAccessibleName("Curves of the training")
        self.clear()

    # ------------------------------------------------------------------ values

    def add(
        self,
        epoch: float,
        loss: float | None = None,
        validation: float | None = None,
        score: float | None = None,
        *,
        kept: bool = False,
    ) -> None:
        """Add what is known at the end of an epoch.

        Parameters
        ----------
        epoch : float
            How many epochs are over.
        loss, validation, score : float, optional
            Loss in training and on validation images, and their score from 0 to 1.
        kept : bool
            Whether the weights are kept.
        """
        newest = self.record.add(epoch, loss, validation, score, kept=kept)
        self.setAccessibleDescription(str(newest).replace("\n", ", "))
        self._changed()

    def add_step(self, epoch: float, loss: float) -> None:
        """Add the loss of one step; `epoch` is how many epochs are over, with fractions."""
        self.record.add_step(epoch, loss)
        self._changed()

    def clear(self) -> None:
        """Begin anew."""
        self.record = Record()
        self.setAccessibleDescription("")
        self._changed()

    # ------------------------------------------------------------------ drawing

    def _changed(self) -> None:
        empty = self.record.is_empty
        self.canvas.setVisible(not empty)
        self._nothing.setVisible(empty)
        if empty:
            self.draw(None)
        elif not self.drawn:
            self.draw(self._draw)
        elif not self._news.isActive():
            self._news.start()

    def _draw(self, figure: Figure, colours: Colours) -> None:
        lines = Lines(figure, colours)
        lines.show(self.record)
        if figure is self.figure:
            self._lines, self._frame = lines, None

    def _show(self) -> None:
        """Draw what is new."""
        if self.drawn and self._lines is not None:
            self._redraw(same_frame=self._lines.show(self.record))

    def _framed(self, event: Any) -> None:
        """Keep the picture of axes and words, which take most of the time, and draw the lines."""
        if self.drawn and self._lines is not None:
            self._frame = self.canvas.copy_from_bbox(self.figure.bbox)
            self._lines.draw()

    def _redraw(self, *, same_frame: bool) -> None:
        """Draw the lines, into the frame that is there already if it is the same."""
        if not same_frame or self._frame is None or self._lines is None:
            self.canvas.draw_idle()
            return
        self.canvas.restore_region(self._frame)
        self._lines.draw()
        self.canvas.blit(self.figure.bbox)

    def _point(self, event: Any) -> None:
        """Mark the epoch nearest to the mouse, and tell its numbers."""
        if self._lines is None or not self.drawn:
            return
        point = None if event.inaxes is None else nearest(self.record, event.xdata)
        if self._lines.point(point):
            self._redraw(same_frame=True)
        if point is not None:
            QToolTip.showText(QCursor.pos(), str(point), self.canvas)

    def release(self) -> None:
        """Let go of the viewer and of what was drawn."""
        super().release()
        self._lines = None


class Lines:
    """Axes and lines in one figure, which are given other values as training goes on.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    colours : Colours
    """

    def __init__(self, figure: Figure, colours: Colours) -> None:
        self._figure, self._named = figure, list[Any]()
        own = LIGHT if sum(to_rgb(colours.background)) > 1.5 else DARK
        self.losses = figure.add_subplot()
        self.scores = self.losses.twinx()
        for axes in (self.losses, self.scores):
            axes.set_facecolor("none")
            axes.tick_params(colors=colours.text, color=colours.line, labelsize=SMALL, length=2)
            axes.spines[:].set_visible(False)
        self.losses.grid(axis="y", color=colours.text, alpha=0.25, linewidth=0.6)
        self.losses.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
        self.losses.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        self.losses.set_xlabel("epoch", color=colours.text, size=SMALL, labelpad=0)
        self.scores.tick_params(axis="y", colors=own["score"], length=0)
        self.scores.set_ylim(0, 1)
        self.scores.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
        (self.steps,) = self.losses.plot([], [], color=own["loss"], alpha=0.45, linewidth=0.8)
        self.lines: dict[str, Any] = {
            name: (self.scores if name == "score" else self.losses).plot(
                [], [], color=own[name], linewidth=1.6, markersize=3.5, label=words, clip_on=False
            )[0]
            for name, words in WORDS.items()
        }
        # marks lie in the upper axes, 0 to 1 from bottom to top
        self.ring = self.scores.plot([], [], "o", markersize=9, fillstyle="none", clip_on=False)[0]
        self.kept = self.scores.annotate("", (0, 0), (0, 0), textcoords="offset points")
        self.kept.set(color=colours.text, size=SMALL)
        self.pointer = self.scores.axvline(0, color=colours.text, linewidth=0.8, linestyle=":")
        self.pointer.set_visible(False)
        self._moving = (self.steps, *self.lines.values(), self.ring, self.kept, self.pointer)
        for artist in self._moving:
            artist.set_animated(True)  # not drawn with the axes, except into a file

    def draw(self) -> None:
        """Draw the lines and marks over the axes."""
        for artist in self._moving:
            self._figure.draw_artist(artist)

    def show(self, record: Record) -> bool:
        """Take what is known now; return whether the axes and words around it are the same."""
        before = self._around()
        self.losses.set_xlim(*record.epoch_span)
        ticks = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(*record.loss_span)
        self.losses.set_ylim(ticks[0], ticks[-1])
        self.losses.set_yticks(ticks)
        self.steps.set_data(*record.steps(MOST))
        for name, line in self.lines.items():
            epochs, values = thinned(*record.values(name), MOST)
            line.set_data(epochs, values)
            line.set_marker("o" if len(epochs) <= MOST / 6 else "")
        self.scores.yaxis.set_visible(bool(len(self.lines["score"].get_xdata())))
        self._mark(record.kept)
        self._name_lines()
        self._fit(max(len(f"{tick:.4g}") for tick in ticks))
        return before == self._around()

    def _around(self) -> tuple[Any, ...]:
        return *self.losses.get_xlim(), *self.losses.get_ylim(), len(self._named)

    def _mark(self, kept: Point | None) -> None:
        """Put a ring around the epoch that is kept, and the word where there is room for it."""
        self.ring.set_data([], [])
        self.kept.set_text("")
        if kept is None:
            return
        name = "validation" if kept.score is None else "score"
        height = getattr(kept, name)
        if name == "validation":
            low, high = self.losses.get_ylim()
            height = (height - low) / (high - low)
        first, last = self.losses.get_xlim()
        across = (kept.epoch - first) / (last - first)
        self.ring.set_data([kept.epoch], [height])
        self.ring.set_color(self.lines[name].get_color())
        self.kept.set_text("kept")
        self.kept.xy = kept.epoch, height
        above = height < 0.25
        self.kept.set_position((0, 6 if above else -6))
        self.kept.set_va("bottom" if above else "top")
        self.kept.set_ha("left" if across < 0.06 else "right" if across > 0.94 else "center")

    def _name_lines(self) -> None:
        """Name the lines that there are, in their colours, above the plot."""
        known = [line for line in self.lines.values() if len(line.get_xdata())]
        if len(known) == len(self._named):
            return
        for legend in self._figure.legends:
            legend.remove()
        self._named = known
        self._figure.legend(
            handles=known,
            loc="upper center",
            ncols=len(known),
            frameon=False,
            fontsize=SMALL,
            labelcolor="linecolor",
            handlelength=0.9,
            handletextpad=0.4,
            markerscale=0,
            columnspacing=0.9,
            borderaxespad=0,
        )

    def _fit(self, digits: int) -> None:
        """Leave as much room around the axes as the words there take."""
        width, height = 72 * self._figure.get_size_inches()  # in points
        self._figure.subplots_adjust(
            left=min(0.4, (0.6 * SMALL * digits + 6) / width),
            right=max(0.5, 1 - 2.6 * SMALL / width),
            bottom=min(0.4, 3.2 * SMALL / height),
            top=max(0.5, 1 - 2 * SMALL / height),
        )

    def point(self, at: Point | None) -> bool:
        """Draw a line at an epoch, or none; return whether that is new."""
        before = self.pointer.get_visible(), self.pointer.get_xdata()[0]
        if at is not None:
            self.pointer.set_xdata([at.epoch, at.epoch])
        self.pointer.set_visible(at is not None)
        return before != (self.pointer.get_visible(), self.pointer.get_xdata()[0])


def nearest(record: Record, epoch: float) -> Point | None:
    """Return what is known of the epoch nearest to a place on the axis of epochs."""
    return min(record.points, key=lambda point: abs(point.epoch - epoch), default=None)
