"""The main job in one go: napari, an image of nuclei, the Predict form, a segmentation.

Run ``python -m napari_tessera.widgets.plugin.demo``; with ``--output FOLDER`` it writes a
screenshot and the labels there and ends.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import napari
from qtpy.QtWidgets import QApplication

from napari_tessera.io import files
from napari_tessera.pipeline.result import ObjectLabels
from napari_tessera.widgets.forms.method_form import MethodForm
from napari_tessera.widgets.layers.features import recipe_of
from napari_tessera.widgets.layers.to_source import source

PATIENCE = 120.0
"""Seconds after which the demo gives up."""


def wait(until: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Let the viewer work until something is true.

    Raises
    ------
    TimeoutError
        If it does not become true.
    """
    end = time.monotonic() + patience
    while not until():
        if time.monotonic() > end:
            raise TimeoutError("the viewer did not finish in time")
        QApplication.processEvents()
        time.sleep(0.01)


def settle(seconds: float = 1.0) -> None:
    """Let the canvas draw its first frames."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end)


def predicted() -> tuple[napari.Viewer, MethodForm]:
    """Return a viewer with nuclei, the Predict form and what a shipped model finds."""
    viewer = napari.Viewer(title="napari-tessera")
    viewer.window.resize(1400, 900)
    viewer.open_sample("napari-tessera", "nuclei_plane")
    _, form = viewer.window.add_plugin_dock_widget("napari-tessera", "Predict")
    form.remembers = False
    form.reset()
    form.fields["model"].value = "nuclei"
    form.run_button.click()
    wait(lambda: form.job is None)
    QApplication.processEvents()  # the dock has taken its room from the canvas
    viewer.reset_view()
    return viewer, form


def run_demo() -> None:
    """Open the demo, or write its pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="write screenshot.png and labels.tif here")
    folder = parser.parse_args().output
    viewer, form = predicted()
    if folder is None:
        napari.run()
        return
    folder.mkdir(parents=True, exist_ok=True)
    labels = viewer.layers[-1]
    own = source(viewer.layers["nuclei"])
    result = ObjectLabels(labels.data, start=(0, 0))
    files.write(folder / "labels.tif", result, own, recipe_of(labels), overwrite=True)
    settle()
    viewer.screenshot(str(folder / "screenshot.png"), canvas_only=False)
    print(f"{form.message.text()}; wrote {folder}/screenshot.png and {folder}/labels.tif")  # noqa: T201
    viewer.close()


if __name__ == "__main__":
    run_demo()
