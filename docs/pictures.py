"""Take the pictures of the method pages from the running program: ``python docs/pictures.py``."""

import os
import sys
import tempfile
from pathlib import Path

import dask.array as da
import napari
import numpy as np
import tifffile
from scipy import ndimage
from skimage import data

from napari_tessera import (
    METHODS,
    Recipe,
    apply,
    files,
    measure,
    step,
    train_object_classifier,
    watershed,
)
from napari_tessera.deep.settings import Optimisation
from napari_tessera.deep.training.train import train as train_network
from napari_tessera.pipeline.review.object_ranks import SUSPICION
from napari_tessera.widgets.batch.file_table import TITLES
from napari_tessera.widgets.plugin import demo
from napari_tessera.widgets.plugin.menu import open_form, show_form

HERE = Path(__file__).parent / "pictures"

SETTINGS = {
    "threshold": {"method": "manual", "smoothing": "1 px"},
    "watershed": {"background": "60 px"},
    "canny": {"smoothing": "2 px"},
    "region_growing": {"partition": True},
    "random_walker": {"beta": 300.0},
    "kmeans": {"clusters": 4, "colour_space": "lab", "smoothing": "1 px"},
    "classify_pixels": {"find": "objects", "largest_scale": "16 px"},
    "top_hat": {"radius": "30 px"},
    "morphology": {"operation": "gradient", "radius": "4 px"},
    "smooth": {"radius": "4 px"},
    "filter_objects": {"min_diameter": "20 px", "at_border": "remove"},
    "expand": {"distance": "8 px"},
    "predict": {"model": "coins"},
    "detect": {"model": "coins one by one"},
    "scores": {"model": "coins"},
    "uncertainty": {"model": "coins"},
    "grad_cam": {"model": "coins", "layer": "decoder.blocks.2"},
    "error_map": {"labels_are": "objects"},
    "sort_objects": {"classifier": "coins by size"},
}
"""What is chosen in the forms; all other fields keep their defaults."""

SAMPLES = {"kmeans": "tissue", "fill_between_planes": "nuclei"}
"""The sample that is opened, where it is not the coins."""


def opened(height: int, sample: str = "coins") -> napari.Viewer:
    """Return a viewer with a sample in it."""
    viewer = napari.Viewer(title="napari-tessera")
    viewer.window.resize(1200, height)
    viewer.open_sample("napari-tessera", sample)
    return viewer


def prepare(viewer: napari.Viewer, name: str) -> None:
    """Add what the method needs beside the image."""
    image = viewer.layers[0]
    if name in ("region_growing", "random_walker"):
        coins = apply(image, "watershed", background="60 px").data
        table = measure(coins)
        lines = (20, 88, 158, 228)
    if name == "region_growing":  # a point in each coin, and some on the background
        between = [(y, x) for y in lines for x in range(20, 380, 40)]
        places = np.vstack([np.column_stack([table["y"], table["x"]]), between])
        ids = np.append(table["index"] + 1, np.ones(len(between), int))
        viewer.add_points(
            places, name="seeds", size=6, face_color="#ff4081", features={"label": ids}
        )
    if name == "random_walker":  # a stroke in each coin, and lines across the background
        strokes = np.where(ndimage.binary_erosion(coins > 0, iterations=10), coins + 1, 0)
        for y in (*lines, 298):
            strokes[y : y + 2] = 1
        viewer.add_labels(strokes.astype(np.uint8), name="strokes")
    if name == "classify_pixels":
        viewer.add_labels(strokes_on_coins(image.data), name="strokes")
    if name == "fill_between_planes":  # seen from the side
        painted = viewer.layers.pop()
        kept = np.zeros_like(painted.data)
        kept[::3] = painted.data[::3]
        viewer.add_labels(kept, name="painted", scale=painted.scale, units=painted.units)
        viewer.dims.order = (1, 0, 2)
        viewer.dims.set_current_step(1, 70)
        viewer.reset_view()
        return
    if "truth" in {option.name for option in METHODS[name].options}:
        truth = apply(image, "watershed", background="60 px")
        truth.name = "truth"
        viewer.add_layer(truth)
        viewer.add_layer(apply(image, "watershed", smoothing="1 px", seed_distance="4 px"))
        truth.visible = False
    elif name in ("label", "fill_holes", "skeleton", "smooth"):
        viewer.add_layer(apply(image, "threshold", background="60 px", smoothing="2 px"))
    elif METHODS[name].source.word.name == "labels":
        viewer.add_layer(apply(image, "watershed", background="60 px"))
    if name == "sort_objects":
        table = measure(viewer.layers[-1].data, image.data)
        order = table["index"][np.argsort(table["area"])]
        examples = dict.fromkeys(order[:3], "small") | dict.fromkeys(order[-3:], "large")
        train_object_classifier(table, examples).save("coins by size")


def strokes_on_coins(image: np.ndarray) -> np.ndarray:
    """Return lines through every third coin, and across the background."""
    coins = watershed(image, background="60 px")
    table, strokes = measure(coins), np.zeros(coins.shape, np.uint8)
    for y, x, wide in zip(table["y"], table["x"], table["area"] ** 0.5, strict=True):
        strokes[int(y) : int(y) + 2, int(x - 0.4 * wide) : int(x + 0.4 * wide)] = 2
    strokes[~np.isin(coins, table["index"][::3])] = 0
    for y in (4, 20, 88, 158, 228, 298):
        strokes[y : y + 2, 10:370] = 1
    return strokes


def surgery() -> None:
    """Take a picture of the form for the mouse, with a line drawn over two coins."""
    viewer = opened(760)
    viewer.add_layer(apply(viewer.layers[0], "watershed", background="60 px"))
    form = open_form(viewer, "surgery")
    form.buttons["Cut"].click()
    line = np.linspace((30, 150), (60, 190), 24)
    form.drawing.show(line, viewer.layers[-1])
    demo.settle()
    viewer.screenshot(str(HERE / "surgery.png"), canvas_only=False)
    viewer.close()


def pick() -> None:
    """Take a picture of the form that picks objects: some are kept, one is being mended."""
    viewer = opened(760)
    form = open_form(viewer, "pick")
    form.pick_button.click()
    for place in ((54, 100), (50, 157), (52, 214)):
        form.mark(1, place)
        demo.wait(lambda: form.job is None)
        form.keep_button.click()
        demo.wait(lambda: form.job is None)
    form.mark(1, (125, 152))
    demo.wait(lambda: form.job is None)
    form.mark(-1, (148, 152))
    demo.wait(lambda: form.job is None)
    demo.settle()
    viewer.screenshot(str(HERE / "pick.png"), canvas_only=False)
    viewer.close()


def explorer() -> None:
    """Take a picture of the form that lists errors, at one of them."""
    viewer = opened(900)
    prepare(viewer, "error_map")
    form = open_form(viewer, "explorer")
    form.button.click()
    demo.wait(lambda: form.running.job is None)
    form.objects.table.selectRow(3)
    demo.settle()
    viewer.screenshot(str(HERE / "explorer.png"), canvas_only=False)
    viewer.close()


def explore_table() -> None:
    """Take a picture of the table of objects, with some of them chosen in a plot."""
    viewer = opened(900)
    form = open_form(viewer, "watershed")
    form.remembers = False
    form.reset()
    form.fields["background"].value = "60 px"
    form.measure_button.click()
    table = show_form(viewer, "explore_table")
    demo.wait(lambda: table.model.rowCount() > 0)
    table.colour.choose("mean")
    table.kind.choose(2)
    table.plot.brush((1600, 0), (4000, 1000))
    demo.settle()
    viewer.reset_view()
    demo.settle()
    viewer.screenshot(str(HERE / "explore_table.png"), canvas_only=False)
    viewer.close()


def sort() -> None:
    """Take pictures of coins that are sorted by three of each kind, and of a lasso around some."""
    viewer = opened(900)
    labels = viewer.add_layer(apply(viewer.layers[0], "watershed", background="60 px"))
    apply(labels, "measure", image=viewer.layers[0])
    form = open_form(viewer, "sort")
    order = np.argsort(form.model.table["area"])
    for name, rows in (("small", order[[0, 4, 8]]), ("large", order[[-1, -4, -8]])):
        form.kinds.setCurrentText(name)
        form.table.choose(rows)
        form.give_button.click()
    demo.wait(lambda: form.sorting.job is None)
    form.next_button.click()
    shoot(viewer, "sort_1")
    form.kind.choose(2)
    form.gates.lasso.setChecked(True)
    form.plot.enclose(np.array([[1000, 165], [1600, 165], [1450, 200], [1000, 200]]))
    shoot(viewer, "sort_2")
    form.release()
    viewer.close()


def proofread() -> None:
    """Take a picture of the form that goes through objects, at one of them."""
    viewer = opened(760)
    viewer.add_layer(apply(viewer.layers[0], "watershed", background="60 px"))
    form = open_form(viewer, "proofread")
    form.order.choose(SUSPICION)
    demo.settle()
    form.button.click()
    demo.wait(lambda: form.running.job is None)
    for _ in range(7):
        form.accept_button.click()
    demo.settle()
    viewer.screenshot(str(HERE / "proofread.png"), canvas_only=False)
    form.release()
    viewer.close()


def compare() -> None:
    """Take a picture of the form that tries methods side by side, with a few coins drawn."""
    viewer = opened(900)
    coins = apply(viewer.layers[0], "watershed", background="60 px").data
    few = np.unique(coins)[2:9:2]
    viewer.add_labels(np.where(np.isin(coins, few), coins, 0), name="a few coins")
    form = open_form(viewer, "compare")
    form.drawn.choose(viewer.layers[1])
    demo.settle()
    form.button.click()
    demo.wait(lambda: form.running.job is None)
    form.sheet.setCurrentRow(2)
    demo.settle()
    viewer.screenshot(str(HERE / "compare.png"), canvas_only=False)
    form.release()
    viewer.close()


def label_next() -> None:
    """Take a picture of the form that finds what to label next, at its first region."""
    viewer = opened(760)
    image = viewer.layers[0]
    viewer.add_layer(apply(image, "predict", model="coins"))
    viewer.add_layer(apply(image, "uncertainty", model="coins"))
    viewer.layers[-1].visible = False
    form = open_form(viewer, "label_next")
    form.side.setValue(64)
    form.begin.choose(viewer.layers[1])
    form.button.click()
    demo.wait(lambda: form.running.job is None)
    viewer.layers[1].visible = False
    form.open(0)
    demo.settle()
    viewer.screenshot(str(HERE / "label_next.png"), canvas_only=False)
    viewer.close()


def batch() -> None:
    """Take pictures of the form for folders: of its plan, and of what it has found."""
    coins = data.coins()
    with tempfile.TemporaryDirectory() as place:
        images = Path(place) / "coins"
        images.mkdir()
        for number, (top, left) in enumerate(np.ndindex(2, 2), 1):
            part = coins[top * 150 : top * 150 + 150, left * 190 : left * 190 + 190]
            tifffile.imwrite(images / f"coins_{number}.tif", part)
        image = files.read(images / "coins_1.tif")
        Recipe.of(METHODS["watershed"], image, {"background": "60 px"}).save(f"{place}/coins.json")
        viewer = napari.Viewer(title="napari-tessera")
        viewer.window.resize(1200, 760)
        form = open_form(viewer, "batch")
        form.rows.recipe.open(Path(place) / "coins.json")
        form.rows.folder.path = images
        demo.wait(lambda: form.table.rowCount() == 4)
        demo.settle()
        viewer.screenshot(str(HERE / "batch_plan.png"), canvas_only=False)
        form.button.click()
        demo.wait(lambda: form.running.job is None)
        form.worst.click()
        demo.wait(lambda: not form.table.isColumnHidden(TITLES.index("suspicion")))
        form.table.setCurrentCell(0, 0)
        demo.wait(lambda: len(viewer.layers) == 2)
        demo.settle()
        viewer.screenshot(str(HERE / "batch.png"), canvas_only=False)
        form.release()
        viewer.close()


def live() -> None:
    """Take a picture of a live layer over an image of 12 000 x 15 000 pixels."""
    viewer = napari.Viewer(title="napari-tessera")
    viewer.window.resize(1200, 760)
    coins = np.hstack([data.coins(), data.coins()[:, ::-1]])
    coins = np.vstack([coins, coins[::-1]])  # which goes on at its borders
    full = da.tile(da.from_array(coins, chunks=(303, 384)), (20, 20))
    levels = [full, *(full[::step, ::step] for step in (2, 4, 8, 16))]
    viewer.add_image(levels, multiscale=True, name="many coins")
    form = open_form(viewer, "watershed")
    form.remembers = False
    form.reset()
    form.fields["background"].value = "60 px"
    viewer.scene.camera.center = (6000, 7500)
    viewer.scene.camera.zoom = 0.9
    demo.settle()
    form.living.box.click()
    up = form.living.segmentation.up
    demo.wait(lambda: up.labels is not None and up.labels.status.done > 0)
    demo.wait(lambda: not up.labels.is_busy)
    demo.settle()
    viewer.screenshot(str(HERE / "live.png"), canvas_only=False)
    form.release()
    viewer.close()


def recipes() -> None:
    """Take a picture of the form of a recipe, with a step changed that has still to be run."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "coins.json"
        Recipe.chain(
            step("threshold", background="60 px"),
            step("fill_holes", labels_are="classes"),
            step("label"),
            step("filter_objects", min_diameter="12 px"),
            step("measure", image="image"),
        ).save(path)
        viewer = opened(860)
        form = open_form(viewer, "recipe")
        form.choice.open(path)
        form.running.button.click()
        demo.wait(lambda: form.running.job is None)
        form.steps.rows[3].title.setChecked(True)
        form.steps.rows[3].fields["at_border"].value = "remove"
        demo.settle()
        viewer.screenshot(str(HERE / "recipes.png"), canvas_only=False)
        form.release()
        viewer.close()


def nuclei() -> None:
    """Take a picture of what a model that comes along finds at once."""
    viewer, _ = demo.predicted()
    demo.settle()
    viewer.screenshot(str(HERE / "nuclei.png"), canvas_only=False)
    viewer.close()


def picture(name: str) -> None:
    """Open the coins, fill in the form, run it and save the window."""
    viewer = opened(900 if METHODS[name].returns == "table" else 760, SAMPLES.get(name, "coins"))
    prepare(viewer, name)
    form = open_form(viewer, name)
    form.remembers = False
    form.reset()
    for option, value in SETTINGS.get(name, {}).items():
        form.fields[option].value = value
    if name in ("measure", "sort_objects", "crf", "boundary_support"):
        form.fields["image"].value = viewer.layers[0]
    if name == "classify_pixels":
        form.fields["strokes"].value = viewer.layers["strokes"]
    form.run_button.click()
    demo.wait(lambda: form.job is None)
    if METHODS[name].refines or name == "error_map":
        viewer.layers[-2].visible = False  # what it was before
    if METHODS[name].returns == "table":
        form.table_button.click()
    demo.settle()
    viewer.screenshot(str(HERE / f"{name}.png"), canvas_only=False)
    viewer.close()


def train() -> None:
    """Train a U-Net on the coins, take a picture on the way, and keep the model for the others."""
    viewer = opened(900)
    viewer.add_layer(apply(viewer.layers[0], "watershed", background="60 px"))
    viewer.layers[-1].visible = False
    form = open_form(viewer, "train_unet")
    form.settings.groups["optimisation"].fill({"epochs": 10, "steps": 15})
    # two columns of coins are held out, so that the picture shows several objects
    form.settings.groups["examples"].fill({"validation": 0.35})
    form.settings.name.line.setText("coins")
    form.train_button.click()
    demo.wait(lambda: len(form.curve.record.points) >= 8, patience=900)
    viewer.reset_view()  # the dock has taken its room from the canvas
    demo.settle()
    viewer.screenshot(str(HERE / "train.png"), canvas_only=False)
    demo.wait(lambda: form.job is None, patience=900)
    viewer.close()


def learn_again() -> None:
    """Take pictures of a round: what is predicted, what is put right, what is learnt of that."""
    viewer = opened(820)
    form = open_form(viewer, "predict")
    form.fields["model"].value = "coins"
    form.learning.optimisation = Optimisation(epochs=6, steps=10, learning_rate=3e-4)
    form.running.press()
    demo.wait(lambda: form.job is None, patience=300)
    shoot(viewer, "learn_again_1")
    layer = form.results.latest
    for number in np.unique(layer.data)[1::6]:  # some coins, whole and a little larger
        own = ndimage.binary_dilation(ndimage.binary_fill_holes(layer.data == number), iterations=2)
        places = np.argwhere(own & ((layer.data == 0) | (layer.data == number)))
        layer.data_setitem(tuple(places.T), number)
        layer.selected_label = number
    layer.mode = "paint"
    shoot(viewer, "learn_again_2")
    layer.mode = "pan_zoom"
    form.learning.running.press()
    demo.wait(lambda: form.learning.job is None, patience=600)
    shoot(viewer, "learn_again_3")
    form.release()
    viewer.close()


def pixel_classifier() -> None:
    """Take pictures of strokes with what they teach, and of where that is unsure."""
    viewer = opened(820)
    form = open_form(viewer, "classify_pixels")
    form.remembers = False
    form.fields["largest_scale"].value = "16 px"
    form.strokes.draw.click()
    layer, drawn = viewer.layers[-1], strokes_on_coins(viewer.layers[0].data)
    for label in (1, 2):
        layer.data_setitem(tuple(np.argwhere(drawn == label).T), label)
    demo.wait(lambda: form.preview.layer is not None and form.message.text()[:7] == "Preview")
    shoot(viewer, "pixel_classifier_1")
    form.strokes.unsure.button.click()
    demo.wait(lambda: form.strokes.unsure.job is None)
    shoot(viewer, "pixel_classifier_2")
    form.release()
    viewer.close()


def shoot(viewer: napari.Viewer, name: str) -> None:
    """Take a picture of the window as it is."""
    viewer.reset_view()
    demo.settle()
    viewer.screenshot(str(HERE / f"{name}.png"), canvas_only=False)


def train_finder() -> None:
    """Train a Mask R-CNN on the coins."""
    coins = data.coins()
    train_network(
        coins,
        watershed(coins, background="60 px"),
        model="coins one by one",
        network="mask_rcnn",
        optimisation=Optimisation(epochs=4, steps=15),
    )


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    forms = [name for name, method in METHODS.items() if not method.way.by_hand]
    own = {
        "surgery": surgery,
        "pick": pick,
        "compare": compare,
        "explorer": explorer,
        "label_next": label_next,
        "explore_table": explore_table,
        "sort": sort,
        "proofread": proofread,
        "batch": batch,
        "live": live,
        "recipes": recipes,
        "learn_again": learn_again,
        "pixel_classifier": pixel_classifier,
        "nuclei": nuclei,
    }
    of_coins = {"train", "predict", "scores", "uncertainty", "grad_cam", "label_next"}
    of_coins |= {"learn_again"}
    chosen = sys.argv[1:] or ["train", *own, *forms]
    with tempfile.TemporaryDirectory() as models:
        os.environ["NAPARI_TESSERA_MODELS"] = models
        if of_coins & set(chosen):
            train()
        if "detect" in chosen:
            train_finder()
        for name in chosen:
            if name in own:
                own[name]()
            elif name != "train":
                picture(name)
