"""The button that writes a report on what was compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info

from napari_tessera.algorithms.atomic_files import atomic_write
from napari_tessera.metrics.report import report_html
from napari_tessera.signature.progress import Reporter
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.forms.tables import ask_file
from napari_tessera.widgets.layers.features import recipe_of
from napari_tessera.widgets.layers.geometry import array, pixel_at, same_grid
from napari_tessera.widgets.layers.to_source import luminance_of

if TYPE_CHECKING:
    from pathlib import Path

    import napari.viewer
    from napari.layers import Image

    from napari_tessera.widgets.evaluation.strata_panel import Compared
    from napari_tessera.widgets.forms.form import Form


class ReportButton(Running):
    """A button that asks for a file and writes the report in a thread; meanwhile it says Stop.

    Parameters
    ----------
    form : Form
        In whose viewer the sliders say which plane is pictured.
    image : callable
        Returns the Image layer to show under the errors, or None.
    """

    def __init__(self, form: Form, image: Callable[[], Image | None]) -> None:
        super().__init__(form, "Report", self._ask)
        self.button.setToolTip("Write figures, plots and a picture of the errors as one HTML file")
        self.button.setEnabled(False)
        self._image = image
        self._compared: Compared | None = None

    def compare(self, compared: Compared) -> None:
        """Report on this from now on."""
        self._compared = compared
        self.button.setEnabled(True)

    def _ask(self) -> None:
        if self._compared is not None:
            path = ask_file(self._form, "Save report", "report.html", "*.html")
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
            plane=_plane(self._form.viewer, compared),
            names={kind: layer.name for kind, layer in chosen.items() if layer is not None},
            title=f"Report: {prediction.name}",
        )

        def write(report: Reporter) -> None:
            text = None if recipe is None else recipe.as_python("file")
            page = work(recipe=text, report=report)
            with atomic_write(path, overwrite=True) as fresh:  # the dialog has asked
                fresh.write_text(page, encoding="utf-8")

        self.start(
            write,
            title=f"Report: {prediction.name}",
            finished=lambda _: show_info("The report is written."),
        )

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


def _plane(viewer: napari.viewer.Viewer, compared: Compared) -> tuple[int, ...]:
    """Return the plane of the labels at which the viewer's sliders stand."""
    layer = compared.prediction
    place = pixel_at(viewer, layer, viewer.dims.point)[:-2]
    shape = layer.data.shape[:-2]
    return tuple(
        int(min(max(round(float(each)), 0), size - 1))
        for each, size in zip(place, shape, strict=True)
    )
