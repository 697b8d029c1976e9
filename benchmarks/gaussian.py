"""Gaussians against those of other libraries, in turns: best and median time, and the ratio.

Run ``pip install opencv-python-headless bioimage-cpp SimpleITK`` and
``python benchmarks/gaussian.py``; libraries that are not there are left out.
"""

import importlib
import statistics
import time

import numpy as np
from scipy import ndimage

from napari_tessera.algorithms.filters.gaussian import TRUNCATE, gaussian

ROUNDS = 15


def of_opencv(cv2, image, width):
    """OpenCV has no Gaussian of volumes."""
    side = 2 * int(TRUNCATE * width + 0.5) + 1
    return cv2.GaussianBlur(image, (side, side), width, borderType=cv2.BORDER_REFLECT)


PEERS = {
    "cv2": of_opencv,
    "bioimage_cpp": lambda lib, image, width: lib.filters.gaussian_smoothing(image, width),
    "SimpleITK": lambda lib, image, width: lib.SmoothingRecursiveGaussian(
        lib.GetImageFromArray(image), width
    ),
}


def contestants(image, width):
    """Return what each library that is installed does."""
    found = {
        "ours": lambda: gaussian(image, (width,) * image.ndim),
        "scipy": lambda: ndimage.gaussian_filter(image, width, truncate=TRUNCATE),
    }
    for name, call in PEERS.items():
        try:
            library = importlib.import_module(name)
        except ImportError:
            continue
        if image.ndim == 2 or name != "cv2":
            found[name] = lambda call=call, library=library: call(library, image, width)
    return found


def main():
    """Print a table."""
    rng = np.random.default_rng(0)
    plane, volume = (rng.random(shape, np.float32) for shape in ((2048, 2048), (128, 256, 256)))
    for title, image, width in (
        ("2048^2, 2 px", plane, 2.0),
        ("2048^2, 20 px", plane, 20.0),
        ("128 x 256^2, 2 px", volume, 2.0),
    ):
        calls = contestants(image, width)
        times = {name: [] for name in calls}
        for _ in range(ROUNDS):
            for name, call in calls.items():
                began = time.perf_counter()
                call()
                times[name].append(1000 * (time.perf_counter() - began))
        own = min(times["ours"])
        for name, each in times.items():
            print(
                f"{title:20} {name:14} best {min(each):7.1f} ms, median"
                f" {statistics.median(each):7.1f} ms, ratio {min(each) / own:5.2f}"
            )


if __name__ == "__main__":
    main()
