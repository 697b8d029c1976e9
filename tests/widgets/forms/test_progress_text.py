import pytest
from qtpy.QtWidgets import QProgressBar

from napari_tessera.widgets.forms.progress_text import progress_text


@pytest.mark.parametrize(
    ("left", "shown"), [(None, "40 %"), (0.214, "40 %   0.21 s left"), (600, "40 %   10 min left")]
)
def test_the_bar_says_how_much_is_done_and_how_long_it_takes(qapp, left, shown):
    bar = QProgressBar()
    bar.setValue(40)
    bar.setFormat(progress_text(left))
    assert bar.text() == shown
