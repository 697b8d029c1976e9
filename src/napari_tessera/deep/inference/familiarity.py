"""Whether an image looks like those that a model was trained on, and what to do if it does not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from napari_tessera.deep.data.appearance import QUARTILES
from napari_tessera.deep.data.pieces import zoom_of
from napari_tessera.deep.models.library import ModelConfig

Range = tuple[float, float]


@dataclass(frozen=True)
class Familiarity:
    """What the images of a training looked like, and how far from that others may be.

    The margins, which were found on real images, are wider the fewer examples there were.

    Attributes
    ----------
    seen : mapping
        As `napari_tessera.deep.data.appearance.seen_in` gives it.
    examples : int
        How many images, planes or volumes were looked at.
    negatives : bool
        Whether the training showed the images with dark and bright exchanged, too.
    scale : (middle, range) of float
        Of normalised intensities: .5 and 1 if the darkest become about 0 and the brightest 1; about
        0 and 4 in standard deviations.
    wanted, widest : float
        Diameters to which images are enlarged and shrunk for the network, see
        `napari_tessera.deep.data.pieces.zoom_of`.
    """

    seen: Mapping[str, Range]
    examples: int
    negatives: bool = False
    scale: Range = (0.5, 1.0)
    wanted: float = 0.0
    widest: float = 0.0

    @classmethod
    def of(cls, config: ModelConfig) -> Familiarity:
        """Return what a model was trained on; models made before this was kept know nothing."""
        augmentation = config.training.get("augmentation", {})
        scale = (0.0, 4.0) if config.normalise == "mean" else (0.5, 1.0)
        negatives = bool(augmentation.get("inversion"))
        sizes = (config.diameter, config.widest)
        return cls(config.seen, max(1, config.examples), negatives, scale, *sizes)

    def differences(self, figures: Mapping[str, float], diameter: float = 0.0) -> dict[str, str]:
        """Return in what an image differs, and a sentence of what that is and what to do.

        Parameters
        ----------
        figures : mapping
            What it looks like, see `napari_tessera.deep.data.appearance.figures`.
        diameter : float
            Median of its objects, in pixels of the size that the model was trained with; 0 = it is
            unknown.

        Returns
        -------
        dict
            Of "intensities", "noise", "blur", "colour" and "size" those that differ.
        """
        told = (
            ("intensities", self._intensities(figures)),
            ("noise", self._noise(figures)),
            ("blur", self._blur(figures)),
            ("colour", self._colour(figures)),
            ("size", self._size(diameter)),
        )
        return {name: sentence for name, sentence in told if sentence}

    @property
    def _doubt(self) -> float:
        """How little is known of other images of the kind: 1 from one example, 0.1 from 100."""
        return 1 / math.sqrt(self.examples)

    def _intensities(self, figures: Mapping[str, float]) -> str:
        off = self._off(figures)
        turned = self._off(_negative(figures, 2 * self.scale[0]))
        if not any(off.values()) or (self.negatives and not any(turned.values())):
            return ""
        own, usual = figures["median"], sum(self.seen["median"]) / 2
        if sum(turned.values()) < sum(off.values()) / 2 and (own > usual) == (own > self.scale[0]):
            here, there = ("dark", "bright") if own > usual else ("bright", "dark")
            return (
                f"This image has {here} objects on {there} ground; the model was trained on "
                f"{there} objects on {here} ground: invert the image, or train on your own"
            )
        name = max(off, key=lambda each: off[each])
        low, high = self.seen[name]
        return (
            "The intensities of this image are spread otherwise than in those the model was "
            f"trained on (normalised, their {name} is {figures[name]:.2f}; there "
            f"{_between(low, high)}): look closely at what is found, or train on your own"
        )

    def _off(self, figures: Mapping[str, float]) -> dict[str, float]:
        """Return how far the quartiles of each channel lie beyond those that were seen."""
        margin = self.scale[1] * (0.1 + 0.2 * self._doubt)
        return {
            name: max(0.0, self.seen[name][0] - margin - own, own - self.seen[name][1] - margin)
            for name, own in _quartiles(figures)
            if name in self.seen
        }

    def _noise(self, figures: Mapping[str, float]) -> str:
        own, most = figures.get("noise", 0.0), self.seen.get("noise", (0, math.inf))[1]
        # steps of 8-bit images are as large as the noise of faint ones
        if own <= max(most, 0.01) * (1.5 + self._doubt):
            return ""
        here, there = (f"{100 * each / self.scale[1]:.2g} %" for each in (own, most))
        return (
            "This image is noisier than those the model was trained on (neighbouring pixels differ "
            f"by {here} of the range, there by at most {there}): smooth it first, or train on your "
            "own"
        )

    def _blur(self, figures: Mapping[str, float]) -> str:
        own, least = figures.get("sharpness", math.inf), self.seen.get("sharpness", (0, 0))[0]
        if own >= least / (1.3 + 0.5 * self._doubt):
            return ""
        return (
            "This image is more blurred than those the model was trained on: shrink it, or train "
            "on your own"
        )

    def _colour(self, figures: Mapping[str, float]) -> str:
        if "colour" not in figures or "colour" not in self.seen:
            return ""
        own, (low, high) = figures["colour"], self.seen["colour"]
        margin = self.scale[1] * (0.05 + 0.1 * self._doubt)
        if low - margin <= own <= high + margin:
            return ""
        more = "more" if own > high else "less"
        return (
            f"This image is {more} coloured than those the model was trained on: choose another "
            "model, or train on your own"
        )

    def _size(self, diameter: float) -> str:
        if not diameter or "diameter" not in self.seen:
            return ""
        (low, high), margin = self.seen["diameter"], 1.3 + 0.5 * self._doubt
        # what is enlarged or shrunk for the network anyway is no difference to it
        small, own, large = (
            each * zoom_of(each, self.wanted, self.widest) for each in (low, diameter, high)
        )
        if small / margin <= own <= large * margin:
            return ""
        resize = "enlarge" if own < small else "shrink"
        return (
            f"Its objects are about {diameter:.0f} px wide; the model was trained on "
            f"{_between(low, high, 0)} px: {resize} the image, or train on your own"
        )


def _quartiles(figures: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Yield the quartiles of all channels."""
    return ((name, own) for name, own in figures.items() if name.startswith(QUARTILES))


def _negative(figures: Mapping[str, float], ends: float) -> dict[str, float]:
    """Return the quartiles of an image with dark and bright exchanged; `ends` is their sum."""
    exchanged = dict(zip(QUARTILES, reversed(QUARTILES), strict=True))
    return {
        name: ends - figures[name.replace(word, exchanged[word])]
        for name, _ in _quartiles(figures)
        for word in QUARTILES
        if name.startswith(word)
    }


def _between(low: float, high: float, digits: int = 2) -> str:
    first, last = f"{low:.{digits}f}", f"{high:.{digits}f}"
    return first if first == last else f"{first} to {last}"
