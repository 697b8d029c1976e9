import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from napari.components import ViewerModel
from qtpy.QtWidgets import QFileDialog

from napari_tessera.metrics.plots import PAPER
from napari_tessera.widgets.forms import plot as module
from napari_tessera.widgets.forms.plot import Plot, colours_of, write_plot


def paint(figure, colours):
    figure.text(0.5, 0.5, "drawn", color=colours.text)


@pytest.fixture
def plot(qapp):
    own = Plot(ViewerModel())
    yield own
    own.release()


def test_what_is_drawn_follows_the_theme(plot):
    plot.draw(paint)
    viewer = plot._viewer
    for theme in ("light", "dark"):
        viewer.theme = theme
        colours = colours_of(viewer)
        assert to_hex(plot.figure.get_facecolor()) == colours.background
        (text,) = plot.figure.texts
        assert (text.get_text(), to_hex(text.get_color())) == ("drawn", colours.text)
    plot.draw(None)
    assert not plot.drawn
    assert plot.figure.texts == []


def test_it_is_saved_where_the_dialog_says_as_for_print(plot, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "show_info", lambda text: None)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "p"), ""))
    plot.save()
    assert list(tmp_path.iterdir()) == []  # nothing is drawn yet
    seen = []
    plot.draw(lambda figure, colours: seen.append(colours))
    plot.save()
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert seen[-1] == PAPER


@pytest.mark.parametrize(("ending", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_ending_says_what_is_written(tmp_path, ending, start):
    write_plot(tmp_path / f"p.{ending}", paint)
    assert (tmp_path / f"p.{ending}").read_bytes().startswith(start)


def test_what_was_released_hears_no_more(qapp):
    viewer, drawn = ViewerModel(), []
    own = Plot(viewer)
    own.draw(lambda figure, colours: drawn.append(figure))
    own.release()
    viewer.theme = "light"
    assert len(drawn) == 1
    assert isinstance(drawn[0], Figure)
