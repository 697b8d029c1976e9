from pathlib import Path

import pytest

from napari_tessera import METHODS, Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.progress import Progress, Reporter, Stop
from napari_tessera.widgets.batch.asked import (
    BatchAsked,
    BatchThread,
    Existing,
    named_images,
    usual_folder,
)

from .conftest import IMAGES


@pytest.fixture
def asked(folder):
    recipe, places = Recipe.load("r.json"), (folder / "images", "[ab].tif", ["labels"])
    return BatchAsked(recipe, *places, folder / "out.d", existing=Existing(again=True))


def test_what_is_asked_for_becomes_a_batch(asked, folder):
    batch = asked.batch()
    assert [each.path.name for each in batch.destinations] == ["a.tif", "b.tif"]
    assert batch.folder == folder / "out.d"  # a folder, whatever it is called
    assert (batch.again, batch.overwrite) == (True, False)
    same, plan = asked.plan(Reporter())
    assert same == batch
    assert len(plan.files) == 2


def test_a_thread_tells_what_it_has_done(asked):
    thread = BatchThread(asked)
    summary = thread.work(Reporter())
    assert thread.has_ended(0)
    told = thread.news()
    assert [number for number, _ in told] == [0, 0, 1, 1]
    assert told[1][1] == summary.files[0]
    assert thread.news() == []


def test_a_thread_waits_for_the_one_before_and_can_be_stopped_meanwhile(asked):
    first, heard = BatchThread(asked), []

    def report(progress):
        heard.append(progress)
        raise Stop

    with pytest.raises(Stop):
        BatchThread(asked, first).work(Reporter(report))
    assert heard == [Progress(0, 1)]
    first.work(Reporter())
    assert len(BatchThread(asked, first).work(Reporter()).files) == 2


def test_an_image_that_all_began_with_is_not_asked_for():
    image, other = (Source.of(IMAGES["a"], name=name) for name in ("a.tif", "b.tif"))
    first = Recipe.of(METHODS["label"], image, {})
    chain = Recipe.of(METHODS["measure"], image, {"image": image}, before=first.to_dict())
    assert named_images(chain) == []
    chain = Recipe.of(METHODS["measure"], image, {"image": other}, before=first.to_dict())
    assert named_images(chain) == ["image"]
    assert usual_folder(Path("a/images.d"), first) == Path("a/images.d-label")
