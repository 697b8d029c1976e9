import copy
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_tessera.deep import devices
from napari_tessera.deep.data.batches import Batch
from napari_tessera.deep.networks.registry import build
from napari_tessera.deep.settings import Optimisation
from napari_tessera.deep.training import stepping, threads
from napari_tessera.deep.training.distributed import ALONE
from napari_tessera.deep.training.loop import Lesson
from napari_tessera.deep.training.objective import Loss
from napari_tessera.deep.training.state import State
from napari_tessera.deep.training.stepping import Stepping
from napari_tessera.signature.progress import Reporter, Stop

CPU = torch.device("cpu")


@pytest.fixture
def ready():
    """Return a function that makes a state, what takes its steps, and a batch."""

    def made(**settings):
        network = build("unet", in_channels=1, classes=2, depth=2, width=1 / 8)
        optimiser = torch.optim.AdamW(network.parameters())
        state = State(network, copy.deepcopy(network), optimiser)
        judge = SimpleNamespace(loss=Loss({"cross_entropy": 1}))
        lesson = Lesson(None, judge, Optimisation(**settings), lambda _: False, CPU, 0)
        random = np.random.default_rng(0)
        images = torch.from_numpy(random.normal(size=(2, 1, 16, 16)).astype(np.float32))
        return state, Stepping(state, lesson, ALONE), Batch(images, (images[:, 0] > 0).long())

    return made


def test_a_step_can_be_stopped_anywhere_and_leaves_the_weights(ready, monkeypatch):
    monkeypatch.setattr(stepping, "PAUSE", -1.0)
    state, steps, batch = ready()
    before = {name: each.clone() for name, each in state.network.named_parameters()}
    asked = []
    steps.step(steps.begin_epoch(), batch, Reporter(asked.append))
    # before every layer, and after every gradient
    assert len(asked) > len(before) + 5
    state.network.load_state_dict(before, strict=False)
    for moment in (0, len(asked) // 3, len(asked) - 1):
        left = iter(range(moment))

        def stop(_, left=left):
            if next(left, None) is None:
                raise Stop

        with pytest.raises(Stop):
            steps.step(steps.begin_epoch(), batch, Reporter(stop))
        for name, each in state.network.named_parameters():
            torch.testing.assert_close(each, before[name], rtol=0, atol=0)
    steps.step(steps.begin_epoch(), batch, Reporter())  # and goes on


def test_it_is_not_asked_all_the_time(ready):
    _, steps, batch = ready()
    asked = []
    steps.step(steps.begin_epoch(), batch, Reporter(asked.append))
    assert len(asked) < 100


def test_a_step_takes_the_threads_that_were_asked_for(ready, monkeypatch):
    state, steps, batch = ready(threads=3)
    monkeypatch.setattr(stepping, "PAUSE", -1.0)
    seen, before = set(), torch.get_num_threads()
    report = Reporter(lambda _: seen.add(torch.get_num_threads()))
    with devices.threads():
        steps.step(steps.begin_epoch(), batch, report)
    assert seen == {3}
    assert (state.threads, torch.get_num_threads()) == (3, before)
    assert steps.settled() == {}


def test_threads_are_found_by_the_first_steps(ready):
    # in a thread of its own: other tests keep their number
    def train():
        with devices.threads(2):
            state, steps, batch = ready(epochs=4, steps=40)
            said = []
            for _ in range(10):
                steps.step(steps.begin_epoch(), batch, Reporter())
                said.append(steps.settled())
        found.append((state.threads, said))

    found = []
    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    ((chosen, said),) = found
    assert chosen in (1, 2)
    last = 2 * threads.TRIES - 1
    assert [each != {} for each in said] == [number == last for number in range(10)]
    assert said[last]["note"].startswith(f"Trains on {chosen} thread")
