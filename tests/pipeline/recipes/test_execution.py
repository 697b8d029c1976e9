"""What steps gave is used again where nothing before them has changed."""

import time
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tessera import Recipe, StepResult, step
from napari_tessera.pipeline.recipes.execution import (
    KeptSteps,
    RecipeRun,
    StepOutcome,
    StepTools,
    array_key,
    image_key,
    step_key,
)
from napari_tessera.pipeline.result import ObjectLabels
from napari_tessera.pipeline.run import run as run_method
from napari_tessera.pipeline.source import Points, Region, Source
from napari_tessera.pipeline.walk import Walk
from napari_tessera.signature.progress import Reporter, Stop

from ...conftest import TORCH, squares, tiny_model

IMAGE = np.zeros((24, 30), np.uint8)
IMAGE[2:8, 3:9], IMAGE[12:18, 18:24], IMAGE[20:22, 2:4] = 120, 160, 200


def chain():
    return Recipe.chain(
        step("threshold", method="manual", levels=(50.0,)),
        step("label"),
        step("filter_objects", min_diameter="3 px"),
        step("measure", image="image"),
    )


def run(recipe, image=IMAGE, kept=None, arrays=None):
    source = image if isinstance(image, Source) else Source.of(image)
    steps = recipe.steps
    tools = StepTools(kept=kept)
    own = RecipeRun(steps, source, arrays or [{}] * len(steps), tools)
    return list(own.outcomes(Reporter()))


def fresh(recipe, *args, **options):
    return [new for _, new in run(recipe, *args, **options)]


def test_a_run_begins_at_the_step_that_has_changed():
    kept = KeptSteps(10_000_000)
    assert fresh(chain(), kept=kept) == [True] * 4
    assert fresh(chain(), kept=kept) == [False] * 4
    other = chain().with_parameters(2, min_diameter="7 px")
    assert fresh(other, kept=kept) == [False, False, True, True]
    assert fresh(chain(), kept=kept) == [False] * 4
    traced = chain().with_step(step("contours", trace="outlines"), at=3)
    assert fresh(traced, kept=kept) == [False, False, False, True, False]
    assert fresh(chain(), IMAGE + 1, kept=kept) == [True] * 4
    kept.clear()
    assert fresh(chain(), kept=kept) == [True] * 4


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([40.0, 130.0, 170.0]), st.sampled_from(["1 px", "5 px"])),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_kept_is_what_a_whole_run_gives(edits):
    kept = KeptSteps(10_000_000)
    for level, size in edits:
        own = chain().with_parameters(0, levels=[level]).with_parameters(2, min_diameter=size)
        expected = own.run_steps(IMAGE)
        for (found, _), wanted in zip(run(own, kept=kept), expected, strict=True):
            np.testing.assert_array_equal(found.result.array, wanted.array)
            assert found.result.counted() == wanted.counted()
            assert found.result.start == wanted.start


def test_no_more_is_kept_than_is_allowed():
    kept = KeptSteps(IMAGE.size * 2)
    run(chain(), kept=kept)
    assert fresh(chain(), kept=kept)[0]


def test_a_stop_keeps_the_steps_that_are_done():
    kept, recipe = KeptSteps(10_000_000), chain()

    def report(progress):
        if progress.done > 0.5:
            raise Stop

    source = Source.of(IMAGE)
    own = RecipeRun(recipe.steps, source, [{}] * 4, StepTools(kept=kept))
    with pytest.raises(Stop):
        list(own.outcomes(Reporter(report)))
    found = fresh(recipe, kept=kept)
    assert not found[0]
    assert found[3]


def test_each_step_has_arrays_of_its_own():
    left, right = np.zeros((2, *IMAGE.shape), bool)
    left[:, :15], right[:, 15:] = True, True
    recipe = Recipe.chain(step("top_hat", radius="9 px"), step("threshold", mask="here"))
    found = run(recipe, arrays=[{}, {"mask": left}])[1][0].result
    assert found.array[:, 15:].max() == 0
    assert found.array[:, :15].max() == 1
    kept = KeptSteps(10_000_000)
    assert fresh(recipe, kept=kept, arrays=[{}, {"mask": left}]) == [True, True]
    assert fresh(recipe, kept=kept, arrays=[{}, {"mask": right}]) == [False, True]
    assert fresh(recipe, kept=kept, arrays=[{}, {"mask": left.copy()}]) == [False, False]


def test_arrays_are_cut_to_the_region_of_a_step_before():
    part = Region((10, 15), (24, 30))
    first = step("threshold", Walk(region=part), method="manual", levels=(50.0,))
    other = np.arange(IMAGE.size, dtype=np.uint16).reshape(IMAGE.shape)
    recipe = Recipe.chain(first, step("label"), step("measure", image="other"))
    for images in (other, Source.of(other)):
        table = recipe.run(IMAGE, image=images).table
        assert table["mean"].tolist() == [other[12:18, 18:24].mean()]
    own = Recipe.chain(first, step("label"), step("measure", image="image"))
    assert own.run(IMAGE).table["mean"].tolist() == [160]
    assert own.run_steps(IMAGE)[1].start == (10, 15)


def test_seconds_and_bytes_are_told():
    began = time.perf_counter()
    outcomes = [outcome for outcome, _ in run(chain())]
    assert 0 < sum(each.seconds for each in outcomes) < time.perf_counter() - began
    assert outcomes[0].nbytes == IMAGE.size
    table = {"index": np.arange(3)}
    assert StepOutcome(ObjectLabels(np.zeros(5, np.uint8), table=table), 0).nbytes == 5 + 24


def test_arrays_are_known_by_what_they_hold():
    a = np.arange(6).reshape(2, 3)
    assert array_key(a) == array_key(a.copy()) == array_key(np.asfortranarray(a))
    others = [a.T, a.astype(np.int32), a + 1, a.ravel()]
    assert array_key(a) not in map(array_key, others)
    lazy = object()
    assert array_key(lazy) == array_key(lazy) != array_key(object())
    points = Points(np.array([[1.0, 2.0]]))
    assert array_key(points) == array_key(Points(np.array([[1.0, 2.0]])))
    assert array_key(points) != array_key(Points(np.array([[1.0, 2.0]]), np.array([1])))
    assert image_key(Source.of(a)) != image_key(Source.of(a, spacing=(1, 2)))
    assert array_key(Source.of(a)) == image_key(Source.of(a))


def test_steps_are_known_by_what_they_do():
    own = step("threshold")
    key = step_key(1, own, {})
    assert key == step_key(1, step("threshold"), {})
    assert key != step_key(2, own, {})
    assert key != step_key(1, own.with_parameters(classes=3), {})
    assert key != step_key(1, own, {"mask": np.ones((2, 2), bool)})


def test_a_step_is_run_again_when_what_it_takes_beside_has_changed():
    kept = KeptSteps(10_000_000)
    masked = Recipe.chain(
        step("threshold", method="manual", levels=(50.0,)),
        step("threshold", image="image", mask=StepResult(0), method="manual", levels=(130.0,)),
        step("measure", labels=StepResult(0)),
    )
    assert fresh(masked, kept=kept) == [True] * 3
    assert fresh(masked, kept=kept) == [False] * 3
    assert fresh(masked.with_parameters(1, levels=[150.0]), kept=kept) == [False, True, False]
    assert fresh(masked.with_parameters(0, levels=[60.0]), kept=kept) == [True] * 3


def test_what_later_steps_name_is_let_go_after_the_last_of_them():
    masked = Recipe.chain(
        step("threshold", method="manual", levels=(50.0,)),
        step("threshold", image="image", mask=StepResult(0), method="manual", levels=(130.0,)),
        step("label"),
    )
    arrays, alive = [], []
    steps = RecipeRun(masked.steps, Source.of(IMAGE), [{}] * 3)
    for outcome, _ in steps.outcomes(Reporter()):
        arrays.append(weakref.ref(outcome.result.array))
        del outcome
        alive.append([each() is not None for each in arrays])
    assert [each[0] for each in alive] == [True, True, False]


@pytest.mark.skipif(not TORCH, reason="it needs torch")
@pytest.mark.parametrize("part", [None, Region((0, 4), (64, 60))])
def test_probabilities_are_taken_by_a_later_step(part):
    image, _ = squares()
    name = tiny_model(kind="classes")
    refined = Recipe.chain(
        step("scores", model=name),
        step("threshold", Walk(region=part), image="image"),
        step("crf", image="image", scores=StepResult(0)),
    )
    scores, classes, found = refined.run_steps(image)
    box = (slice(None), slice(None)) if part is None else part.box
    given = {"image": Source.of(image[box]), "scores": scores.array[:, *box]}
    expected = run_method("crf", Source.of(classes.array), given)
    np.testing.assert_array_equal(found.array, expected.array)
