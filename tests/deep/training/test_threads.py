import pytest

from napari_tessera.deep.training.threads import TRIES, ThreadTrial


def tried(most, took):
    """Return a trial that is over; the first step with each number takes long."""
    trial, steps = ThreadTrial(most), []
    while not trial.over:
        first = trial.number not in steps
        steps.append(trial.number)
        trial.took(99.0 if first else took[trial.number])
    return trial, steps


@pytest.mark.parametrize(
    ("most", "took", "chosen"),
    [
        (2, {1: 1.0, 2: 0.6}, 2),
        (2, {1: 1.0, 2: 0.95}, 1),  # hardly faster: the other core is for others
        (2, {1: 1.0, 2: 4.0}, 1),
        (6, {1: 1.0, 2: 0.6, 4: 0.4, 6: 0.38}, 4),
        (8, {1: 1.0, 2: 1.3, 4: 0.4, 8: 0.3}, 8),  # one that was held up does not end it
    ],
)
def test_the_fewest_threads_that_are_nearly_fastest_are_taken(most, took, chosen):
    trial, _ = tried(most, took)
    assert trial.number == chosen


def test_numbers_are_tried_until_two_are_no_faster():
    took = {1: 1.0, 2: 0.5, 4: 0.6, 8: 0.7}
    trial, steps = tried(64, took)
    assert steps == [each for each in (1, 2, 4, 8) for _ in range(TRIES)]
    assert str(trial) == (
        "Trains on 2 threads: a step takes 1 s on 1, 0.5 s on 2, 0.6 s on 4, 0.7 s on 8."
    )


def test_short_trainings_and_single_cores_try_nothing():
    assert ThreadTrial(6).numbers == [1, 2, 4, 6]
    assert not ThreadTrial(1).pays(10**6)
    assert not ThreadTrial(2).pays(159)
    assert ThreadTrial(2).pays(160)
