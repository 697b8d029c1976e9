"""The button that writes a report on what was compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QPushButton

from napari_tessera.metrics.report import report_html
from napari_tessera.signature.progress import Reporter
from napari_tessera.widgets.forms.tables import ask_file
from napari_tessera.widgets.job import Job
from napari_tessera.widgets.layers.features import recipe_of
from napari_tessera.widgets.layers.geometry import array, same_grid
from napari_tessera.widgets.layers.to_source import luminance_of

if TYPE_CHECKING:
    from pathlib import Path

    import napari.viewer
    from napari.layers import Image

    from napari_tessera.widgets.evaluation.strata_panel import Compared


class ReportButton(QPushButton):
    """A button that asks for a file and writes the report in a thread; meanwhile it says Stop.

    Parameters
    ----------
    viewer : napari.Viewer
        Its dims say which plane is pictured.
    image : callable
        Returns the Image layer to show under the errors, or None.
    say : callable
        Takes what went wrong, in words.
    """

    def __init__(
        self,
        viewer: napari.viewer.Viewer,
        image: Callable[[], Image | None],
        say: Callable[[str], None],
    ) -> None:
        super().__init__("Report")
        self.setToolTip("Write figures, plots and a picture of the errors as one HTML file")
        self.setEnabled(False)
        self.job: Job | None = None
        self._viewer, self._image, self._say = viewer, image, say
        self._compared: Compared | None = None
        self.clicked.connect(self._write_or_stop)

    def compare(self, compared: Compared) -> None:
        """Report on this from now on."""
        self._compared = compared
        self.setEnabled(True)

    def release(self) -> None:
        """Stop; nothing is written."""
        if self.job is not None:
            self.job.stop()
            self.job = None

    def _write_or_stop(self) -> None:
        if self.job is not None:
            self.release()
            self.setText("Report")
        elif self._compared is not None:
            path = ask_file(self, "Save report", "report.html", "*.html")
            if path is not None:
                self._write(self._compared, path)

    def _write(self, compared: Compared, path: Path) -> None:
        prediction, truth = compared.prediction, compared.truth
        image, recipe = self._fitting(compared), recipe_of(prediction)
        chosen = {"prediction": prediction, "truth": truth, "image": image}
        work = partial(
            report_html,
            array(truth),
            array(prediction),
            None if image is None else luminance_of(image),
            **compared.options,
            scores=compared.scores,
            plane=_plane(self._viewer, compared),
            names={kind: layer.name for kind, layer in chosen.items() if layer is not None},
            title=f"Report: {prediction.name}",
        )

        def write(report: Reporter) -> None:
            text = None if recipe is None else recipe.as_python("file")
            path.write_text(work(recipe=text, report=report), encoding="utf-8")

        self.setText("Stop")
        self.job = Job(
            write,
            title=f"Report: {prediction.name}",
            finished=lambda _: self._ended(""),
            failed=lambda error: self._ended(str(error)),
        )
        self.job.start()

    def _fitting(self, compared: Compared) -> Image | None:
        """Return the image if it lies on the grid of the labels; the report can do without."""
        image = self._image()
        if image is None:
            return None
        try:
            same_grid("image", image, compared.prediction)
        except ValueError:
            return None
        return image

    def _ended(self, wrong: str) -> None:
        self.job = None
        self.setText("Report")
        if wrong:
            self._say(wrong)
        else:
            show_info("The report is written.")


def _plane(viewer: napari.viewer.Viewer, compared: Compared) -> tuple[int, ...]:
    """Return the plane of the labels at which the viewer's sliders stand."""
    layer = compared.prediction
    place = layer.world_to_data(viewer.dims.point[-layer.ndim :])[:-2]
    shape = layer.data.shape[:-2]
    return tuple(
        int(min(max(round(float(each)), 0), size - 1))
        for each, size in zip(place, shape, strict=True)
    )
