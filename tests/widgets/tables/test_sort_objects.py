"""The form that sorts objects, with its real buttons."""

import numpy as np
import pytest
from napari.utils.interactions import mouse_press_callbacks, mouse_release_callbacks
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QInputDialog

from napari_tessera import apply
from napari_tessera.widgets.layers.features import class_names
from napari_tessera.widgets.plugin.menu import open_form
from napari_tessera.widgets.tables.sort_objects import Sorted, SortObjects

from ..conftest import wait


@pytest.fixture(autouse=True)
def own_models(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))


@pytest.fixture
def shapes(viewer):
    """Six squares (1 to 6) above six bars (7 to 12), of different sizes."""
    labels = np.zeros((80, 140), np.uint16)
    for number in range(6):
        side, left = 7 + number, 4 + 22 * number
        labels[4 : 4 + side, left : left + side] = 1 + number
        labels[40:43, left : left + 12 + number] = 7 + number
    return apply(viewer.add_labels(labels, name="shapes"), "measure")


@pytest.fixture
def form(viewer, shapes):
    form = open_form(viewer, "sort")
    assert isinstance(form, SortObjects)
    yield form
    form.release()


def click(viewer, layer, place):
    class Event:
        button, position, type, modifiers = 1, place, "mouse_press", ()
        dims_displayed, view_direction = viewer.dims.displayed, None

    event = Event()
    mouse_press_callbacks(layer, event)
    event.type = "mouse_release"
    mouse_release_callbacks(layer, event)


def sort(form):
    wait(lambda: form.sorting.job is None)


def teach(viewer, shapes, form):
    """Click on two squares and two bars."""
    form.click_button.click()
    for name, places in (("square", [(6, 6), (6, 30)]), ("bar", [(41, 6), (41, 52)])):
        form.kinds.setCurrentText(name)
        for place in places:
            click(viewer, shapes, place)
            sort(form)


def test_a_few_objects_that_are_clicked_sort_the_rest(viewer, shapes, form):
    form.click_button.click()
    click(viewer, shapes, (6, 6))
    assert form.message.text() == "Write the name of a class first."
    form.click_button.click()
    teach(viewer, shapes, form)
    table = shapes.features
    assert table["example"].tolist() == ["square"] * 2 + [""] * 4 + ["bar", "", "bar"] + [""] * 3
    assert table["class"].tolist() == ["square"] * 6 + ["bar"] * 6
    assert (table["confidence"] > 0.5).all()
    assert form.message.text().startswith("6 bar, 6 square. Of examples held out, 100 %")
    assert list(form.model.table)[:4] == ["index", "class", "confidence", "example"]
    assert np.all(np.diff(form.model.shown["confidence"]) >= 0)  # the least sure come first
    # colours of classes, over the labels and in the plot
    assert form.colour.chosen == "class"
    paint = viewer.layers["shapes: class"]
    np.testing.assert_array_equal(paint.data[:, :] == 2, (shapes.data > 0) & (shapes.data < 7))
    form.kind.choose(2)
    assert len({line.get_color() for line in form.plot.figure.axes[0].lines[:2]}) == 2
    # training of finders takes them as classes
    assert class_names(shapes) == {n: "square" if n < 7 else "bar" for n in range(1, 13)}
    # none of this is lost when the objects are measured again, and no other form comes before it
    form.measure_button.click()
    wait(lambda: form.measure_button.job is None)
    assert [name for name in viewer.window.dock_widgets if "table" in name.lower()] == []
    assert shapes.features["example"].tolist() == table["example"].tolist()


def test_points_that_are_lassoed_are_given_a_class_and_lose_it(viewer, shapes, form):
    form.give_button.click()
    assert form.message.text() == "Write the name of a class first."
    form.kinds.setCurrentText("square")
    form.give_button.click()
    assert form.message.text().startswith("Choose objects in the list, the plot or the viewer")
    form.kind.choose(2)
    form.across.choose("extent")
    form.up.choose("eccentricity")
    form.gates.lasso.setChecked(True)
    form.plot.enclose(np.array([[0.5, -0.5], [1.5, -0.5], [1.5, 0.5], [0.5, 0.5]]))
    assert form.model.table["index"][form.table.chosen].tolist() == [1, 2, 3, 4, 5, 6]
    form.give_button.click()
    assert form.message.text() == "Give some objects another class than square."
    assert [form.kinds.itemText(n) for n in range(form.kinds.count())] == ["square"]
    form.table.selectRow(10)
    form.kinds.setCurrentText("bar")
    form.give_button.click()
    sort(form)
    assert shapes.features["class"].tolist() == ["square"] * 6 + ["bar"] * 6
    form.table.selectAll()
    form.clear_button.click()
    assert set(shapes.features["example"]) == {""}


def test_the_least_sure_come_next_and_examples_never(viewer, shapes, form):
    form.next_button.click()
    assert form.message.text() == "Give objects of two classes first."
    teach(viewer, shapes, form)
    table = form.model.table
    rest = [n for n in range(12) if table["example"][n] == ""]
    expected = sorted(rest, key=lambda n: table["confidence"][n])
    seen = []
    for _ in range(len(rest) + 1):
        form.next_button.click()
        seen.append(form.table.chosen.item())
    assert seen == [*expected, expected[0]]
    assert shapes.selected_label == table["index"][expected[0]]
    form.filter.setText("example = bar")
    form.next_button.click()
    assert form.message.text() == "All objects that are listed are examples."


def test_what_was_learnt_is_kept_and_sorts_another_layer(viewer, shapes, form, monkeypatch):
    form.keep_button.click()
    assert form.message.text() == "Give objects of two classes first."
    teach(viewer, shapes, form)
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, text, **__: (text, True))
    form.keep_button.click()
    wait(lambda: form.keeping is not None and not form.keeping.running)
    assert form.message.text().startswith("Kept as 'shapes kinds'; Sort by classifier applies it")
    other = viewer.add_labels(np.flipud(shapes.data).copy(), name="other")
    method = open_form(viewer, "sort_objects")
    method.source.value = other
    method.fields["classifier"].value = "shapes kinds"
    method.run_button.click()
    wait(lambda: method.job is None)
    assert other.features["class"].tolist() == ["square"] * 6 + ["bar"] * 6
    method.release()


def test_classes_that_others_have_found_stay(viewer, shapes, form):
    shapes.features = shapes.features.assign(**{"class": ["cell"] * 12})
    teach(viewer, shapes, form)
    assert set(shapes.features["class (before)"]) == {"cell"}
    assert set(shapes.features["class"]) == {"square", "bar"}


def test_without_a_table_it_says_what_is_wanted(viewer, shapes, form, quiet_errors):
    form.source.value = viewer.add_labels(np.eye(9, dtype=int), name="bare")
    form.sorting.button.click()
    assert "labels have no table yet" in form.message.text().lower()
    assert quiet_errors
    form.kinds.setCurrentText("round")
    form.give_button.click()
    assert form.message.text() == "Measure objects first."
    form.source.value = shapes
    form.sorting.button.click()
    sort(form)
    assert "examples has no class; give objects of at least two" in form.message.text().lower()


def test_the_order_that_somebody_has_chosen_stays(viewer, shapes, form):
    form.table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    teach(viewer, shapes, form)
    assert form.model.shown["index"].tolist() == list(range(12, 0, -1))


def test_an_example_is_what_it_was_given_whatever_the_others_say():
    table = {"index": np.arange(6), "area": np.array([1.0, 1, 1, 9, 9, 9])}
    words = np.array(["a", "a", "b", "b", "b", ""], object)
    found = Sorted.of(table | {"example": words})
    assert found.classes.tolist() == ["a", "a", "b", "b", "b", "b"]


def test_what_examples_say_of_all_rows_is_worked_out_at_once():
    table = {"index": np.arange(4), "area": np.array([1.0, 2, 9, np.nan])}
    found = Sorted.of(table | {"example": np.array(["a", "", "b", ""], object)})
    assert found.classes.tolist() == ["a", "a", "b", ""]
    assert found.confidence[[0, 2]].tolist() == [1, 1]
    assert found.judged == "Give each class a second object to judge by."
