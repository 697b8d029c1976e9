"""The form that compares labels with a truth, lists what is wrong and flies there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from qtpy.QtWidgets import QPushButton, QTabWidget, QVBoxLayout, QWidget

from napari_tessera.methods.registry import METHODS
from napari_tessera.metrics.error_list import listing
from napari_tessera.metrics.figures import Scores
from napari_tessera.metrics.score import score
from napari_tessera.signature.parameters import parameters
from napari_tessera.signature.words import AXES, Array, Over, Table
from napari_tessera.widgets.connections import Connections
from napari_tessera.widgets.evaluation.object_list import ObjectList
from napari_tessera.widgets.evaluation.report_button import ReportButton
from napari_tessera.widgets.evaluation.strata_panel import Compared, StrataPanel
from napari_tessera.widgets.evaluation.suspects_panel import SuspectSource, SuspectsPanel
from napari_tessera.widgets.forms.fields.choose import field_for, layer_field
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.forms.tables import save_table
from napari_tessera.widgets.layers.geometry import array, same_grid, usual_over
from napari_tessera.widgets.layers.masks import about_mask
from napari_tessera.widgets.layers.to_source import source
from napari_tessera.widgets.plugin.menu import open_form
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.rows import Rows, beside_one_another
from napari_tessera.widgets.qt.status_line import StatusLine

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Labels

Page = TypeVar("Page", bound=QWidget)


class Later(QWidget, Generic[Page]):
    """A place for a page, which is built when it is first shown or asked for.

    Parameters
    ----------
    build : callable
        Returns the page.
    """

    def __init__(self, build: Callable[[], Page]) -> None:
        super().__init__()
        self._build = build
        self.built: Page | None = None
        QVBoxLayout(self).setContentsMargins(0, 0, 0, 0)

    def load(self) -> Page:
        """Return the page, built by now."""
        if self.built is None:
            self.built = self._build()
            self.layout().addWidget(self.built)
        return self.built

    def showEvent(self, event: Any) -> None:
        """Build the page before it is shown."""
        super().showEvent(event)
        self.load()


class Explorer(Form):
    """The form that lists objects by what is wrong with them.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    title = "Explore errors"

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self._compared: Compared | None = None
        self._of: Labels | None = None
        self._followed = Connections()
        self._build()
        self._lay_out()
        self._connect()
        self.follow_selection(self.prediction, lambda: self._compared is None)
        self._prediction_chosen()

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        known = METHODS["error_map"]
        own = {p.name: p for p in (*parameters(score), *known.parameters)}
        self.prediction = layer_field(own["prediction"], self.viewer.layers)
        self.truth = layer_field(own["truth"], self.viewer.layers)
        self.iou, self.tolerance = field_for(own["iou"]), field_for(own["tolerance"])
        self.over = Choice("Objects are in")
        self.over.offer([("planes", "planes"), ("volumes", "volume")])
        self.over.setToolTip("Whether objects lie in single planes or go through volumes")
        self.running = Running(self, "Compare", self._compare)
        self.button = self.running.button
        self.button.setToolTip("Find the objects of one layer in the other, and list what is wrong")
        self.map_button = QPushButton("Error map")
        self.map_button.setToolTip("Open the form that colours every pixel by what is wrong")
        self.save_button = QPushButton("Save table")
        self.save_button.setToolTip("Write the rows that are shown as CSV")
        self.tabs, self.rows = QTabWidget(), Rows()
        # what is not shown at first takes half of the time that the form takes to open
        self._strata, self._suspects = Later(self._build_strata), Later(self._build_suspects)
        self.report = ReportButton(self, lambda: self.strata.image.value)
        self.summary = StatusLine()
        self.objects = ObjectList(self.viewer, self.say)

    def _build_strata(self) -> StrataPanel:
        panel = StrataPanel(self)
        if self._compared is not None:
            panel.compare(self._compared)
        return panel

    def _build_suspects(self) -> SuspectsPanel:
        panel = SuspectsPanel(self, self._judged)
        panel.objects.model.modelReset.connect(lambda: self.save_button.setEnabled(True))
        return panel

    @property
    def strata(self) -> StrataPanel:
        """The groups of objects."""
        return self._strata.load()

    @property
    def suspects(self) -> SuspectsPanel:
        """The objects that are ranked without a truth."""
        return self._suspects.load()

    def _lay_out(self) -> None:
        for field in (self.prediction, self.truth, self.iou, self.tolerance):
            self.rows.add(field.parameter.title, field.native)
        self.rows.add("Objects are in", self.over)
        self.tabs.addTab(self.objects, "Objects")
        self.tabs.addTab(self._strata, "Strata")
        self.tabs.addTab(self._suspects, "No truth")
        self.tabs.setTabToolTip(1, "How well objects are found, by size, brightness and place")
        self.tabs.setTabToolTip(2, "Objects whose boundaries lie on no edge of the image")
        self.save_button.setEnabled(False)
        self.lay_out(
            "Compare labels with a truth, or the image: list what is wrong, go there.",
            self.rows,
            beside_one_another(self.button, self.map_button),
            self.running.bar,
            self.summary,
            (self.tabs, 1),
            beside_one_another(self.save_button, self.report.button),
            self.report.bar,
            self.message,
        )

    def _connect(self) -> None:
        self.map_button.clicked.connect(self._open_map)
        self.objects.model.modelReset.connect(lambda: self.save_button.setEnabled(True))
        self.save_button.clicked.connect(lambda: save_table(self, self._table_shown))
        self.prediction.changed.connect(self._prediction_chosen)
        self.watch_layers(self._layers_changed)

    def _layers_changed(self, event: Any = None) -> None:
        for field in (self.prediction, self.truth, *self._pages):
            field.refresh()
        self._prediction_chosen()

    def _prediction_chosen(self) -> None:
        """Fit the fields to a layer: another one as its truth, planes or volumes, its unit."""
        layer = self.prediction.value
        if layer is not None and layer is not self._of:
            self.over.choose(usual_over(layer, self.viewer))
            self._followed.end()
            self._followed.add(self._fit_unit, layer.events.units)
            self._fit_unit()
        self._of = layer
        self.truth.avoid(layer)
        if text := about_mask(layer) or about_mask(self.truth.value):
            self.say(text)
        self.rows.show_row(self.over, layer is not None and layer.ndim > 2)
        self.rows.fit()

    def _fit_unit(self, event: Any = None) -> None:
        """Offer the unit of the labels for lengths in them."""
        if (layer := self.prediction.value) is not None:
            self.tolerance.fit(str(layer.units[-1]), None)

    def release(self) -> None:
        """Stop what runs, and give the viewer and the labels back as they were."""
        super().release()
        self._followed.end()
        for page in self._pages:
            page.release()

    # ------------------------------------------------------------------ comparing

    def _compare(self) -> None:
        prediction, truth = self._chosen()
        judged = self._judged()
        options = {
            "over": judged.over,
            "iou": self.iou.value,
            "tolerance": self.tolerance.value,
            "spacing": judged.spacing,
        }
        labels = array(truth), array(prediction)
        self.running.start(
            lambda report: listing(*labels, **options, report=report),
            title=f"Compare: {prediction.name}",
            finished=lambda found: self._finished(prediction, truth, options, *found),
        )

    def _judged(self) -> SuspectSource:
        """Return the labels to judge, and whether their objects are in planes or volumes."""
        layer = self.prediction.value
        if layer is None:
            raise ValueError("prediction is missing; add the Labels layer to be judged")
        own = source(layer)
        over: Over = "planes" if len(own.shape) == 2 else self.over.chosen
        return SuspectSource(layer, over, own.voxel(AXES[over]))

    def _chosen(self) -> tuple[Labels, Labels]:
        prediction, truth = self.prediction.value, self.truth.value
        if prediction is None or truth is None or prediction is truth:
            raise ValueError(
                "truth is missing; two Labels layers are needed, the one to judge and one to trust"
            )
        same_grid("truth", truth, prediction)
        return prediction, truth

    def _finished(
        self,
        prediction: Labels,
        truth: Labels,
        options: dict[str, Any],
        scores: Scores,
        table: Table,
        centres: Array,
    ) -> None:
        self._compared = compared = Compared(prediction, truth, scores, options)
        self.report.compare(compared)
        if self._strata.built is not None:
            self._strata.built.compare(compared)
        self.objects.fill(table, centres, {"prediction": prediction, "truth": truth})
        self.summary.setText(figures_in_words(scores))

    def _open_map(self) -> None:
        form = open_form(self.viewer, "error_map")
        form.source.value, form.fields["truth"].value = self.prediction.value, self.truth.value

    @property
    def _pages(self) -> list[StrataPanel | SuspectsPanel]:
        """The pages that are built by now."""
        return [e for e in (self._strata.built, self._suspects.built) if e is not None]

    @property
    def _table_shown(self) -> Table | None:
        tables = {
            self.objects: lambda: self.objects.listed,
            self._strata: lambda: self.strata.table,
            self._suspects: lambda: self.suspects.objects.listed,
        }
        return tables[self.tabs.currentWidget()]()


def figures_in_words(scores: Scores) -> str:
    """Return the main figures for people."""
    wrong = ", ".join(f"{count} {kind}" for kind, count in scores.errors.items())
    return (
        f"{scores.true_positives} of {scores.true_objects} objects found, {wrong}.\n"
        f"Precision {scores.precision:.3f}, recall {scores.recall:.3f}, F1 {scores.f1:.3f}, "
        f"AP at .5 {scores.average_precision[0.5]:.3f} and at .75 "
        f"{scores.average_precision[0.75]:.3f}, panoptic quality {scores.panoptic_quality:.3f}.\n"
        f"Pixels: Dice {scores.dice:.3f}, IoU {scores.iou:.3f}. Boundary F "
        f"{scores.boundary_f:.3f}, Hausdorff 95 % {scores.hausdorff95:.3g}."
    )
