"""How soon live labels of an image of any size are there, and how long the viewer stands still.

Run ``python benchmarks/live.py [SIDE [METHOD ...]]`` on a screen (or under Xvfb). A plane of SIDE x
SIDE pixels with a pyramid, and a volume of 64 such planes without one, are made as they are read: 5
ms for each chunk. The camera moves ten times. Gaps are those of a 5 ms timer in the thread of the
viewer; drawing, adding a layer and slicing the image are napari's own time and are not counted.
"""

import sys
import threading
import time

import napari
import numpy as np
from napari.components import LayerList
from napari.layers import Image
from qtpy import API_NAME
from responsiveness import WATCH, run_until
from vispy.app import use_app

from napari_tessera.widgets.plugin.menu import FORMS

NAP_S = 0.005


class Waves:
    """Bright humps some 60 pixels apart, made as they are read."""

    def __init__(self, shape, step=1):
        self.shape, self.ndim, self.dtype = shape, len(shape), np.dtype(np.uint8)
        self.size, self.step, self.reads = int(np.prod(shape)), step, 0
        self.chunks = (1,) * (len(shape) - 2) + (256, 256)

    def __getitem__(self, index):
        index = index if isinstance(index, tuple) else (index,)
        index += (slice(None),) * (self.ndim - len(index))
        kept = [not isinstance(each, slice) for each in index]
        places = [
            np.arange(*each.indices(n)) if isinstance(each, slice) else np.array([each])
            for each, n in zip(index, self.shape, strict=True)
        ]
        if threading.current_thread() is not threading.main_thread():  # else it is napari
            self.reads += 1
            time.sleep(NAP_S)
        waves = [np.sin(each * self.step / 9.5) for each in places[-2:]]
        if self.ndim > 2:
            waves.insert(0, 1 + np.sin(places[0] / 9.5))
        made = waves[0]
        for wave in waves[1:]:
            made = np.multiply.outer(made, wave)
        made = ((made + self.ndim - 1) * 60).astype(np.uint8)
        return made[tuple(0 if gone else slice(None) for gone in kept)]

    def __array__(self, dtype=None, copy=None):
        return self[()] if self.ndim == 0 else self[(slice(None),) * self.ndim]


def measured(what, act, done):
    """Do something, wait for its end, and print how long that took and the gaps meanwhile."""
    WATCH.start()
    began = time.perf_counter()
    act()
    run_until(done)
    took = time.perf_counter() - began
    WATCH.stop()
    gaps = sorted([0, 0, *WATCH.gaps], reverse=True)
    print(
        f"{what:34} {took:6.2f} s   longest {gaps[0]:5.1f}  second {gaps[1]:5.1f} ms  "
        f"over 50: {sum(gap > 50 for gap in gaps)}",
        flush=True,
    )


def followed(viewer, name, image):
    """Switch the live layer of a form on, move, and switch it off."""
    form = FORMS[name].open(viewer)
    form.source.value = image
    rest(2)
    up = form.living.segmentation.up

    def there():
        status = None if up.labels is None else up.labels.status
        return status is not None and 0 < status.blocks == status.done and not up.labels.is_busy

    measured(f"{name}, {image.name}: on", form.living.box.click, there)
    centre = np.array(viewer.scene.camera.center)

    def move():
        for step in range(1, 11):
            viewer.scene.camera.center = tuple(centre + step * np.array([0, 60, 90]))
            rest(0.1)

    measured(f"{name}, {image.name}: moved", move, there)
    print(f"    {form.message.text()} {up.labels.nbytes / 1e6:.0f} MB")
    measured(f"{name}, {image.name}: off", form.living.box.click, lambda: up.labels is None)
    viewer.window.remove_dock_widget(form)


def rest(seconds):
    """Let the viewer work for a while."""
    end = time.monotonic() + seconds
    run_until(lambda: time.monotonic() > end)


def main():
    WATCH.leave_out(LayerList, "insert")
    WATCH.leave_out(LayerList, "remove")
    WATCH.leave_out(Image, "refresh")
    WATCH.leave_out(use_app(API_NAME.lower()).backend_module.CanvasBackend, "paintGL")
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1400, 900)
    pyramid = [Waves((side >> n, side >> n), 1 << n) for n in range(9) if side >> n > 200]
    images = [
        viewer.add_image(pyramid, multiscale=True, name="plane", contrast_limits=(0, 255)),
        viewer.add_image(
            Waves((64, 4096, 4096)),
            name="volume",
            contrast_limits=(0, 255),
            axis_labels=("z", "y", "x"),
        ),
    ]
    for image in images:
        for each in images:
            each.visible = each is image
        viewer.scene.camera.center = (0, image.data.shape[-2] / 2, image.data.shape[-1] / 2)
        viewer.scene.camera.zoom = 1
        for name in sys.argv[2:] or ("threshold", "watershed"):
            followed(viewer, name, image)
    viewer.close()


if __name__ == "__main__":
    main()
