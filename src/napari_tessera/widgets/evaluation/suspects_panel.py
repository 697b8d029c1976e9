"""The part of the explorer that needs no truth: objects whose boundaries no edge supports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_tessera.methods.judge.boundary_support import boundary_support
from napari_tessera.pipeline.review.suspects import suspects
from napari_tessera.signature.parameters import parameters
from napari_tessera.signature.words import Array, Over, Table, VoxelSize
from napari_tessera.widgets.evaluation.object_list import ObjectList
from napari_tessera.widgets.forms.fields.choose import layer_field
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.layers.geometry import array, same_grid
from napari_tessera.widgets.layers.to_source import luminance_of
from napari_tessera.widgets.qt.rows import Rows

if TYPE_CHECKING:
    from napari.layers import Labels, Layer

    from napari_tessera.widgets.forms.form import Form


class SuspectSource(NamedTuple):
    """What is judged.

    Attributes
    ----------
    labels : napari.layers.Labels
    over : {"planes", "volume"}
    spacing : VoxelSize
        Of a plane or volume.
    """

    labels: Labels
    over: Over
    spacing: VoxelSize


class SuspectsPanel(QWidget):
    """A list of objects, those first whose boundaries the image supports least.

    Parameters
    ----------
    form : Form
        That it is a part of.
    judged : callable
        Returns what is judged now, or raises `ValueError`.
    """

    def __init__(self, form: Form, judged: Callable[[], SuspectSource]) -> None:
        super().__init__()
        self._judged, self.running = judged, Running(form, "Rank", self._rank)
        self.button, viewer = self.running.button, form.viewer
        asked = next(p for p in parameters(boundary_support) if p.is_image)
        self.image = layer_field(asked, viewer.layers)
        self.coloured, self._colouring = QCheckBox("Colour by suspicion"), Colouring()
        self.coloured.setToolTip("Bright: no edge supports the boundary; dark: it lies on one")
        self.coloured.setEnabled(False)
        self._of: Labels | None = None
        self.objects, rows, column = ObjectList(viewer, form.say), Rows(), QVBoxLayout(self)
        self.button.setToolTip("List the objects, those first whose boundaries lie on no edge")
        column.setContentsMargins(2, 4, 2, 2)
        rows.add("Image", self.image.native)
        rows.fit()
        for widget in (rows, self.button, self.running.bar, self.coloured):
            column.addWidget(widget)
        column.addWidget(self.objects, 1)
        self.coloured.toggled.connect(self._colour)

    def refresh(self) -> None:
        """List the layers anew."""
        self.image.refresh()

    def release(self) -> None:
        """Give the labels back their own colours."""
        self._colouring.take_back()

    def _rank(self) -> None:
        judged, image = self._judged(), self._image()
        same_grid("image", image, judged.labels)
        arrays = array(judged.labels), luminance_of(image)
        self.running.start(
            lambda report: suspects(
                *arrays, over=judged.over, spacing=judged.spacing, report=report
            ),
            title=f"Rank: {judged.labels.name}",
            finished=lambda found: self._finished(judged.labels, *found),
        )

    def _image(self) -> Layer:
        if self.image.value is None:
            raise ValueError("image is missing; open the image that the labels were made of")
        return self.image.value

    def _finished(self, labels: Labels, table: Table, centres: Array) -> None:
        self._of = labels
        self.coloured.setEnabled(True)
        self.objects.fill(table, centres, {"labels": labels})
        self._colour()

    def _colour(self, *_: Any) -> None:
        """Colour the objects that were ranked, or give them back their own colours."""
        table = self.objects.model.table
        if self.coloured.isChecked() and self._of is not None:
            self._colouring.show(self._of, table["index"], table["suspicion"])
        else:
            self._colouring.take_back()


SCALE = "viridis"


class Colouring:
    """Colours a Labels layer by a value of its objects until it is taken back."""

    def __init__(self) -> None:
        self._layer: Labels | None = None
        self._before: Any = None

    def show(self, layer: Labels, ids: Array, values: Array) -> None:
        """Colour objects by their values, 0 dark to 1 bright; of one id, the highest counts.

        Parameters
        ----------
        layer : Labels layer
        ids : ndarray of int, shape (N,)
        values : ndarray of float, shape (N,)
            Objects of NaN, and those that are not among `ids`, are grey.
        """
        from napari.utils.colormaps import DirectLabelColormap, ensure_colormap

        self.take_back()
        known = np.isfinite(values)
        order = np.argsort(values[known], kind="stable")  # the last of one id stays
        colours = ensure_colormap(SCALE).map(values[known][order])
        grey = (0.5, 0.5, 0.5, 1.0)
        found: dict[Any, Any] = dict(zip(ids[known][order].tolist(), colours, strict=True))
        self._layer, self._before = layer, layer.colormap
        layer.colormap = DirectLabelColormap(
            color_dict={None: grey, **found, 0: "transparent"}, background_value=0
        )

    def take_back(self) -> None:
        """Give the layer the colours it had."""
        if self._layer is not None:
            self._layer.colormap = self._before
        self._layer = None
