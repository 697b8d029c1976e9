from qtpy.QtTest import QTest

from napari_tessera.widgets.forms import preview as module
from napari_tessera.widgets.forms.preview_boxes import PreviewBoxes

from ..conftest import wait


def test_live_brings_the_preview_and_goes_with_it(viewer, coins, form_of):
    previewing = form_of("threshold").previewing
    assert isinstance(previewing, PreviewBoxes)
    previewing.live.click()
    assert previewing.box.isChecked()
    assert previewing.preview.live
    wait(lambda: previewing.preview.layer is not None)
    previewing.box.click()
    assert not previewing.live.isChecked()
    assert previewing.preview.layer is None


def test_what_is_painted_is_heard_only_while_there_is_a_preview(
    viewer, coins, form_of, monkeypatch
):
    mask = viewer.add_labels((coins.data > 0).astype(int), scale=coins.scale, translate=(3, 4))
    form = form_of("threshold")
    form.source.value, form.fields["mask"].value = coins, mask
    asked = []
    monkeypatch.setattr(form.preview, "request", lambda: asked.append(1))
    mask.events.paint(value=[])
    assert asked == []
    form.previewing.box.click()
    before = len(asked)
    mask.events.paint(value=[])
    assert len(asked) == before + 1
    form.previewing.box.click()
    mask.events.paint(value=[])
    QTest.qWait(2 * module.PAUSE_MS)
    assert len(asked) == before + 1
