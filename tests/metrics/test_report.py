"""The report: one page whose figures are those of `score`."""

import base64
import io
from html.parser import HTMLParser

import imageio.v3 as imageio
import numpy as np
import pytest

from napari_tessera import score, strata
from napari_tessera.metrics.report import FIGURES, report_html
from napari_tessera.signature.words import VoxelSize

TRUTH, FOUND = np.zeros((2, 12, 20), int), np.zeros((2, 12, 20), int)
TRUTH[0, 2:6, 2:6] = FOUND[0, 2:6, 2:6] = 1
TRUTH[1, 2:8, 10:18], FOUND[1, 2:8, 10:14], FOUND[1, 2:8, 14:18] = 2, 7, 8
TRUTH[1, 9:11, 1:4] = 3


class Page(HTMLParser):
    """The rows of tables, the sources and all tags of a page."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.sources, self.tags, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        self.text += data
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def test_figures_are_those_of_score():
    options = {"over": "planes", "iou": 0.6, "spacing": VoxelSize((0.5, 0.5), "um")}
    page, scores = Page(report_html(TRUTH, FOUND, **options)), score(TRUTH, FOUND, **options)
    told = {row[0]: row[1] for row in page.rows}
    for name, (words, _) in FIGURES.items():
        unit = " (um)" if f"{words} (um)" in told else ""
        assert float(told[words + unit]) == pytest.approx(getattr(scores, name), rel=1e-3)
    assert told["Objects are in"] == "planes"
    assert float(told["AP at 0.75"]) == pytest.approx(scores.average_precision[0.75], rel=1e-3)
    kinds = {row[0]: row[1:3] for row in page.rows if row[0] in ("right", "split", "missed")}
    assert kinds == {"right": ["1", "1"], "split": ["1", "2"], "missed": ["1", "0"]}


def test_groups_are_those_of_strata():
    image = np.arange(TRUTH[1].size).reshape(TRUTH[1].shape)
    page = Page(report_html(TRUTH[1], FOUND[1], image))
    for by in ("size", "brightness", "crowding", "border"):
        table = strata(TRUTH[1], FOUND[1], image, by=by)
        row = [table[name][0] for name in ("from", "to", "objects", "recall")]
        assert any(
            told[:4]
            == [f"{value:.4g}" if isinstance(value, float) else str(value) for value in row]
            for told in page.rows
        )


def test_nothing_is_fetched_and_nothing_is_run():
    page = Page(report_html(TRUTH, FOUND, recipe="viewer.add_labels(1)"))
    assert len(page.sources) == 5
    assert all(source.startswith("data:image/") for source in page.sources)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "viewer.add_labels(1)" in page.text


def test_names_are_escaped():
    names = {"prediction": "<b>bold</b>", "truth": '"&'}
    text = report_html(TRUTH, FOUND, names=names, title="<i>", recipe="a < b")
    page = Page(text)
    assert not {"b", "i"} & set(page.tags)
    told = {row[0]: row[1] for row in page.rows}
    assert (told["Prediction"], told["Truth"]) == ("<b>bold</b>", '"&')
    assert "a < b" in page.text


@pytest.mark.parametrize("over", ["planes", "volume"])
def test_the_picture_is_the_plane_that_was_asked_for(over):
    page = Page(report_html(TRUTH, FOUND, over=over, plane=(1,)))
    (png,) = [source for source in page.sources if source.startswith("data:image/png")]
    picture = imageio.imread(io.BytesIO(base64.b64decode(png.partition(",")[2])))
    assert picture.shape == (12, 20, 3)
    assert picture[0, 0].tolist() == [0, 0, 0]
    assert picture[9, 1].tolist() == [0xD5, 0x5E, 0x00]  # missed
    assert picture[2, 10].tolist() == [0x56, 0xB4, 0xE9]  # split
    assert "Plane 1, from 0." in page.text


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"image has shape \(3, 3\) but truth has \(2, 12, 20\)"):
        report_html(TRUTH, FOUND, np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"plane is \(5,\), but the axes before the last two"):
        report_html(TRUTH, FOUND, plane=(5,))


def test_empty_labels_and_flat_or_broken_images_make_a_page():
    nothing = np.zeros((4, 5), int)
    page = Page(report_html(nothing, nothing, np.full((4, 5), np.nan)))
    told = {row[0]: row[1:3] for row in page.rows}
    assert (told["True objects"][0], told["Predicted objects"][0]) == ("0", "0")
    assert all(told[kind] == ["0", "0"] for kind in ("right", "missed", "spurious", "split"))
    assert (told["Precision"][0], told["Mean surface distance (pixel)"][0]) == ("1", "0")
    assert "nan" not in page.text
