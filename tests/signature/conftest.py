"""A method of every kind of parameter."""

from typing import Annotated, Literal

from napari_tessera.signature.validation import checked
from napari_tessera.signature.words import Image, Labels, Length, Mask, Objects, Spacing, Word


@checked
def method(
    image: Image,
    *,
    labels: Labels | None = None,
    mask: Mask | None = None,
    mode: Literal["a", "b"] = "a",
    number: Annotated[int, Word(low=1, high=3, when=("mode", ("b",)))] = 2,
    share: float | None = None,
    length: Length = "1 px",
    on: bool = True,
    spacing: Spacing = None,
) -> Objects:
    """Do something.

    More about it.

    Parameters
    ----------
    image : ndarray
        The image,
        on two lines.
    labels, mask : ndarray
        Two at once.
    """
    return image
