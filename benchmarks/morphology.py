"""Opening against scikit-image, SimpleITK and OpenCV: times, their ratio, and whether pixels agree.

Run ``python benchmarks/morphology.py``. All in one run and one after the other, best of three
(of one, beyond twenty seconds). Peers that are not installed are left out, and so is what would
take over a minute, judged by how the peer's time grows with the radius.
"""

import importlib.util
import time

import numpy as np
from scipy import ndimage
from skimage import morphology as peers

from napari_tessera.algorithms.morphology.elements import element
from napari_tessera.methods.refine.morphology import morphology

RADII = (1, 10, 50)
ROUNDS, LONG, TOO_LONG = 3, 20.0, 60.0


def mask_of(shape):
    """Return irregular regions of very different sizes, over half of the array."""
    small = tuple(min(n, 512) for n in shape)
    noise = np.random.default_rng(0).random(small)
    fine, coarse = (ndimage.gaussian_filter(noise, width, mode="wrap") for width in (6, 30))
    both = fine / fine.std() + 2 * coarse / coarse.std()
    return np.tile(both > np.median(both), tuple(n // s for n, s in zip(shape, small, strict=True)))


def simple_itk(mask, radius, kind):
    import SimpleITK

    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    size = [radius] * mask.ndim
    if kind == "binary":
        opened = SimpleITK.BinaryMorphologicalOpening(image, size, SimpleITK.sitkBall, 0, 1)
    else:
        opened = SimpleITK.GrayscaleMorphologicalOpening(image, size, SimpleITK.sitkBall)
    return SimpleITK.GetArrayFromImage(opened)


def opencv(mask, radius):
    import cv2

    disc = element("ball", (radius, radius)).footprint()[0].astype(np.uint8)
    return cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, disc)


def candidates(mask, labels):
    """Return name -> (function of a radius, power of the radius by which its time grows)."""
    axes = mask.ndim
    ball = peers.disk if axes == 2 else peers.ball
    found = {
        "tessera, mask": (lambda r: morphology(mask, radius=f"{r} px"), 0),
        "tessera, labels": (lambda r: morphology(labels, radius=f"{r} px"), 0),
        "skimage isotropic_opening": (lambda r: peers.isotropic_opening(mask, r), 0),
        "skimage opening": (lambda r: peers.opening(mask.view(np.uint8), ball(r)), axes),
    }
    if importlib.util.find_spec("SimpleITK"):
        found["SimpleITK binary"] = (lambda r: simple_itk(mask, r, "binary"), 1)
        found["SimpleITK grey"] = (lambda r: simple_itk(mask, r, "grey"), 1)
    if importlib.util.find_spec("cv2") and axes == 2:
        found["OpenCV morphologyEx"] = (lambda r: opencv(mask, r), axes)
    return found


def measured(functions, radius):
    """Return name -> (shortest time, result), the functions taking turns."""
    best, results = {}, {}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            if best.get(name, 0) > LONG:
                continue
            began = time.perf_counter()
            results[name] = function(radius)
            taken = time.perf_counter() - began
            best[name] = min(best.get(name, np.inf), taken)
    return {name: (best[name], results[name]) for name in best}


def table(shape):
    mask = mask_of(shape)
    labels = ndimage.label(mask)[0].astype(np.uint16)
    known, last = candidates(mask, labels), {}
    known["tessera, mask"][0](1), known["tessera, labels"][0](1)  # compiled once, then kept
    print(f"\nopening of {' x '.join(map(str, shape))}, {labels.max()} objects")
    print(f"{'radius':>6}  {'':28} {'s':>8} {'ratio':>7}  pixels that differ")
    for radius in RADII:
        small = {}
        for name, (function, power) in known.items():
            before, taken = last.get(name, (radius, 0.0))
            if taken * (radius / before) ** power > TOO_LONG:
                print(f"{radius:6}  {name:28} left out: over a minute")
            else:
                small[name] = function
        own = None
        for name, (taken, result) in measured(small, radius).items():
            last[name] = radius, taken
            own = own or (taken, result > 0)
            apart = np.count_nonzero((result > 0) != own[1])
            print(f"{radius:6}  {name:28} {taken:8.3f} {taken / own[0]:6.1f}x  {apart}", flush=True)


def main():
    table((4096, 4096))
    table((256, 256, 256))


if __name__ == "__main__":
    main()
