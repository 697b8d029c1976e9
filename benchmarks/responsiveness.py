"""How long the viewer stands still while a stack is segmented: gaps of a 5 ms timer in its thread.

Run ``python benchmarks/responsiveness.py [PLANES [METHOD ...]]`` on a screen (or under Xvfb). Adding
a layer, removing it and drawing is napari's own time and is not counted. With ``learning`` in place
of PLANES, a U-Net is trained on such an image, and applied, by the forms.
"""

import sys
import time

import napari
import numpy as np
from napari.components import LayerList
from napari.layers import Labels
from qtpy import API_NAME
from qtpy.QtCore import QEventLoop, Qt, QTimer
from scipy import ndimage
from vispy.app import use_app

from napari_tessera import METHODS
from napari_tessera.widgets.forms import method_form as dock_module


class Watch:
    """The longest gaps between ticks of a timer that should tick every 5 ms."""

    gaps, last, timer = (), None, None

    def tick(self):
        now = time.perf_counter()
        if self.last is not None:
            self.gaps.append((now - self.last) * 1000)
        self.last = now

    def start(self):
        if self.timer is None:
            self.timer = QTimer()
            self.timer.setTimerType(Qt.TimerType.PreciseTimer)
            self.timer.setInterval(5)
            self.timer.timeout.connect(self.tick)
        self.gaps, self.last = [], None
        self.timer.start()

    def stop(self, *_):
        self.timer.stop()

    def leave_out(self, owner, name):
        """Do not count the time that a function of napari takes."""
        theirs = getattr(owner, name)

        def timed(*args, **kwargs):
            began = time.perf_counter()
            try:
                return theirs(*args, **kwargs)
            finally:
                if self.last is not None:
                    self.last += time.perf_counter() - began

        setattr(owner, name, timed)


WATCH = Watch()


def run_until(done):
    """Run Qt's own event loop, as napari does, until something is true."""
    loop, poll = QEventLoop(), QTimer()
    poll.timeout.connect(lambda: loop.quit() if done() else None)
    poll.start(20)
    loop.exec_()


def stack(planes, size=2048):
    """Return noise smoothed to blobs of about 20 pixels, (planes, size, size) uint16."""
    rng = np.random.default_rng(0)
    base = ndimage.gaussian_filter(rng.random((size, size)).astype(np.float32), 8)
    base = (base - base.min()) / np.ptp(base)
    return np.stack([np.roll(base, 37 * i, 1) * 4000 for i in range(planes)]).astype(np.uint16)


def learning():
    """Train a U-Net for a minute and predict with it, and print the gaps of both."""
    import os
    import tempfile

    from napari_tessera import watershed
    from napari_tessera.widgets.plugin.menu import open_form

    os.environ["NAPARI_TESSERA_MODELS"] = tempfile.mkdtemp()
    viewer = napari.Viewer()
    image = stack(4, 1024)
    viewer.add_image(image, name="stack")
    viewer.add_labels(np.stack([watershed(plane) for plane in image]), name="truth")
    form = open_form(viewer, "train_unet")
    form.settings.groups["optimisation"].fill({"epochs": 6, "steps": 10, "minutes": None})
    form.settings.name.line.setText("gaps")
    measured("training", form, form.train_button)
    form = dock_module.dock(METHODS["predict"])(viewer)
    form.remembers = False
    viewer.window.add_dock_widget(form, name="predict")
    form.fields["model"].value = "gaps"
    form.source.value = viewer.layers["stack"]
    measured("predict", form, form.run_button)
    viewer.close()


def measured(name, form, button):
    """Press a button after a rest, wait for the end of the job, and print the gaps."""
    pause = time.monotonic() + 8  # the form loads its libraries, as while a user fills it in
    run_until(lambda: time.monotonic() > pause)
    WATCH.start()
    began = time.perf_counter()
    button.click()
    run_until(lambda: form.job is None)
    took = time.perf_counter() - began
    WATCH.stop()
    gaps = sorted(WATCH.gaps, reverse=True)
    print(
        f"{name:12} {took:6.1f} s   longest {gaps[0]:5.1f}  second {gaps[1]:5.1f}  "
        f"over 50: {sum(gap > 50 for gap in gaps)}   {form.message.text()}"
    )


def main():
    WATCH.leave_out(LayerList, "insert")
    WATCH.leave_out(LayerList, "remove")
    WATCH.leave_out(Labels, "refresh")
    WATCH.leave_out(use_app(API_NAME.lower()).backend_module.CanvasBackend, "paintGL")
    if sys.argv[1:] == ["learning"]:
        learning()
        return
    planes = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    viewer = napari.Viewer()
    layer = viewer.add_image(stack(planes), name="stack")
    print(f"{planes} planes of 2048 x 2048; gaps in ms")
    seeds = viewer.add_points([[25, 500, 300], [25, 500, 900]])
    for name in sys.argv[2:] or ("threshold", "watershed", "canny", "kmeans", "label", "measure"):
        form = dock_module.dock(METHODS[name])(viewer)
        form.remembers = False
        viewer.window.add_dock_widget(form, name=name)
        form.reset()
        if METHODS[name].source.word.name == "labels":
            wanted = "watershed" if name == "measure" else "threshold"
            form.source.value = viewer.layers[f"stack {wanted}"]
        if "markers" in form.fields:
            form.fields["markers"].value = None if name == "watershed" else seeds
        measured(name, form, form.run_button)
        viewer.window.remove_dock_widget(form)
    began = time.perf_counter()
    form = dock_module.dock(METHODS["watershed"])(viewer)
    viewer.window.add_dock_widget(form, name="stop")
    form.source.value = layer
    form.run_button.click()
    end = time.monotonic() + 2
    run_until(lambda: time.monotonic() > end)
    began, job = time.perf_counter(), form.job
    form.run_button.click()
    freed = time.perf_counter() - began
    run_until(lambda: not job._worker.is_running)
    print(
        f"Stop: form free after {freed * 1000:.1f} ms, thread after {time.perf_counter() - began:.2f} s"
    )
    viewer.close()


if __name__ == "__main__":
    main()
