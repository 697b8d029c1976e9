"""How long forms take to open, and how much room they take.

Times are of forms made, docked and drawn, beside an empty form of magicgui; sizes are the least and
the usual ones in a small and a large font of napari, in dots.

Run ``python benchmarks/forms.py [FORM ...]`` on a screen (or under Xvfb). Each is opened in turn, and
all of them several times over, so that another program that runs meanwhile slows one round and not
one form; the best is printed, by the clock and as work of the viewer's thread alone, which other
programs do not slow. The first opening also loads modules and is not counted.
"""

import os
import sys
import tempfile
import time

os.environ["NAPARI_TESSERA_MODELS"] = tempfile.mkdtemp()

import napari
from magicgui.widgets import Container
from napari.settings import get_settings
from qtpy.QtWidgets import QApplication
from skimage import data

from napari_tessera.widgets.plugin.menu import FORMS, open_form

ROUNDS = 5

FONTS = 9, 14


def empty(viewer):
    """Open a form that asks for nothing."""
    form = Container()
    viewer.window.add_dock_widget(form, name="empty")
    return form


def opening(viewer, make):
    """Return the seconds until a form is on the screen, by the clock and of work; close it again."""
    QApplication.processEvents()
    began = time.perf_counter(), time.thread_time()
    form = make(viewer)
    QApplication.processEvents()
    took = time.perf_counter() - began[0], time.thread_time() - began[1]
    viewer.window.remove_dock_widget(getattr(form, "native", form))
    QApplication.processEvents()
    return took


def sizes(viewer, name):
    """Return the least and the usual size of a form in each font, as text."""
    found = []
    for font in FONTS:
        get_settings().appearance.font_size = font
        form = open_form(viewer, name)
        QApplication.processEvents()
        both = form.minimumSizeHint(), form.sizeHint()
        found += [f"{size.width()} x {size.height()}" for size in both]
        viewer.window.remove_dock_widget(form)
        QApplication.processEvents()
    get_settings().appearance.font_size = FONTS[0]
    return found


def main():
    viewer = napari.Viewer()
    viewer.window.resize(1400, 900)
    viewer.add_labels((viewer.add_image(data.coins(), name="coins").data > 120).astype(int))
    forms = {"empty form of magicgui": empty}
    for name in sys.argv[1:] or FORMS:
        forms[name] = lambda viewer, name=name: open_form(viewer, name)
    rounds = [{n: opening(viewer, make) for n, make in forms.items()} for _ in range(ROUNDS + 1)]
    times = {name: zip(*(each[name] for each in rounds[1:]), strict=True) for name in forms}
    best = {name: [min(each) * 1000 for each in both] for name, both in times.items()}
    usual = best["empty form of magicgui"][1]
    for name, (clock, work) in best.items():
        print(f"{name:24} {clock:6.0f} ms, {work:6.0f} ms of work: {work / usual:4.1f} x")
    print("\n" + " " * 24 + "".join(f"{f'font {f}: least':>18} {'usual':>11}" for f in FONTS))
    for name in sys.argv[1:] or FORMS:
        least, usual, largest_least, largest = sizes(viewer, name)
        print(f"{name:24}{least:>18} {usual:>11}{largest_least:>18} {largest:>11}")
    viewer.close()


if __name__ == "__main__":
    main()
