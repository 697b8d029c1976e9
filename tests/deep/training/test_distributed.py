"""Training in several processes; this file is also what those processes run, see the end."""

import contextlib
import copy
import csv
import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from napari_tessera.deep import devices
from napari_tessera.deep.data.batches import Batch
from napari_tessera.deep.models.library import find_model
from napari_tessera.deep.networks.registry import build
from napari_tessera.deep.settings import NO_AUGMENTATION, Examples, Optimisation
from napari_tessera.deep.training.checkpoints import Checkpoints
from napari_tessera.deep.training.distributed import ALONE, Ranks
from napari_tessera.deep.training.loop import Lesson, fit
from napari_tessera.deep.training.merit import Merit
from napari_tessera.deep.training.objective import Loss
from napari_tessera.deep.training.state import State
from napari_tessera.deep.training.torchrun import joined
from napari_tessera.deep.training.train import train
from napari_tessera.deep.training.validation import ValidationResult
from napari_tessera.signature.progress import Reporter, Stop

CPU = torch.device("cpu")
SETTINGS = Optimisation(
    epochs=3, steps=2, clip=0.2, warm_up=0, schedule="constant", mixed_precision=False
)
SMALL = {"depth": 2, "width": 1 / 8}
TASK = {"options": SMALL, "examples": Examples(patch=32), "augmentation": NO_AUGMENTATION}
EPOCH = {"steps": 2, "batch": 2, "warm_up": 0, "schedule": "constant"}
TWO = Ranks(rank=1, count=2, local=1, beside=2)


def test_one_process_shares_nothing():
    network = nn.Linear(2, 2)
    with joined() as ranks:
        assert ranks is ALONE
    assert ALONE.wrap(network) is network
    assert ALONE.shared(network) is network
    assert ALONE.led(len) is len
    assert ALONE.device("mps") == "mps"
    assert [ALONE.number(step) for step in range(3)] == [0, 1, 2]
    assert not torch.distributed.is_initialized()


def test_processes_take_batches_in_turn():
    taken = [Ranks(rank, 3).number(step) for step in range(4) for rank in range(3)]
    assert taken == [*range(12)]


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_each_process_has_a_card_of_its_own(name, monkeypatch):
    chosen = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert TWO.device(name) == "cuda:1"
    assert chosen == [1]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match="which has 1 CUDA graphics cards; start one process per"):
        TWO.device(name)


def test_devices_without_cards(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert TWO.device("auto") == TWO.device("cpu") == "cpu"
    assert TWO.device("cuda") == "cuda"  # which is then said not to be there
    for name in ("cuda:0", "mps"):
        with pytest.raises(ValueError, match=f"device is '{name}', but 2 processes train"):
            TWO.device(name)


def test_batches_are_not_divided_by_processes_in_step():
    def full(places):
        raise RuntimeError("out of memory")

    with pytest.raises(MemoryError, match=r"cpu has too little memory for 8 .* smaller batch"):
        devices.SplitBatches(CPU, divides=False).run(full, 8)


def one(number, report=None):
    """Return the batch of a number: two patches, each with a bright part."""
    random = np.random.default_rng(number)
    truth = np.zeros((2, 16, 16), np.int64)
    truth[0, :, random.integers(4, 12) :] = 1
    truth[1, random.integers(4, 12) :] = 1
    images = truth[:, None] + random.normal(0, 0.3, (2, 1, 16, 16))
    return Batch(torch.from_numpy(images.astype(np.float32)), torch.from_numpy(truth))


def both(number, report=None):
    """Return what two processes take in a step, as one batch."""
    first, second = one(2 * number), one(2 * number + 1)
    images, targets = (first.images, second.images), (first.targets, second.targets)
    return Batch(torch.cat(images), torch.cat(targets))


def fitted(batches, ranks, report=None):
    """Fit a network without batch normalisation; return it with all that was written and said.

    Its contracting path learns in the first and the third epoch.
    """
    torch.manual_seed(ranks.rank)  # the weights of the first are to count
    network = build("unet", in_channels=1, classes=2, normalisation="none", **SMALL)
    network = ranks.shared(network.to(memory_format=torch.channels_last))
    average = copy.deepcopy(network).eval()
    # the rounding of gradients near 0, another on each processor, is not to be blown up
    optimiser = torch.optim.AdamW(network.parameters(), lr=SETTINGS.learning_rate, eps=1e-3)
    state = State(network, average, optimiser)
    losses, kept, first = [], [], []

    def judge(average, report):
        first.append(next(network.contracting.parameters()).detach().clone())
        return ValidationResult(0.5, 0.1 * state.epoch, image=np.zeros((1, 4, 4)))

    judge.loss = Loss({"cross_entropy": 1})
    checkpoints = Checkpoints(
        lambda row: losses.append(row["loss"]), lambda *_: kept.append(1), lambda state: None
    )
    lesson = Lesson(batches, judge, SETTINGS, lambda epoch: epoch == 1, CPU, seed=0)
    fit(state, lesson, checkpoints, report=Reporter.of(report), ranks=ranks)
    return {
        "weights": network.state_dict(), "average": state.average.state_dict(), "first": first,
        "losses": losses, "kept": kept, "state": (state.epoch, state.best, state.since),
    }  # fmt: skip


def failing(work):
    """Return type and text of the error that `work` raises."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 (it is what is asked for)
        return type(error).__name__, str(error)
    return None


class Partly(nn.Module):
    """A network that leaves out a layer, as some leave out the deepest part of an encoder."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(2, 2, bias=False), nn.Linear(2, 2)

    def forward(self, values):
        return self.used(values)


def gradients_of_a_part(ranks):
    """Return the gradients of three steps in which process 0 sees (1, 0) and process 1 (0, 1)."""
    network = Partly()
    found = []
    for _ in range(2):  # as in two epochs
        wrapped = ranks.wrap(network)
        for _ in range(3):
            network.zero_grad()
            wrapped(torch.eye(2)[ranks.rank][None]).sum().backward()
            found.append(network.used.weight.grad.tolist())
    return found, [each.grad for each in network.unused.parameters()]


def told(ranks):
    """Return what comes of each way in which processes talk."""

    def wrong():
        raise ValueError(f"said by {ranks.rank}")

    def wrong_in_the_second():
        return wrong() if ranks.rank == 1 else "fine"

    def stopping():
        raise Stop

    called = []
    ranks.led(called.append)(1)
    return {
        "told": ranks.told(f"value of {ranks.rank}"),
        "mean": ranks.mean(10 + ranks.rank),
        "together": ranks.together(lambda: ranks.rank),
        "failed in the second": failing(lambda: ranks.together(wrong_in_the_second)),
        "failed in both": failing(lambda: ranks.together(wrong)),
        "called": called,
        "led": ranks.led(lambda: (ranks.rank, "shown"), tell=lambda made: made[0])(),
        "led to an error": failing(ranks.led(wrong)),
        "led to a stop": failing(ranks.led(stopping)),
        "same": failing(lambda: ranks.same("equal", "they differ")),
        "not same": failing(lambda: ranks.same(ranks.rank, "they differ")),
    }


def stopped(ranks):
    """Return how a training ends whose first process is stopped in its third step."""
    steps = []

    def report(progress):
        steps.append(progress)
        if len(steps) == 3:
            raise Stop

    return failing(lambda: fitted(one, ranks, report)), len(steps)


def broken(number, report=None):
    """Return the batch of a number; that of the second process's second step cannot be read."""
    if number == 3:
        raise OSError("the disk is gone")
    return one(number)


def reading_fails(port):
    with joined_at(port) as ranks:
        fitted(broken, ranks)


def resumed(folder):
    """Train two epochs at once, and one after the other."""
    image = np.zeros((64, 64), np.float32)
    image[20:40, 20:40], image[50:60, 5:25] = 1, 0.8
    given = (image, (image > 0).astype(np.uint8))
    two, half = Optimisation(epochs=2, **EPOCH), Optimisation(epochs=1, **EPOCH)
    whole = train(*given, model=folder / "whole", optimisation=two, **TASK)
    train(*given, model=folder / "cut", optimisation=half, **TASK)
    again = train(*given, model=folder / "cut", optimisation=two, resume=True, **TASK)
    return whole.config.weights, again.config.weights, str(again.path)


def command(folder, ranks):
    """Return status and output of a command that cannot do what it is told."""
    from napari_tessera.cli.train import train_command

    file, said = folder / "image.npy", io.StringIO()
    ranks.led(np.save)(file, np.eye(32, dtype=np.uint8))
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        status = train_command(file, file, model=str(folder / "whole"))
    return status, said.getvalue()


def everything(folder, ports):
    """Do everything that two processes are watched at, in one of them."""
    found = {}
    with joined_at(ports[0]) as ranks:
        found["fitted"] = fitted(one, ranks)
        found["part"] = gradients_of_a_part(ranks)
        found["told"] = told(ranks)
        found["stopped"] = stopped(ranks)
        found["resumed"] = resumed(folder)
    with joined_at(ports[1]) as ranks:
        found["command"] = command(folder, ranks)
    # last: it is the end of a process that the others notice
    found["broken"] = failing(lambda: reading_fails(ports[2]))
    return found


def joined_at(port):
    os.environ["MASTER_PORT"] = port
    return joined()


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """Return what happened in each of two processes."""
    folder = tmp_path_factory.mktemp("spread")
    with contextlib.ExitStack() as sockets:
        free = [sockets.enter_context(socket.socket()) for _ in range(3)]
        for each in free:
            each.bind(("localhost", 0))
        ports = [str(each.getsockname()[1]) for each in free]
    common = {
        "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "localhost",
        "MASTER_PORT": "", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    started = [
        subprocess.Popen(
            [sys.executable, __file__, str(folder), *ports],
            env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        said = [each.communicate(timeout=120)[1] for each in started]
    finally:
        for each in started:
            each.kill()
    assert [each.returncode for each in started] == [0, 0], "\n".join(said)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)]


def close(first, second):
    return all(torch.allclose(first[name], second[name], atol=2e-5) for name in first)


def test_two_processes_learn_as_one_that_takes_the_batches_of_both(watched):
    alone = fitted(both, ALONE)
    first, second = (each["fitted"] for each in watched)
    for found in (first, second):
        assert close(found["weights"], alone["weights"])
        assert close(found["average"], alone["average"])
    assert all(
        torch.equal(each, second["weights"][name]) for name, each in first["weights"].items()
    )
    assert first["losses"] == pytest.approx(alone["losses"], abs=1e-5)
    # the batches of one process alone lead elsewhere
    assert not close(fitted(one, ALONE)["weights"], alone["weights"])


def test_the_first_alone_judges_and_writes_and_all_know_of_it(watched):
    first, second = (each["fitted"] for each in watched)
    assert len(first["losses"]) == len(first["kept"]) == len(first["first"]) == 3
    assert second["losses"] == second["kept"] == second["first"] == []
    assert first["state"] == second["state"] == (3, Merit(0.2, 0.5), 0)


def test_what_is_frozen_may_change_from_epoch_to_epoch(watched):
    learnt, kept, learnt_again = watched[0]["fitted"]["first"]
    assert torch.equal(learnt, kept)
    assert not torch.equal(kept, learnt_again)


def test_gradients_are_means_and_layers_left_out_have_none(watched):
    for each in watched:
        found, unused = each["part"]
        assert found == [[[0.5, 0.5], [0.5, 0.5]]] * 6
        assert unused == [None, None]


def test_what_processes_tell_one_another(watched):
    first, second = (each["told"] for each in watched)

    def ended(rank, reason):
        return "EndedElsewhere", f"process {rank} has ended the training: {reason}"

    assert first == {
        "told": "value of 0",
        "mean": 10.5,
        "together": 0,
        "failed in the second": ended(1, "said by 1"),
        "failed in both": ("ValueError", "said by 0"),
        "called": [1],
        "led": (0, "shown"),
        "led to an error": ("ValueError", "said by 0"),
        "led to a stop": ("Stop", ""),
        "same": None,
        "not same": ("ValueError", "they differ"),
    }
    assert second == {
        "told": "value of 0",
        "mean": 10.5,
        "together": 1,
        "failed in the second": ("ValueError", "said by 1"),
        "failed in both": ended(0, "said by 0"),
        "called": [],
        "led": 0,
        "led to an error": ended(0, "said by 0"),
        "led to a stop": ("Stop", ""),
        "same": None,
        "not same": ended(0, "they differ"),
    }


def test_all_stop_with_the_first(watched):
    assert [each["stopped"] for each in watched] == [(("Stop", ""), 3), (("Stop", ""), 0)]


def test_a_process_that_fails_ends_the_others(watched):
    first, second = (each["broken"] for each in watched)
    assert second == ("OSError", "the disk is gone")
    assert first == ("EndedElsewhere", "another process has ended, and with it the training")


def test_an_interrupted_training_goes_on_as_if_nothing_had_been(watched):
    for each in watched:
        whole, again, path = each["resumed"]
        assert whole == again
        assert Path(path).name == "cut"


def test_a_mistake_is_said_once(watched):
    (status, said), quiet = (each["command"] for each in watched)
    assert said.startswith("train: model is ")
    assert said.endswith("which is there already; choose another name, or resume its training\n")
    assert said.count("\n") == 1
    assert quiet == (2, "")
    assert status == 2


def test_torchrun_trains_a_model(tmp_path):
    import imageio.v3 as imageio

    from ...conftest import squares

    for number in range(2):
        for folder, array in zip(("images", "labels"), squares(seed=number), strict=True):
            (tmp_path / folder).mkdir(exist_ok=True)
            imageio.imwrite(tmp_path / folder / f"{number}.png", array)
    words = "torch.distributed.run --standalone --nproc-per-node 2 -m napari_tessera train images"
    words += " labels --model ./made --device cpu --examples.patch 32 --optimisation.epochs 3"
    words += " --optimisation.steps 8 --optimisation.batch 2 --optimisation.learning-rate 0.01"
    done = subprocess.run(
        [sys.executable, "-m", *words.split(), "--options", '{"depth": 2, "width": 0.125}'],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = tmp_path / "made"
    assert sorted(each.name for each in made.iterdir()) == [
        "card.md", "config.json", "losses.csv", "replay.npz", "resume.safetensors",
        "validation.npz", "weights.safetensors",
    ]  # fmt: skip
    with (made / "losses.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 3
    assert losses[-1] < 0.8 * losses[0]
    assert done.stdout.count("made") == 1
    for sentence in ("Validation on 1 of 2 images.", "epoch 1: ", "epoch 3: "):
        assert done.stderr.count(sentence) == 1
    find_model(made).load_network()


if __name__ == "__main__":
    made = everything(Path(sys.argv[1]), sys.argv[2:])
    torch.save(made, Path(sys.argv[1]) / f"{os.environ['RANK']}.pt")
