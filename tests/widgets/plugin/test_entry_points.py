"""The plugin as napari sees it."""

import numpy as np
import pytest
from npe2 import PluginManager
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_tessera.metrics.matching import average_precision
from napari_tessera.widgets.plugin import demo, entry_points
from napari_tessera.widgets.plugin.manifest import SAMPLES, manifest
from napari_tessera.widgets.plugin.menu import FORMS
from napari_tessera.widgets.plugin.samples import nuclei_arrays
from napari_tessera.widgets.qt.dock import enclosing_dock
from napari_tessera.widgets.recipe.form import RecipeForm

from ..conftest import wait


@pytest.fixture
def plugin(viewer):
    manager = PluginManager.instance()
    if "napari-tessera" not in manager:
        from npe2 import PluginManifest

        manager.register(PluginManifest.from_distribution("napari-tessera"))
    return viewer


def test_every_widget_of_the_manifest_is_there():
    module = f"{entry_points.__name__}:"
    names = [
        command["python_name"].removeprefix(module)
        for command in manifest()["contributions"]["commands"]
        if command["python_name"].startswith(module)
    ]
    assert len(names) == len(FORMS)
    assert all(callable(getattr(entry_points, name)) for name in names)
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        _ = entry_points.magic


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_opens(plugin, name):
    plugin.open_sample("napari-tessera", name)
    assert plugin.layers


MENUS = """
Layers > Measure > Explore table
Layers > Measure > Sort objects
Layers > Measure > Table of objects
Layers > Measure > Sort by classifier
Layers > Segment > Classical > Threshold
Layers > Segment > Classical > Watershed
Layers > Segment > Classical > Canny edges
Layers > Segment > Classical > Contours
Layers > Segment > Classical > Region growing
Layers > Segment > Classical > Random walker
Layers > Segment > Classical > K-means clusters
Layers > Segment > Classical > Pixel classifier
Layers > Segment > Classical > Connected components
Layers > Segment > Deep learning > Train
Layers > Segment > Deep learning > Train U-Net
Layers > Segment > Deep learning > Train FCN
Layers > Segment > Deep learning > Train SegNet
Layers > Segment > Deep learning > Train DeepLabV3+
Layers > Segment > Deep learning > Train Mask R-CNN
Layers > Segment > Deep learning > Train YOLOv5-seg
Layers > Segment > Deep learning > Models
Layers > Segment > Deep learning > Predict
Layers > Segment > Deep learning > Find objects
Layers > Segment > Deep learning > Probability maps
Layers > Segment > Refine > Edit objects
Layers > Segment > Refine > Top-hat of an image
Layers > Segment > Refine > Dense CRF
Layers > Segment > Refine > Morphology
Layers > Segment > Refine > Smooth borders
Layers > Segment > Refine > Fill holes
Layers > Segment > Refine > Filter objects
Layers > Segment > Refine > Fill between planes
Layers > Segment > Refine > Expand labels
Layers > Segment > Refine > Skeleton
Layers > Segment > Refine > Convex hull
Layers > Segment > Refine > Number anew
Layers > Segment > Judge > Compare methods
Layers > Segment > Judge > Explore errors
Layers > Segment > Judge > Proofread
Layers > Segment > Judge > Label next
Layers > Segment > Judge > Uncertainty
Layers > Segment > Judge > Grad-CAM
Layers > Segment > Judge > Error map
Layers > Segment > Judge > Errors of objects
Layers > Segment > Judge > Support of boundaries
Layers > Segment > Pick objects
Layers > Segment > Batch
Layers > Segment > Live segmentation
Layers > Segment > Recipe
Plugins > Tessera > Threshold
Plugins > Tessera > Watershed
Plugins > Tessera > Train
Plugins > Tessera > Predict
Plugins > Tessera > Find objects
Plugins > Tessera > Pick objects
Plugins > Tessera > Edit objects
Plugins > Tessera > Table of objects
Plugins > Tessera > Sort objects
Plugins > Tessera > Compare methods
Plugins > Tessera > Explore errors
Plugins > Tessera > Proofread
Plugins > Tessera > Label next
Plugins > Tessera > Models
Plugins > Tessera > Batch
Plugins > Tessera > Live segmentation
Plugins > Tessera > Recipe
"""
"""All entries from the top; napari adds "(Tessera)" to each."""


def entries(menu, *path):
    """Return what stands in a menu and its submenus, as paths and actions."""
    found = []
    for action in menu.actions():
        inner = (*path, action.text())
        found += [(inner, action)] if action.menu() is None else entries(action.menu(), *inner)
    return found


def our_entries(viewer):
    """Return the plugin's entries in the menus of a window: path -> action."""
    menus = {"Layers": viewer.window.layers_menu, "Plugins": viewer.window.plugins_menu}
    found = [each for title, menu in menus.items() for each in entries(menu, title)]
    own = " (Tessera)"
    return {
        " > ".join(path).removesuffix(own): act for path, act in found if path[-1].endswith(own)
    }


def test_napari_shows_each_entry_once_in_the_order_of_the_catalogue(plugin):
    assert list(our_entries(plugin)) == MENUS.split("\n")[1:-1]


@pytest.mark.on_screen
@pytest.mark.parametrize("title", ["Watershed", "Canny edges"])
def test_an_entry_opens_its_form_and_hides_and_shows_it_when_chosen_again(plugin, coins, title):
    entry = our_entries(plugin)[f"Layers > Segment > Classical > {title}"]
    entry.trigger()
    form = plugin.window.dock_widgets[f"{title} (Tessera)"]
    dock = enclosing_dock(form)
    assert form.method.display == dock.windowTitle() == title
    wait(dock.isVisible)
    entry.trigger()
    wait(dock.isHidden)
    entry.trigger()
    wait(dock.isVisible)
    assert list(plugin.window.dock_widgets) == [f"{title} (Tessera)"]


def test_the_names_of_networks_open_one_form_and_change_the_network_in_it(plugin, coins):
    labels = plugin.add_labels(coins.data // 128, name="painted", scale=coins.scale)
    other = plugin.add_labels(coins.data // 64, name="other", scale=coins.scale)
    menu = our_entries(plugin)
    menu["Layers > Segment > Deep learning > Train Mask R-CNN"].trigger()
    form = plugin.window.dock_widgets["Train (Tessera)"]
    assert form.settings.networks.chosen == "mask_rcnn"
    form.pairs.rows[0].labels.choose(labels)
    form.settings.groups["optimisation"].fill({"epochs": 7})
    enclosing_dock(form).hide()
    menu["Layers > Segment > Deep learning > Train DeepLabV3+"].trigger()
    assert form.settings.networks.chosen == "deeplabv3plus"
    assert form.pairs.pairs == [(coins, labels)] != [(coins, other)]
    assert form.settings.task().optimisation.epochs == 7
    assert not enclosing_dock(form).isHidden()
    menu["Plugins > Tessera > Train"].trigger()
    assert plugin.window.dock_widgets["Train (Tessera)"] is form
    assert list(plugin.window.dock_widgets) == ["Train (Tessera)"]


def test_generated_nuclei_are_known():
    image, labels, spacing = nuclei_arrays((12, 64, 64), 8, seed=3)
    again, _, _ = nuclei_arrays((12, 64, 64), 8, seed=3)
    np.testing.assert_array_equal(image, again)
    assert image.shape == labels.shape
    assert image.dtype == np.uint16
    assert spacing == (2.0, 0.5, 0.5)
    assert image[labels > 0].mean() > 3 * image[labels == 0].mean()


def test_a_layers_recipe_is_shown_copied_and_replayed(plugin, coins, form_of, run):
    layer = run(form_of("threshold"))
    widget = RecipeForm(plugin)
    plugin.layers.selection.active = layer
    assert [row.title.text() for row in widget.steps.rows] == ["1. Threshold"]
    actions = {a.text(): a for a in widget.recipe_button.menu().actions()}
    for entry, text in (
        ("Copy as Python (console)", "apply("),
        ("Copy as Python (script)", "files.read("),
        ("Copy as command", "napari-tessera threshold"),
        ("Copy as JSON", '"method": "threshold"'),
    ):
        QApplication.clipboard().clear()
        actions[entry].trigger()
        wait(lambda text=text: text in QApplication.clipboard().text())
    other = plugin.add_image(coins.data[::-1], name="other")
    widget.recipe_button.menu().aboutToShow.emit()
    targets = actions["Replay on"].menu()
    next(a for a in targets.actions() if a.text() == "other").trigger()
    wait(lambda: "other threshold" in plugin.layers)
    np.testing.assert_array_equal(plugin.layers["other threshold"].data, layer.data[::-1])
    plugin.layers.selection.active = other
    assert widget.ground.layer.value is other  # to run the recipe on
    assert [row.title.text() for row in widget.steps.rows] == ["1. Threshold"]
    widget.release()


def test_the_recipe_of_a_form_needs_no_run(plugin, coins, form_of):
    form = form_of("watershed")
    form.fields["smoothing"].value = "3 px"
    next(a for a in form.recipe_button.menu().actions() if a.text() == "Copy as command").trigger()
    wait(lambda: "--smoothing '3 px'" in QApplication.clipboard().text())


def test_the_demo_writes_a_picture_and_labels(tmp_path, monkeypatch, make_napari_viewer):
    from napari_tessera.io import files

    monkeypatch.setattr(demo.napari, "Viewer", lambda title: make_napari_viewer())
    monkeypatch.setattr("sys.argv", ["demo", "--output", str(tmp_path)])
    demo.run_demo()
    assert (tmp_path / "screenshot.png").stat().st_size > 10_000
    _, (truth,), _ = nuclei_arrays((1, 320, 416), 500)
    found = files.read(tmp_path / "labels.tif").array[:]
    assert average_precision(truth, found, 0.5) > 0.9


@pytest.mark.on_screen
def test_a_sample_is_fitted_into_an_empty_viewer_and_moves_no_other(plugin):
    plugin.open_sample("napari-tessera", "retina")
    QTest.qWait(300)
    found = plugin.scene.camera.zoom
    plugin.reset_view()
    assert found == pytest.approx(plugin.scene.camera.zoom, rel=0.01)
    plugin.scene.camera.zoom = 7
    plugin.open_sample("napari-tessera", "coins")
    QTest.qWait(100)
    assert plugin.scene.camera.zoom == 7
