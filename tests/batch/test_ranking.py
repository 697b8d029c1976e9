from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_tessera import METHODS, Recipe
from napari_tessera.batch.file_results import FileResults
from napari_tessera.batch.ranking import ranked, suspicion_of
from napari_tessera.batch.run_batch import run_batch
from napari_tessera.pipeline.result import ObjectLabels
from napari_tessera.pipeline.source import Source

from .conftest import IMAGES, squares

LABELS = (IMAGES["a"] > 0).astype(np.uint16)


def suspicion(recipe, image, **options):
    source = replace(Source.of(image), **options)
    return suspicion_of(FileResults(source, recipe, [ObjectLabels(LABELS)]))


def test_labels_on_edges_are_less_suspicious_than_others(recipe):
    right, wrong = suspicion(recipe, IMAGES["a"]), suspicion(recipe, squares((14, 5)))
    assert 0 <= right < 0.3 < wrong <= 1


def test_colours_are_judged_by_their_luminance(recipe):
    colours = np.repeat(IMAGES["a"][..., None], 3, axis=-1)
    assert suspicion(recipe, colours, channel_axis=2, rgb=True) == suspicion(recipe, IMAGES["a"])


def test_of_labels_that_were_given_nothing_is_known():
    assert np.isnan(suspicion(Recipe.of(METHODS["expand"], Source.of(LABELS), {}), LABELS))


def test_files_are_judged_by_what_lies_on_the_disk(batch_of, recipe):
    batch = batch_of(recipe)
    outcomes = dict(enumerate(run_batch(batch).files))
    Path("out/c-label.tif").write_text("no labels")
    found = ranked(batch, outcomes)
    source = Source.of(IMAGES["a"])
    expected = suspicion_of(FileResults(source, recipe, [recipe.run(source)]))
    assert found[0] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(found[2])
    no_labels = {0: replace(outcomes[0], outputs={})}
    assert ranked(batch, no_labels) == {}
