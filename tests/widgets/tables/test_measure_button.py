import numpy as np

from napari_tessera import apply
from napari_tessera.pipeline.source import Region
from napari_tessera.widgets.editing.edit_objects import Surgery
from napari_tessera.widgets.plugin.menu import open_form, show_form
from napari_tessera.widgets.tables.measure_button import MeasureButton

from ..conftest import wait


def measured(viewer, button):
    button.click()
    wait(lambda: not button.waits and button.job is None)
    return show_form(viewer, "explore_table")


def test_one_click_runs_measures_with_the_image_and_opens_the_table(viewer, coins, form_of):
    viewer.add_image(coins.data * 0, name="another", scale=coins.scale, units=coins.units)
    form = form_of("watershed")
    form.source.value = coins
    button = form.measure_button
    assert isinstance(button, MeasureButton)
    table = measured(viewer, button)
    layer = form.results.latest
    found = layer.features
    assert table.source.value is layer
    assert f"{len(found)} rows measured with coins." == form.message.text()
    first = found["index"][0]
    np.testing.assert_allclose(found["mean"][0], coins.data[layer.data == first].mean())
    assert table.model.rowCount() == len(found)
    # once more it measures what is there, in the same table
    layer.data[layer.data == first] = 0
    assert measured(viewer, button) is table
    assert first not in table.model.table["index"]
    assert form.results.latest is layer


def test_forms_choose_the_image_that_labels_were_made_from(viewer, coins, form_of):
    labels = viewer.add_layer(apply(coins, "watershed"))
    viewer.add_image(coins.data, name="later", scale=coins.scale, units=coins.units)
    for name in ("measure", "boundary_support"):
        assert form_of(name).fields["image"].value is coins
    form = form_of("crf")
    form.fields["image"].value = viewer.layers["later"]
    form.source.value = viewer.add_labels(labels.data, name="painted")
    assert form.fields["image"].value is viewer.layers["later"]  # nothing is known of them
    form.source.value = labels
    assert form.fields["image"].value is coins


def test_the_result_of_a_region_is_measured_with_its_image(viewer, coins):
    part = coins.data[100:200, 150:250]
    found = apply(coins, "watershed", region=Region((100, 150), (200, 250)))
    viewer.add_layer(found)
    form = open_form(viewer, "explore_table")
    form.measure_button.click()
    wait(lambda: form.model.rowCount() > 0)
    table = form.model.table
    np.testing.assert_allclose(
        table["mean"], [part[found.data == label].mean() for label in table["index"]]
    )
    form.release()


def test_forms_whose_results_are_no_objects_have_no_such_button(form_of, coins):
    shown = {
        name: form_of(name).measure_button.isVisibleTo(form_of(name))
        for name in ("threshold", "canny", "measure")
    }
    assert not any(shown.values())


def test_edited_objects_are_measured_too(viewer):
    layer = viewer.add_labels(np.repeat([[0, 3, 3, 5]], 4, 0))
    form = Surgery(viewer)
    viewer.window.add_dock_widget(form)
    table = measured(viewer, form.measure_button)
    assert table.model.shown["pixels"].tolist() == [8, 4]
    assert form.message.text() == "2 rows measured."
    assert layer.features["index"].tolist() == [3, 5]
    viewer.layers.clear()
    form.measure_button.click()
    assert "labels is missing" in form.message.text()
    form.release()
    table.release()
