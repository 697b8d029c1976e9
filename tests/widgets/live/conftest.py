"""Images that are slow, and that count what is read of them."""

import threading

import numpy as np
import pytest

PATIENCE = 60


class SlowImage:
    """Humps 40 pixels apart, made as they are read; threads can be held up, the viewer never is."""

    def __init__(self, shape, step=1, chunk=256):
        self.shape, self.ndim, self.size = shape, len(shape), int(np.prod(shape))
        self.dtype, self.step = np.dtype(np.uint8), step
        self.chunks = (1,) * (len(shape) - 2) + (chunk, chunk)
        self.gate, self.boxes = threading.Event(), []
        self.gate.set()

    def __getitem__(self, index):
        index = index if isinstance(index, tuple) else (index,)
        index += (slice(None),) * (self.ndim - len(index))
        if threading.current_thread() is not threading.main_thread():  # else napari draws it
            assert self.gate.wait(PATIENCE)
            self.boxes.append(index)
        places = [
            np.arange(*each.indices(n)) if isinstance(each, slice) else np.array([each])
            for each, n in zip(index, self.shape, strict=True)
        ]
        y, x = (np.sin((each + 0.5) * self.step * np.pi / 20) for each in places[-2:])
        made = np.multiply.outer(y, x) * 60 + 60
        made = np.broadcast_to(made, [len(each) for each in places]).astype(np.uint8)
        return made[tuple(slice(None) if isinstance(each, slice) else 0 for each in index)]

    def __array__(self, dtype=None, copy=None):
        return self[(slice(None),) * self.ndim]


@pytest.fixture
def slow():
    """Return the class of slow images; at the end none of them holds anybody up."""
    made = []

    def make(*shape, **options):
        made.append(SlowImage(shape, **options))
        return made[-1]

    yield make
    for image in made:
        image.gate.set()


@pytest.fixture
def pyramid(viewer, slow):
    """Return the layer of an image with smaller levels, and these."""
    levels = [slow(4096, 4096), slow(2048, 2048, step=2), slow(1024, 1024, step=4)]
    return viewer.add_image(levels, multiscale=True, name="big", contrast_limits=(0, 120)), levels
