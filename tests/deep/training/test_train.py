import csv
import errno
import json
import os
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_tessera.deep.models.library import Folder, find_model
from napari_tessera.deep.settings import (
    NO_AUGMENTATION,
    Augmentation,
    Examples,
    Objective,
    Optimisation,
    Transfer,
)
from napari_tessera.deep.training.stepping import step_loss
from napari_tessera.deep.training.train import train
from napari_tessera.deep.training.validation import Validator
from napari_tessera.methods.deep.predict import predict
from napari_tessera.signature.progress import Progress, Stop

from ...conftest import squares

SMALL = {"depth": 2, "width": 1 / 8}
QUICK = {
    "options": SMALL,
    "examples": Examples(patch=32),
    "augmentation": NO_AUGMENTATION,
    "optimisation": Optimisation(epochs=2, steps=3, batch=2),
}


@pytest.fixture
def example():
    return squares()


def weights(model):
    return model.load_network().state_dict()


def equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def losses(model):
    with (model.path / "losses.csv").open() as file:
        return list(csv.DictReader(file))


def test_objects_are_learnt(tmp_path, example):
    image, labels = example
    model = train(
        image,
        labels,
        model=tmp_path / "squares",
        options=SMALL,
        examples=Examples(patch=32),
        optimisation=Optimisation(epochs=3, steps=30, batch=4, learning_rate=0.01, averaging=0.8),
    )
    rows = losses(model)
    assert float(rows[-1]["loss"]) < 0.6 * float(rows[0]["loss"])
    assert model.config.score > 0.7
    unseen, truth = squares(seed=7)
    found = predict(unseen, model=str(model.path))
    assert ((found > 0) == (truth > 0)).mean() > 0.97
    assert abs(int(found.max()) - int(truth.max())) <= 2
    # neither dtype nor contrast decides
    other = predict(unseen.astype(np.uint16) * 137 + 50, model=str(model.path))
    assert ((other > 0) == (found > 0)).mean() > 0.99


@pytest.mark.parametrize("targets", ["boundaries", "distances"])
@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
def test_every_target_can_be_mixed_and_learnt(tmp_path, example, targets, mixing):
    image, labels = example
    model = train(
        image,
        labels,
        model=tmp_path / "m",
        options=SMALL,
        targets=targets,
        examples=Examples(patch=32),
        augmentation=Augmentation(elastic=0, **{mixing: 0.7}),
        optimisation=Optimisation(epochs=2, steps=20, batch=4, learning_rate=0.01, averaging=0.7),
    )
    rows = losses(model)
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert model.config.targets == targets


def test_classes_are_learnt_from_strokes(tmp_path, example):
    image, labels = example
    truth = np.where(labels > 0, 7, 3).astype(np.uint8)  # 3 background, 7 squares
    strokes = np.where(np.arange(96) % 5 == 0, truth, 0)
    model = train(
        image,
        strokes,
        model=tmp_path / "strokes",
        kind="classes",
        class_names=("ground", "square"),
        options=SMALL,
        examples=Examples(patch=32, unlabelled="ignore"),
        optimisation=Optimisation(epochs=2, steps=30, batch=4, learning_rate=0.01, averaging=0.8),
    )
    assert model.config.ids == (3, 7)
    assert model.config.class_names == ("ground", "square")
    found = predict(image, model=str(model.path))
    assert set(np.unique(found)) == {3, 7}
    assert (found == truth).mean() > 0.97


def test_what_is_ignored_is_not_learnt(tmp_path, example):
    image, labels = example
    truth = np.where(labels > 0, 7, 3).astype(np.uint8)
    wrong = np.where(np.arange(96) % 3 == 0, 255, truth)
    model = train(
        image,
        wrong,
        model=tmp_path / "void",
        kind="classes",
        options=SMALL,
        examples=Examples(patch=32, ignore=255),
        objective=Objective(class_weights="median"),
        optimisation=Optimisation(epochs=2, steps=30, batch=4, learning_rate=0.01, averaging=0.8),
    )
    assert model.config.ids == (3, 7)
    assert model.config.training["examples"]["ignore"] == 255
    assert "examples ignore: 255" in (model.path / "card.md").read_text()
    assert (predict(image, model=str(model.path)) == truth).mean() > 0.97


@pytest.mark.parametrize(
    "objective",
    [
        Objective("focal + iou", class_weights="median"),
        Objective("cross_entropy", border_weight=10),
        Objective("lovasz + 0.5 ce", class_weights="inverse"),
        Objective("tversky"),
    ],
)
def test_every_loss_trains(tmp_path, example, objective):
    model = train(*example, model=tmp_path / "m", **{**QUICK, "objective": objective})
    assert np.isfinite([float(row["loss"]) for row in losses(model)]).all()


def test_the_same_seed_gives_the_same_weights(tmp_path, example):
    task = {**QUICK, "augmentation": Augmentation(mixup=0.5)}
    first = train(*example, model=tmp_path / "a", seed=3, **task)
    second = train(*example, model=tmp_path / "b", seed=3, **task)
    other = train(*example, model=tmp_path / "c", seed=4, **task)
    assert equal(weights(first), weights(second))
    assert not equal(weights(first), weights(other))
    assert first.config.weights == second.config.weights


class Interrupted(Exception):
    pass


def ending(at):
    """Return a report that fails when an epoch is over, as a computer may."""

    def report(progress):
        if progress.values.get("judged") is not None and progress.values["epoch"] == at:
            raise Interrupted

    return report


def test_an_interrupted_training_goes_on_as_if_nothing_had_been(tmp_path, example):
    task = {**QUICK, "optimisation": Optimisation(epochs=4, steps=3, batch=2)}
    whole = train(*example, model=tmp_path / "whole", **task)
    with pytest.raises(Interrupted):
        train(*example, model=tmp_path / "cut", report=ending(2), **task)
    again = train(*example, model=tmp_path / "cut", resume=True, **task)
    assert equal(weights(whole), weights(again))
    assert [row["loss"] for row in losses(whole)] == [row["loss"] for row in losses(again)]


@pytest.mark.parametrize("place", range(10))
def test_a_full_disk_ends_it_and_it_is_gone_on_with_later(tmp_path, example, monkeypatch, place):
    """Each file of the first two epochs in turn is the one that does not fit any more."""
    task = {**QUICK, "optimisation": Optimisation(epochs=2, steps=3, batch=2)}
    synced, count = os.fsync, iter(range(99))

    def full(file):
        if next(count) >= place:
            raise OSError(errno.ENOSPC, "No space left on device")
        synced(file)

    monkeypatch.setattr(os, "fsync", full)
    wanted = "No space left on device.*make room on the disk and resume the training"
    with pytest.raises(OSError, match=wanted):
        train(*example, model=tmp_path / "m", **task)
    assert not [
        path for path in (tmp_path / "m").iterdir() if path.name == "resume.safetensors.new"
    ]
    monkeypatch.undo()
    again = train(*example, model=tmp_path / "m", resume=True, **task)
    assert [row["epoch"] for row in losses(again)][-1] == "2"
    assert find_model(again.path).load_network() is not None


def test_what_ended_between_the_first_two_files_of_an_epoch_has_weights_in_the_end(
    tmp_path, example, monkeypatch
):
    task = {**QUICK, "optimisation": Optimisation(epochs=1, steps=3, batch=2)}

    def ended(*_):
        raise Interrupted

    monkeypatch.setattr(Folder, "write_weights", ended)
    with pytest.raises(Interrupted):
        train(*example, model=tmp_path / "m", **task)
    monkeypatch.undo()
    assert not (tmp_path / "m" / "weights.safetensors").exists()
    again = train(*example, model=tmp_path / "m", resume=True, **task)
    assert equal(weights(again), weights(train(*example, model=tmp_path / "whole", **task)))


def test_weights_that_safetensors_cannot_write_are_named(tmp_path, monkeypatch):
    from safetensors import SafetensorError

    def failing(*_):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.save_file", failing)
    with pytest.raises(
        OSError, match="resume.safetensors of model .* cannot be written .I/O error"
    ):
        Folder(tmp_path).write_resume({}, {})


def test_two_trainings_of_one_name_do_not_meet(tmp_path, example):
    def second(progress):
        with pytest.raises(FileExistsError, match="'m' is being trained by another process"):
            train(*example, model=tmp_path / "m", resume=True, **QUICK)

    train(*example, model=tmp_path / "m", report=second, **QUICK)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    (tmp_path / ".m.lock").write_text("")  # of one that was killed
    train(*example, model=tmp_path / "m", resume=True, **QUICK)


def test_other_examples_are_not_gone_on_with(tmp_path, example):
    train(*example, model=tmp_path / "m", **QUICK)
    image, labels = squares(seed=5)
    with pytest.raises(ValueError, match="examples are others than those that 'm' was trained on"):
        train(image, labels, model=tmp_path / "m", resume=True, **QUICK)


def test_a_model_is_never_overwritten(tmp_path, example):
    model = train(*example, model=tmp_path / "m", **QUICK)
    before = (model.path / "weights.safetensors").read_bytes()
    with pytest.raises(FileExistsError, match="there already"):
        train(*example, model=tmp_path / "m", **QUICK)
    assert (model.path / "weights.safetensors").read_bytes() == before


def stopping(after):
    """Return a report that stops after some steps."""
    steps = []

    def report(progress: Progress):
        if "step" in progress.values:
            steps.append(progress)
            if len(steps) >= after:
                raise Stop

    return report


def test_who_stops_keeps_the_best_so_far(tmp_path, example):
    task = {**QUICK, "optimisation": Optimisation(epochs=9, steps=3, batch=2)}
    model = train(*example, model=tmp_path / "late", report=stopping(5), **task)
    assert len(losses(model)) == 1
    assert find_model(model.path).load_network() is not None
    # even in the first epoch there is something to keep
    early = train(*example, model=tmp_path / "early", report=stopping(2), **task)
    assert predict(example[0], model=str(early.path)).shape == (96, 96)


def heard(moments=None):
    """Return a report that stops at a moment and from then on, and the list of what it heard."""
    said, lock = [], threading.Lock()

    def report(progress):
        with lock:
            said.append(progress)
            if moments is not None and len(said) > moments:
                raise Stop

    return report, said


def test_whenever_it_is_stopped_what_is_kept_can_be_used(tmp_path, example, monkeypatch):
    """Moments of all phases: reading, batches, within steps, judging, and the thresholds."""
    monkeypatch.setattr("napari_tessera.deep.training.stepping.PAUSE", -1.0)
    task = {**QUICK, "optimisation": Optimisation(epochs=2, steps=2, batch=1)}
    report, said = heard()
    train(*example, model=tmp_path / "whole", report=report, **task)
    steps = [number for number, each in enumerate(said) if "step" in each.values]
    judged = [number for number, each in enumerate(said) if "judged" in each.values]
    random = np.random.default_rng(0)
    moments = {
        "reading": 2,
        "first batch or step": int(random.integers(5, steps[0])),
        "second step": int(random.integers(steps[0] + 2, steps[1])),
        "first judging": int(random.integers(steps[1] + 1, judged[0])),
        "second epoch": int(random.integers(judged[0] + 1, steps[-1])),
        "second judging": judged[1] - 1,
        "thresholds": int(random.integers(judged[1] + 2, len(said) - 1)),
    }
    kept = {}
    for phase, moment in moments.items():
        report, later = heard(moment)
        try:
            model = train(*example, model=tmp_path / phase, report=report, **task)
        except Stop:
            assert not (tmp_path / phase).exists()
            continue
        kept[phase] = find_model(model.path).config.score
        assert predict(example[0], model=str(model.path)).shape == (96, 96)
        # nobody is asked for long after the stop: batches that are made, and the thresholds once
        assert len(later) - moment < 12
    unjudged = {phase for phase, score in kept.items() if score is None}
    assert list(kept) == list(moments)[2:]
    assert unjudged == {"second step", "first judging"}


def test_who_stops_early_is_not_kept_waiting_for_a_judgement(tmp_path, example, monkeypatch):
    monkeypatch.setattr(Validator, "__call__", lambda *_: pytest.fail("judged after the stop"))
    early = train(*example, model=tmp_path / "early", report=stopping(2), **QUICK)
    assert early.config.thresholds == {}
    assert "not validated" in (early.path / "card.md").read_text()


def test_a_long_epoch_is_looked_at_early(tmp_path, example, monkeypatch):
    task = {**QUICK, "optimisation": Optimisation(epochs=2, steps=6, batch=1)}
    without = train(*example, model=tmp_path / "without", **task)
    monkeypatch.setattr("napari_tessera.deep.training.loop.EARLY", 0.0)
    report, said = heard()
    model = train(*example, model=tmp_path / "with", report=report, **task)
    judged = [each.values for each in said if "judged" in each.values]
    assert [each["epoch"] for each in judged] == [0.5, 1, 2]
    assert judged[0]["judged"].labels.shape == judged[1]["judged"].labels.shape
    assert [row["epoch"] for row in losses(model)] == ["1", "2"]
    assert equal(weights(model), weights(without))


def test_the_threads_are_remembered(tmp_path, example):
    task = {**QUICK, "optimisation": Optimisation(epochs=1, steps=2, batch=1, threads=2)}
    before = torch.get_num_threads()
    model = train(*example, model=tmp_path / "m", **task)
    assert (model.config.training["threads"], torch.get_num_threads()) == (2, before)
    longer = {**QUICK, "optimisation": Optimisation(epochs=2, steps=2, batch=1)}
    again = train(*example, model=tmp_path / "m", resume=True, **longer)
    assert again.config.training["threads"] == 2
    assert "- threads: 2" in (again.path / "card.md").read_text()


def test_who_stops_before_the_first_step_keeps_nothing(tmp_path, example):
    def report(progress):
        raise Stop

    with pytest.raises(Stop):
        train(*example, model=tmp_path / "m", report=report, **QUICK)
    assert not (tmp_path / "m").exists()


def test_time_and_patience_end_it(tmp_path, example):
    soon = Optimisation(epochs=500, steps=2, batch=1, minutes=0.02)
    assert (
        len(losses(train(*example, model=tmp_path / "t", **{**QUICK, "optimisation": soon}))) < 99
    )
    frozen = Optimisation(epochs=50, steps=1, batch=1, learning_rate=1e-9, patience=2)
    model = train(*example, model=tmp_path / "p", **{**QUICK, "optimisation": frozen})
    assert len(losses(model)) <= 12


def test_a_frozen_encoder_stays_as_it_was(tmp_path, example):
    start = train(*example, model=tmp_path / "start", **QUICK)
    for freeze, same in (("always", True), ("never", False)):
        own = Transfer(weights=str(start.path), freeze=freeze)
        model = train(*example, model=tmp_path / freeze, **{**QUICK, "transfer": own})
        before, after = weights(start), weights(model)
        encoder = [name for name in before if name.startswith("contracting")]
        assert encoder
        assert all(torch.equal(before[name], after[name]) for name in encoder) == same
        assert not equal(before, after)


def test_an_encoder_may_learn_more_slowly(tmp_path, example):
    start = train(*example, model=tmp_path / "start", **QUICK)
    # the first step of Adam moves each weight by the rate, here without a warm-up or an average
    step = Optimisation(
        epochs=1, steps=1, learning_rate=0.01, warm_up=0, weight_decay=0, averaging=0
    )
    own = Transfer(weights=str(start.path), encoder_rate=0.1)
    model = train(
        *example, model=tmp_path / "slow", **{**QUICK, "transfer": own, "optimisation": step}
    )
    before, after = weights(start), weights(model)
    moved = {
        name: float((after[name] - before[name]).abs().max())
        for name in before
        if name.endswith(".weight")
    }
    assert max(moved[name] for name in moved if name.startswith("contracting")) == pytest.approx(
        0.001, rel=0.01
    )
    assert max(moved[name] for name in moved if name.startswith("expanding")) == pytest.approx(
        0.01, rel=0.01
    )


def test_all_is_said_of_it(tmp_path, example):
    said = []
    model = train(*example, model=tmp_path / "m", spacing=(0.5, 0.25), report=said.append, **QUICK)
    notes = [progress.values["note"] for progress in said if "note" in progress.values]
    assert notes[0] == "Validation on the last 19 pixels along y."
    judged = [progress.values["judged"] for progress in said if "judged" in progress.values]
    assert judged[-1].labels.shape == (19, 96)
    assert judged[-1].start == (77, 0)
    shares = [progress.done for progress in said if "step" in progress.values]
    assert shares == sorted(shares)
    config = json.loads((model.path / "config.json").read_text())
    assert config["spacing"] == [0.5, 0.25]
    assert config["options"] == SMALL
    assert config["training"]["examples"]["patch"] == 32
    assert set(config["thresholds"]) == {"threshold", "seed_threshold", "split", "confidence"}
    assert "Trained on 1" in (model.path / "card.md").read_text()


def test_volumes_are_learnt(tmp_path):
    image, labels = squares(side=48)
    model = train(
        np.stack([image] * 8),
        np.stack([labels] * 8),
        model=tmp_path / "m",
        options={**SMALL, "axes": 3, "normalisation": "instance"},
        examples=Examples(patch=16),
        optimisation=Optimisation(epochs=2, steps=10, batch=2, learning_rate=0.01, averaging=0.5),
    )
    rows = losses(model)
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert predict(np.stack([image] * 8), model=str(model.path)).shape == (8, 48, 48)
    with pytest.raises(ValueError, match="works on volumes"):
        predict(image, model=str(model.path))


def test_the_network_of_2015_learns_the_middle_of_what_it_sees(tmp_path):
    image, labels = squares(side=64)
    model = train(
        image,
        labels,
        model=tmp_path / "m",
        network="unet2015",
        options={"width": 1 / 32},
        examples=Examples(patch=20, validation=0),
        optimisation=Optimisation(epochs=1, steps=3, batch=1),
    )
    assert predict(image, model=str(model.path)).shape == (64, 64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": "unett"}, "network is 'unett'; choose one of unet"),
        ({"kind": "thing"}, "kind is 'thing'"),
        ({"targets": "classes"}, "targets is 'classes'; choose one of boundaries, distances"),
        ({"options": {"dept": 2}}, "dept is 2, but U-Net has no such option"),
        ({"device": "cuda:7"}, "device is 'cuda:7', but"),
        ({"rgb": True}, "rgb is True, but the images have 1 channels"),
        ({"model": "a/../b?"}, None),
        ({"kind": "classes", "class_names": ("one",)}, "class_names has 1 texts"),
        ({"transfer": Transfer(weights="nothing there")}, "nothing there"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(tmp_path, example, change, message):
    task = {**QUICK, "model": tmp_path / "m", **change}
    if message is None:
        task["model"] = "a?b"
        message = r"name is 'a\?b'"
    with pytest.raises((ValueError, TypeError, OSError), match=message):
        train(*example, **task)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("shape", "dtype"), [((1, 1, 4, 4), "bfloat16"), ((1, 1, 4, 4, 4), "float32")]
)
def test_planes_are_learnt_in_16_bits_and_volumes_in_32(shape, dtype, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    batch = SimpleNamespace(images=torch.zeros(shape), objects=None)
    found = step_loss(lambda *_: torch.ones(2, 2) @ torch.ones(2, 2), batch, None, mixed=True)
    assert found.dtype == getattr(torch, dtype)
