"""Which epoch's weights are kept."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_tessera.deep.training.merit import Merit, jackknife_error, without_each
from napari_tessera.deep.training.state import State, restore_state, stored
from napari_tessera.deep.training.validation import ValidationResult

SHARES = arrays(float, st.integers(2, 12), elements=st.floats(0, 1, width=16))


def judged(*scores, loss=0.5):
    """Return what judging gives whose score is the mean over examples."""
    return ValidationResult(loss, float(np.mean(scores)), without_each(np.mean, scores))


def kept_of(results):
    """Return the epochs that are kept, and the state afterwards."""
    network = torch.nn.Conv2d(1, 1, 1)
    state, kept = State(network, network, torch.optim.AdamW(network.parameters())), []
    for epoch, result in enumerate(results, start=1):
        if state.keeps(result.merit(epoch, 0.1)):
            kept.append(epoch)
    return kept, state


@given(SHARES)
def test_the_error_of_a_mean_is_the_usual_one(values):
    error = np.std(values, ddof=1) / np.sqrt(values.size)
    assert jackknife_error(without_each(np.mean, values)) == pytest.approx(error, abs=1e-9)


@given(SHARES, st.floats(0.001, 0.5))
def test_a_difference_that_all_examples_have_is_none_of_chance(values, less):
    better, worse = judged(*values).merit(1, 0.1), judged(*(values - less)).merit(2, 0.1)
    assert better.reaches(worse)
    assert not worse.reaches(better)


def test_of_epochs_that_differ_by_chance_the_last_is_kept():
    kept, state = kept_of(
        [
            judged(0.5, 0.5, 0.5),
            judged(0.9, 0.7, 0.8),  # the best
            judged(0.7, 0.85, 0.8),  # lower by .017, with an error of .1
            judged(0.8, 0.6, 0.7),  # lower by .1 in each
        ]
    )
    assert kept == [1, 2, 3]
    assert state.best.score == pytest.approx(0.8)
    assert state.since == 2


def test_small_steps_down_do_not_add_up():
    """What is compared with is the best epoch, not the one that was kept last."""
    down = [judged(0.8 - 0.01 * step, 0.9 - 0.03 * step, 0.7) for step in range(40)]
    kept, _ = kept_of(down)
    error = jackknife_error(np.subtract(down[0].without, down[kept[-1] - 1].without))
    assert down[kept[-1] - 1].score >= down[0].score - error
    assert kept_of([judged(0.9 - 0.01 * step, 0.8 - 0.01 * step) for step in range(9)])[0] == [1]


def test_one_example_says_nothing_of_chance():
    assert kept_of([judged(0.8), judged(0.79), judged(0.8, loss=0.4)])[0] == [1, 3]


def test_without_examples_the_last_epoch_is_kept():
    assert kept_of([ValidationResult()] * 3)[0] == [1, 2, 3]


def test_the_best_is_put_back_with_the_rest_of_a_state():
    state = kept_of([judged(0.9, 0.7, 0.8)])[1]
    other = kept_of([judged(0.1, 0.2, 0.3)])[1]
    tensors, numbers = stored(state)
    restore_state(other, tensors, numbers)
    assert other.best == state.best
    before = {name: each for name, each in numbers.items() if name != "without"}
    restore_state(other, tensors, before)  # a folder of before
    assert other.best == Merit(state.best.score, state.best.loss)
