"""Take the pictures of the method pages from the running program: ``python docs/pictures.py``."""

from pathlib import Path

import napari

from napari_tessera import METHODS, apply
from napari_tessera.widgets import demo
from napari_tessera.widgets.dock import dock

HERE = Path(__file__).parent / "pictures"

SETTINGS = {
    "threshold": {"method": "manual", "smoothing": "1 px"},
    "watershed": {"background": "60 px"},
    "label": {},
}
"""What is chosen in each form; the other fields keep their defaults."""


def picture(name: str) -> None:
    """Open the coins, fill in the form, run it and save the window."""
    viewer = napari.Viewer(title="napari-tessera")
    viewer.window.resize(1200, 760)
    viewer.open_sample("napari-tessera", "coins")
    if METHODS[name].source.word.name == "labels":
        coins = viewer.layers["coins"]
        viewer.add_layer(apply(coins, "threshold", background="60 px", smoothing="2 px"))
    form = dock(METHODS[name])(viewer)
    form.remembers = False
    viewer.window.add_dock_widget(form, name=f"{METHODS[name].group}: {METHODS[name].display}")
    form.reset()
    for option, value in SETTINGS[name].items():
        form.fields[option].value = value
    form.run_button.click()
    demo.wait(lambda: form.job is None)
    demo.settle()
    viewer.screenshot(str(HERE / f"{name}.png"), canvas_only=False)
    viewer.close()


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for method in METHODS:
        picture(method)
