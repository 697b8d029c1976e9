"""The object that clicks lie on, as the click network says: looked at, and looked at again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_tessera.algorithms.halo_tiles import extent
from napari_tessera.algorithms.picking.marks import ON, ObjectMarks
from napari_tessera.algorithms.picking.picked import BoxMask, Scene
from napari_tessera.deep.clicks.spots import Spot, Spots
from napari_tessera.deep.clicks.windows import (
    SIDE,
    HalvedImages,
    Window,
    network_input,
    normalised_window,
)
from napari_tessera.deep.data.warp import sampled
from napari_tessera.deep.triton import keep_away
from napari_tessera.signature.words import Array

if TYPE_CHECKING:
    import torch

NARROWEST, RATIO = 24.0, 3.0
"""Of the windows around a first click: pixels across, and how many times wider the next one is."""

WIDER = 2.0
"""How many times as wide as what is known of an object its window is."""

FITTING = (1.25, 4.5)
"""How many times as wide as its object a window may be that is not looked at again."""

SURE = 0.95
"""The probability that is said of an outline which was found in another way."""

KEPT = 64
"""Answers of a plane that are kept, 64 KB each."""


@dataclass(frozen=True)
class ClickNetwork:
    """A click network that has been read.

    Attributes
    ----------
    module : torch.nn.Module
    threshold : float
        Probability from which a pixel belongs to the object.
    """

    module: torch.nn.Module
    threshold: float

    @classmethod
    def read(cls, folder: Path) -> ClickNetwork:
        """Return the network in a model folder."""
        from napari_tessera.deep.models.model import read_model

        keep_away()
        model = read_model(folder)
        return cls(model.load_network(), model.config.thresholds["threshold"])

    def probabilities(self, seen: Sequence[Array]) -> Array:
        """Return the probability of the object at each sample, shape (B, SIDE, SIDE).

        Parameters
        ----------
        seen : sequence of ndarray, shape (CHANNELS, SIDE, SIDE)
        """
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(np.stack(seen))  # (B, C, Y, X)
            batch = batch.contiguous(memory_format=torch.channels_last)
            return np.asarray(self.module(batch)[:, 0].sigmoid().numpy())


def shipped_place() -> Path:
    """Return the folder of the network that comes with napari-tessera."""
    return Path(__file__).parent / "shipped"


@cache
def shipped_network() -> ClickNetwork:
    """Return the network that comes with napari-tessera, read once."""
    return ClickNetwork.read(shipped_place())


@dataclass(frozen=True)
class WindowAnswer:
    """What the network says of a window.

    Attributes
    ----------
    known : Spots
        What the marks say.
    window : Window
    probabilities : ndarray of float32, shape (SIDE, SIDE)
    mask : ndarray of bool, shape (SIDE, SIDE)
        The pieces of the object that marks lie on.
    """

    known: Spots
    window: Window
    probabilities: Array
    mask: Array

    @property
    def overlap(self) -> float:
        """The intersection over union with the object that is to be expected."""
        inside = self.probabilities[self.mask].sum()
        outside = self.probabilities[~self.mask].sum()
        return float(inside / (np.count_nonzero(self.mask) + outside))

    @property
    def width(self) -> float:
        """Samples along the longer side of the mask."""
        return float(max(side.stop - side.start for side in extent(self.mask)))

    @property
    def fits(self) -> bool:
        """Whether the window is neither too narrow nor too wide for what it shows."""
        return FITTING[0] <= SIDE / self.width <= FITTING[1]


@dataclass
class ClickedPlane:
    """A plane that objects are picked from by a click network.

    Attributes
    ----------
    levels : HalvedImages
    steps : ndarray, shape (2,)
        Pixels along each axis that are as long as the finest one.
    network : ClickNetwork
    outline : callable, optional
        Gives an object for its first mark in another way, which the network then mends.
    """

    levels: HalvedImages
    steps: Array
    network: ClickNetwork
    outline: Callable[[ObjectMarks], BoxMask] | None = None
    _answers: OrderedDict[bytes, WindowAnswer] = field(default_factory=OrderedDict)

    @classmethod
    def of(
        cls,
        scene: Scene,
        network: ClickNetwork,
        outline: Callable[[ObjectMarks], BoxMask] | None = None,
    ) -> ClickedPlane:
        """Return a plane made ready to be clicked on."""
        levels = HalvedImages.of(scene.image, scene.channel_axis)
        return cls(levels, scene.steps, network, outline)

    def picked(self, marks: ObjectMarks) -> BoxMask:
        """Return the object that marks lie on."""
        # nothing can be said before there is a mark on it
        later = np.argsort(np.cumsum(marks.signs == ON) == 0, kind="stable")
        own = ObjectMarks(marks.signs[later], marks.points[later], marks.box)
        return self._whole(self._answer(own))

    def _answer(self, marks: ObjectMarks) -> WindowAnswer:
        """Return the answer to marks; what was said to all but the last leads to it."""
        corners = b"" if marks.box is None else marks.box.tobytes()
        key = corners + marks.signs.tobytes() + marks.points.tobytes()
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        found = self._next(marks)
        self._answers[key] = found
        while len(self._answers) > KEPT:
            self._answers.popitem(last=False)
        return found

    def _next(self, marks: ObjectMarks) -> WindowAnswer:
        if not len(marks.signs):
            return self._looked_again(Spots((), marks.box), None)
        sign, point = int(marks.signs[-1]), marks.points[-1]
        if len(marks.signs) == 1 and marks.box is None:
            return self._first(Spots((Spot(sign, point),)))
        before = self._answer(ObjectMarks(marks.signs[:-1], marks.points[:-1], marks.box))
        whole = self._whole(before)
        if whole.at(point) == (sign == ON):
            return before  # it says what is so already
        return self._looked_again(before.known.mended(sign, point, whole, self.steps), before)

    def _first(self, known: Spots) -> WindowAnswer:
        """Return the answer that is likely to be best of those in windows of many widths.

        One begins with the outline that was found in another way, if there is any.
        """
        widest = 1.5 * float((np.array(self.levels.shape) / self.steps).max())
        count = 1 + max(0, int(np.log(max(widest / NARROWEST, 1)) / np.log(RATIO)))
        widths = NARROWEST * RATIO ** np.arange(count)
        centre = known.spots[0].point
        windows = [Window.around(centre, width, self.steps) for width in widths]
        answers = self._look(windows, known, None)
        beginnings = [max(answers, key=_promise)]
        if self.outline is not None:
            beginnings.append(self._outlined(known, self.outline))
        return max((self._looked_again(known, each) for each in beginnings), key=_promise)

    def _outlined(self, known: Spots, outline: Callable[[ObjectMarks], BoxMask]) -> WindowAnswer:
        """Return an outline that was found in another way as if the network had said so."""
        points = known.points(ON)
        mask = outline(ObjectMarks(np.full(len(points), ON), points))
        low, high = (
            np.array([getattr(side, end) for side in mask.box]) for end in ("start", "stop")
        )
        width = max(NARROWEST, WIDER * float(((high - low) / self.steps).max()))
        window = Window.around((low + high - 1) / 2, width, self.steps)
        at = np.rint(window.places).astype(int) - low.reshape(2, 1, 1)
        last = (high - low - 1).reshape(2, 1, 1)
        there = ((at >= 0) & (at <= last)).all(axis=0)
        found = _something(mask.values[tuple(np.clip(at, 0, last))] & there)
        return WindowAnswer(known, window, found * np.float32(SURE), found)

    def _looked_again(self, known: Spots, before: WindowAnswer | None) -> WindowAnswer:
        """Return the answer in the window that what is known asks for, and once more if need be."""
        found = self._look([self._window(known, before)], known, before)[0]
        if not found.fits:
            found = self._look([self._window(known, found)], known, found)[0]
        return found

    def _look(
        self, windows: Sequence[Window], known: Spots, before: WindowAnswer | None
    ) -> list[WindowAnswer]:
        """Return the answers in some windows."""
        said = self.network.probabilities([self._shown(each, known, before) for each in windows])
        return [
            WindowAnswer(known, window, own, _something(self._pieces(own, window, known)))
            for window, own in zip(windows, said, strict=True)
        ]

    def _shown(self, window: Window, known: Spots, before: WindowAnswer | None) -> Array:
        """Return what the network sees of a window, shape (CHANNELS, SIDE, SIDE)."""
        at = window.places
        grey = normalised_window(self.levels.seen(at, window.step), self.levels.inside(at))
        present = np.zeros((SIDE, SIDE), np.float32)
        if before is not None:
            present = window.carried(before.probabilities, before.window)
        return network_input(grey, *known.shown(window), present)

    def _pieces(self, said: Array, window: Window, known: Spots) -> Array:
        """Return the pieces of the object that marks lie on."""
        found, inside = said > self.network.threshold, self.levels.inside(window.places)
        known.put_right(found, window)
        found &= inside
        on = _samples_at(window, known.points(ON))
        found[on] = True  # whatever lies close beside it
        pieces, count = ndimage.label(found)
        if len(on[0]):
            return np.isin(pieces, pieces[on])
        if not count:  # nothing is seen in a box
            return inside & ~known.outside_box(window)
        return np.asarray(pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:]))

    def _window(self, known: Spots, before: WindowAnswer | None) -> Window:
        """Return the window around all that is known of an object."""
        ends = [known.points(ON) if known.box is None else known.box]
        if before is not None:
            box = extent(before.mask)
            corners = np.array([[side.start, side.stop - 1] for side in box]).T
            ends.append(before.window.pixels(corners))
        places = np.concatenate(ends)
        low, high = places.min(axis=0), places.max(axis=0)
        width = float(((high - low) / self.steps).max()) + 1
        return Window.around((low + high) / 2, max(NARROWEST, WIDER * width), self.steps)

    def _whole(self, answer: WindowAnswer) -> BoxMask:
        """Return the mask of an answer in pixels of the plane."""
        window, level = answer.window, self.network.threshold
        # between samples as the probabilities are; what marks alone say is sure
        seen = answer.probabilities > level
        sure = np.where(seen, answer.probabilities, 1)
        rest = np.where(seen, 0, answer.probabilities)
        known = np.where(answer.mask, sure, rest).astype(np.float32)
        ends = np.array([[side.start - 1, side.stop] for side in extent(answer.mask)]).T
        last = np.array(self.levels.shape) - 1
        low, high = np.clip(np.rint(window.pixels(ends)), 0, last).astype(int)
        box = tuple(slice(first, stop + 1) for first, stop in zip(low, high, strict=True))
        at = [
            np.clip(
                (np.arange(side.start, side.stop) - centre) / step + (SIDE - 1) / 2, 0, SIDE - 1
            )
            for side, centre, step in zip(box, window.centre, window.steps, strict=True)
        ]
        places = np.stack(np.meshgrid(*(each.astype(np.float32) for each in at), indexing="ij"))
        values = sampled(known[None], places)[0] > level
        for point in np.rint(answer.known.points(ON)).astype(int) - low:
            if (point >= 0).all() and (point <= high - low).all():
                values[tuple(point)] = True
        return BoxMask(box, values)


def _something(mask: Array) -> Array:
    """Return a mask, with the middle of the window where all lies between its samples."""
    if not mask.any():
        mask[SIDE // 2, SIDE // 2] = True
    return mask


def _promise(answer: WindowAnswer) -> tuple[bool, float]:
    return answer.fits, answer.overlap


def _samples_at(window: Window, points: Array) -> tuple[Array, ...]:
    """Return the samples nearest to points of the plane, of those that lie in the window."""
    nearest = np.rint(window.samples(points)).astype(int)
    there = ((nearest >= 0) & (nearest < SIDE)).all(axis=1)
    return tuple(nearest[there].T)
