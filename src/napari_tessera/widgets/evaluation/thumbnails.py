"""Small pictures of labels on their image."""

from __future__ import annotations

import numpy as np

from napari_tessera.signature.words import Array

OPACITY = 0.5


def picture(image: Array, labels: Array, *, side: int) -> Array:
    """Return labels in colours on their image, at most `side` pixels wide and high.

    Parameters
    ----------
    image : ndarray, shape (Y, X) or (Y, X, 3)
        Grey levels, from the 1st to the 99th percentile, or colours of 8 bits.
    labels : ndarray of int, shape (Y, X)
    side : int

    Returns
    -------
    ndarray of uint8, shape (y, x, 3)

    Examples
    --------
    >>> picture(np.zeros((400, 200)), np.zeros((400, 200), int), side=100).shape
    (100, 50, 3)
    """
    from skimage.color import label2rgb

    step = max(labels.shape) / min(side, max(labels.shape))
    rows, columns = ((np.arange(round(n / step)) * step).astype(int) for n in labels.shape)
    small, marked = image[np.ix_(rows, columns)], labels[np.ix_(rows, columns)]
    if small.ndim == 2:
        grey = np.nan_to_num(np.asarray(small, np.float64))
        low, high = np.percentile(grey, (1, 99))
        small = np.clip((grey - low) / max(high - low, 1e-12), 0, 1)
        small = np.repeat(small[..., None], 3, axis=-1)
    else:
        small = small[..., :3] / 255
    mixed = label2rgb(marked, small, alpha=OPACITY, bg_label=0)
    return np.round(255 * np.clip(mixed, 0, 1)).astype(np.uint8)
