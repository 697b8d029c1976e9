import numpy as np
import pytest

from napari_tessera import apply
from napari_tessera.deep.models.library import Folder, find_model, models
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.methods.deep.predict import predict
from napari_tessera.widgets.training.form import TrainingForm
from napari_tessera.widgets.training.model_name import GO_ON, START
from napari_tessera.widgets.training.models import Models

from ...conftest import squares, tiny_model
from ...deep.finders import folder
from ..conftest import wait

SETTINGS = {
    "examples": {"patch": 32, "diameter": 0.0},
    "optimisation": {"epochs": 2, "steps": 4, "batch": 2},
}


@pytest.fixture(autouse=True)
def own_models(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))


@pytest.fixture
def pair(viewer):
    image, labels = squares()
    viewer.add_image(image, name="squares", scale=(0.5, 0.5), units=("um", "um"), translate=(3, 4))
    return viewer.add_labels(
        labels, name="truth", scale=(0.5, 0.5), units=("um", "um"), translate=(3, 4)
    )


@pytest.fixture
def form(viewer):
    forms = []

    def make(network="unet"):
        form = TrainingForm(viewer)
        form.choose_network(network)
        viewer.window.add_dock_widget(form, name="train")
        forms.append(form)
        small(form)
        return form

    yield make
    for each in forms:
        each.release()


def small(form):
    """Make the training a matter of seconds."""
    if "depth" in form.settings.options[form.settings.networks.chosen].fields:
        form.settings.options["unet"].fill({"encoder": None, "depth": 2, "width": 0.125})
    for name, values in SETTINGS.items():
        form.settings.groups[name].fill(values)
    form.settings.name.line.setText("squares net")


def end(form):
    wait(lambda: form.job is None, patience=90)


def test_from_layers_to_predict_by_clicks_alone(viewer, pair, form):
    own = form()
    own.train_button.click()
    assert own.train_button.text() == "Stop"
    end(own)
    assert own.message.text().startswith("Model 'squares net' is ready after ")
    measured = (
        f" Score {own.made.config.score:.3f}: average precision of objects, mean over IoU .5,"
    )
    assert measured in own.message.text()
    assert len(own.curve.record.points) == 2
    assert [model.name for model in models()] == ["squares net"]
    config = find_model("squares net").config
    assert config.spacing == (0.5, 0.5)
    assert config.unit == "um"
    assert config.options == {"depth": 2, "width": 0.125}
    # its own layer of progress is gone, nothing of the user's has changed
    assert [layer.name for layer in viewer.layers] == ["squares", "truth"]
    own.predict_button.click()
    predicting = viewer.window.dock_widgets["Predict (Tessera)"]
    assert predicting.fields["model"].value == "squares net"
    assert predicting.source.value.name == "squares"
    predicting.run_button.click()
    wait(lambda: predicting.job is None)
    layer = viewer.layers["squares predict"]
    expected = predict(squares()[0], model="squares net", spacing=predicting.read().source.spacing)
    np.testing.assert_array_equal(layer.data, expected)
    np.testing.assert_array_equal(layer.scale, (0.5, 0.5))
    predicting.release()


def test_classes_keep_the_names_and_colours_of_the_strokes(viewer, pair, form):
    from napari.utils.colormaps import DirectLabelColormap

    pair.data[pair.data > 0] = 2
    pair.features = {"index": [1, 2], "class": ["ground", "square"]}
    colours = {1: "#00ff00", 2: "#ff8000", None: "transparent"}
    pair.colormap = DirectLabelColormap(color_dict=colours)
    own = form()
    own.settings.fields["kind"].value = "classes"
    own.train_button.click()
    end(own)
    config = find_model("squares net").config
    assert (config.ids, config.class_names, config.colours) == (
        (0, 2), ("", "square"), ("", "#ff8000"),
    )  # fmt: skip
    layer = apply(viewer.layers["squares"], "predict", model="squares net")
    assert layer.features["index"].tolist() == [2]
    assert layer.features["class"].tolist() == ["square"]
    np.testing.assert_allclose(layer.get_color(2), (1, 128 / 255, 0, 1), atol=1e-6)


def test_another_layer_tells_the_classes_of_objects(viewer, pair, form):
    own = form("yolov5seg")
    (row,) = own.pairs.rows
    assert not row.classes.isHidden()
    classes = viewer.add_labels(
        np.where(pair.data > 18, 5, 2 * (pair.data > 0)).astype(np.uint8),
        name="kinds", scale=pair.scale, units=("um", "um"), translate=pair.translate,
    )  # fmt: skip
    classes.features = {"index": [2, 5], "class": ["upper", "lower"]}
    row.labels.choose(pair)
    row.classes.choose(classes)
    own.settings.options["yolov5seg"].fill({"width": 0.125})
    own.settings.groups["examples"].fill({"patch": 96})
    own.settings.groups["optimisation"].fill({"epochs": 1, "steps": 1})
    own.train_button.click()
    end(own)
    config = find_model("squares net").config
    assert (config.ids, config.class_names) == ((2, 5), ("upper", "lower"))
    classes.translate = (0, 0)
    own.train_button.click()
    assert "pair 1: classes is layer 'kinds', which lies elsewhere" in own.message.text()
    own.settings.networks.choose("unet")
    assert row.classes.isHidden()
    assert own.pairs.classes == [None]


def test_progress_is_shown_on_the_image(viewer, pair, form):
    own = form()
    own.settings.groups["optimisation"].fill({"epochs": 50})
    own.train_button.click()
    wait(lambda: "training, validation" in viewer.layers, patience=60)
    layer = viewer.layers["training, validation"]
    assert layer.data.shape == (19, 96)
    np.testing.assert_allclose(layer.data_to_world((0, 0)), pair.data_to_world((77, 0)))
    assert not layer.editable
    own.train_button.click()
    end(own)
    assert "training, validation" not in viewer.layers


def test_stop_keeps_the_best_so_far(viewer, pair, form):
    own = form()
    own.settings.groups["optimisation"].fill({"epochs": 500})
    own.train_button.click()
    wait(lambda: len(own.curve.record.points) >= 1, patience=60)
    own.train_button.click()
    end(own)
    assert own.message.text().startswith("Model 'squares net' is kept")
    assert find_model("squares net").load_network() is not None
    # the next training will not be refused for its name
    assert own.read().model == "squares net 2"


def test_closing_the_form_keeps_the_best_too(viewer, pair, form):
    own = form()
    own.settings.groups["optimisation"].fill({"epochs": 500})
    own.train_button.click()
    wait(lambda: len(own.curve.record.points) >= 1, patience=60)
    own.release()
    wait(lambda: [model.name for model in models()] == ["squares net"], patience=60)


def test_samples_are_shown_before_training(viewer, pair, form):
    own = form()
    own.sheet_button.click()
    wait(lambda: own.sheet_button.isEnabled(), patience=60)
    images, targets = viewer.layers[-2:]
    assert images.data.shape == targets.data.shape == (4 * 36 - 4, 4 * 36 - 4)
    assert set(np.unique(targets.data)) == {0, 1, 2}
    np.testing.assert_array_equal(images.scale, (0.5, 0.5))
    # where there is nothing to learn the image is dark
    assert images.data[targets.data == 1].mean() > images.data[targets.data == 0].mean() + 0.2


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda viewer: viewer.layers.remove("truth"), "Labels layer"),
        (lambda viewer: setattr(viewer.layers["truth"], "translate", (0, 0)), "lies elsewhere"),
        (lambda viewer: viewer.layers["truth"].data.fill(0), "labels has nothing but 0"),
    ],
)
def test_what_does_not_fit_is_said_in_red(viewer, pair, form, quiet_errors, spoil, message):
    own = form()
    spoil(viewer)
    own.train_button.click()
    end(own)
    assert message in own.message.text()
    assert "color" in own.message.styleSheet()
    assert message in quiet_errors[-1]
    assert models() == []


def test_a_stopped_training_goes_on_at_a_click(viewer, pair, form):
    own = form()
    own.settings.groups["optimisation"].fill({"epochs": 500})
    own.train_button.click()
    wait(lambda: len(own.curve.record.points) >= 2, patience=60)
    own.train_button.click()
    end(own)
    done = len(Folder(find_model("squares net").path).read_losses())
    assert "its training was stopped" in own.message.text()
    assert not own.go_on_button.isHidden()
    own.go_on_button.click()
    assert own.job is not None
    assert own.settings.stays.text().startswith(f"Goes on after epoch {done} of 500.")
    assert len(own.curve.record.points) == done
    wait(lambda: len(own.curve.record.points) > done, patience=60)
    own.train_button.click()
    end(own)
    assert [model.name for model in models()] == ["squares net"]
    epochs = [row["epoch"] for row in Folder(find_model("squares net").path).read_losses()]
    assert epochs == list(range(1, len(epochs) + 1))
    assert len(epochs) > done


def test_a_name_that_exists_says_what_there_is_and_can_be_gone_on_with(viewer, pair, form):
    first = form()
    first.train_button.click()
    end(first)
    own = form("segnet")
    settings, name = own.settings, own.settings.name
    assert "'squares net': U-Net, 2 epochs, score " in name.about.text()
    assert name.choice.currentText() == "train a new one, 'squares net 2'"
    assert own.read().model == "squares net 2"
    assert settings.networks.isEnabled()
    settings.groups["optimisation"].fill({"epochs": 3})
    name.choice.choose(GO_ON)
    read = own.read()
    assert (read.model, read.resume) == ("squares net", True)
    assert (read.task.network, read.task.network_options) == ("unet", {"depth": 2, "width": 0.125})
    assert read.task.optimisation.epochs == 4  # as many again
    assert settings.stays.text() == (
        "Goes on after epoch 2 of 4. Network, examples, labels and seed stay as they were."
    )
    assert not settings.networks.isEnabled()
    assert not settings.groups["examples"].fields["patch"].native.isEnabled()
    own.train_button.click()
    end(own)
    assert len(Folder(find_model("squares net").path).read_losses()) == 4
    # what was filled in for going on does not outlive it
    assert own.read().task.optimisation.epochs == 3
    assert settings.networks.isEnabled()
    name.choice.choose(START)
    read = own.read()
    assert (read.model, read.resume) == ("squares net 2", False)
    assert find_model(read.task.transfer.weights) == find_model("squares net")
    name.line.setText("squares net, another")
    assert name.about.isHidden()
    assert name.choice.isHidden()


def test_other_examples_are_refused_when_a_training_goes_on(viewer, pair, form):
    own = form()
    own.train_button.click()
    end(own)
    pair.data[:20] = 0
    own.go_on_button.click()
    end(own)
    assert "the examples are others" in own.message.text()


def test_another_network_is_a_new_model(viewer, pair, form):
    own = form()
    own.train_button.click()
    end(own)
    own.settings.name.choice.choose(GO_ON)
    own.choose_network("fcn")
    assert own.settings.networks.chosen == "fcn"
    assert own.read().model == "squares net 2"


def test_what_finds_objects_is_applied_by_find_objects(viewer, pair, form):
    own = form("yolov5seg")
    own.settings.options["yolov5seg"].fill({"width": 0.125})
    own.settings.groups["examples"].fill({"patch": 96})
    own.settings.groups["optimisation"].fill({"epochs": 1, "steps": 1})
    own.train_button.click()
    end(own)
    assert own.predict_button.text() == "Find objects"
    own.predict_button.click()
    finding = viewer.window.dock_widgets["Find objects (Tessera)"]
    assert finding.fields["model"].value == "squares net"
    assert finding.source.value.name == "squares"


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_has_a_form_that_says_what_it_costs(viewer, pair, form, network):
    own = form(network)
    assert own.settings.networks.chosen == network
    wait(lambda: "million weights" in own.settings.about.text(), patience=60)
    assert own.settings.about.text().startswith(NETWORKS[network].description)
    preset = own.read().task.network_options
    assert NETWORKS[network].configure(**preset)


def test_the_form_fits_a_narrow_dock(viewer, pair, form):
    own = form()
    own.show()
    assert own.minimumSizeHint().width() <= 320


def test_models_are_listed_renamed_and_put_aside(viewer, monkeypatch):
    monkeypatch.undo()  # the models that all tests share
    shown = []
    monkeypatch.setattr("napari_tessera.widgets.forms.form.show_error", shown.append)
    name = tiny_model()
    manager = Models(viewer)
    manager.list.setCurrentRow([model.name for model in models()].index(name))
    assert "Trained on 1" in manager.card.toPlainText()
    answers = iter([("other name", True), (name, True), ("a/b", True), (name, False)])
    monkeypatch.setattr(
        "napari_tessera.widgets.training.models.QInputDialog.getText",
        lambda *a, **k: next(answers),
    )
    manager.rename_button.click()
    assert "other name" in [model.name for model in models()]
    manager.list.setCurrentRow([model.name for model in models()].index("other name"))
    manager.rename_button.click()
    assert name in [model.name for model in models()]
    manager.list.setCurrentRow([model.name for model in models()].index(name))
    manager.rename_button.click()
    assert "name is 'a/b'" in manager.message.text()
    assert "name is 'a/b'" in shown[-1]
    manager.rename_button.click()
    assert name in [model.name for model in models()]


def test_shipped_models_are_listed_copied_and_exported_but_stay(viewer, monkeypatch, tmp_path):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("napari_tessera.deep.models.shipped.index._FOLDER", tmp_path / "shipped")
    nuclei = folder(tmp_path / "shipped" / "nuclei")
    Folder(nuclei.path).write_card("# Nuclei of cells")
    folder(tmp_path / "models" / "mine")
    manager = Models(viewer)
    rows = [manager.list.item(row).text() for row in range(manager.list.count())]
    assert rows == ["mine", "Nuclei (fluorescence), comes with napari-tessera"]
    assert manager.rename_button.isEnabled()
    manager.list.setCurrentRow(1)
    assert manager.card.toPlainText() == "Nuclei of cells"
    assert not manager.rename_button.isEnabled()
    assert not manager.remove_button.isEnabled()
    assert manager.export_button.isEnabled()
    monkeypatch.setattr(
        "napari_tessera.widgets.training.models.QInputDialog.getText",
        lambda *_, text: (f"my {text}", True),
    )
    manager.copy_button.click()
    assert [model.name for model in models()] == ["mine", "my nuclei"]
    assert manager.model == nuclei  # stays chosen
    manager.release()


def test_costs_are_said_before_a_prediction(viewer, monkeypatch, form_of):
    monkeypatch.undo()
    name = tiny_model()
    viewer.add_image(squares(side=192)[0], name="squares")
    form = form_of("predict")
    form.fields["model"].value = name
    form.fields["tile"].value = 96
    wait(lambda: "tiles" in form.preflight.text())
    assert form.preflight.text().startswith("192 x 192 as (y, x), 1 channel: 9 tiles of ")
    monkeypatch.setattr("napari_tessera.widgets.forms.call.PLENTY", 1e-12)
    form.fields["tile"].value = 64
    wait(lambda: "are free" in form.preflight.text())
    form.run_button.click()
    wait(lambda: form.job is None)
    assert "of memory, but" in form.message.text()


def test_thresholds_act_without_the_network(viewer, monkeypatch, form_of, run):
    monkeypatch.undo()
    from napari_tessera.deep.inference import tiling as tiled

    name = tiny_model()
    viewer.add_image(squares()[0], name="squares")
    form = form_of("predict")
    form.fields["model"].value = name
    ran = []
    real = tiled.tiled_scores
    monkeypatch.setattr(tiled, "tiled_scores", lambda *a, **k: ran.append(1) or real(*a, **k))
    form.fields["threshold"].value = 0.95
    first = (run(form).data > 0).sum()
    form.fields["threshold"].value = 0.05
    second = (run(form).data > 0).sum()
    assert second > first > 0
    assert len(ran) == 1
    form.show_preview.setChecked(True)
    wait(lambda: form.preview.layer is not None)
    assert len(ran) == 1
