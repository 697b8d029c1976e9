"""The form that lists trained models: look at them, rename, copy, export, remove."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices, QTextDocument
from qtpy.QtWidgets import (
    QFileDialog,
    QInputDialog,
    QListWidget,
    QMessageBox,
    QPushButton,
    QTextBrowser,
    QWidget,
)

from napari_tessera.deep.models.library import (
    Folder,
    Model,
    copied,
    free_name,
    models,
    models_folder,
    removed,
    renamed,
    shipped_models,
    unreadable,
)
from napari_tessera.deep.models.onnx import to_onnx
from napari_tessera.deep.models.shipped.index import COMES_WITH
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.qt.plain_text import as_written
from napari_tessera.widgets.qt.rows import beside_one_another

if TYPE_CHECKING:
    import napari.viewer


CARD = (
    QTextDocument.MarkdownFeature.MarkdownDialectGitHub
    | QTextDocument.MarkdownFeature.MarkdownNoHTML
)
"""Names of layers and classes stand in a card as they are written."""


class Models(Form):
    """The form of the user's models, and below them of those that come with napari-tessera.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    title = "Models"

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self.list, self.card = QListWidget(), QTextBrowser()
        self.list.setAccessibleName("Models")
        self.card.setAccessibleName("Card of the model")
        self.card.setOpenExternalLinks(True)
        self._models: list[Model] = []
        self.rename_button, self.remove_button = QPushButton("Rename"), QPushButton("Remove")
        self.copy_button, self.export_button = QPushButton("Copy"), QPushButton("Export")
        self.folder_button, self.refresh_button = QPushButton("Folder"), QPushButton("Refresh")
        tips: dict[QWidget, str] = {
            self.list: "Your models, and below them those that come with napari-tessera",
            self.card: "What the chosen model was trained on, how, and how well it did",
            self.rename_button: "Give the model another name",
            self.remove_button: "Move the model aside; its folder is kept",
            self.copy_button: "Copy the model into your folder of models, under another name",
            self.export_button: "Write the network as ONNX, for other programs",
            self.folder_button: "Open the folder of models",
            self.refresh_button: "List the models anew",
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)
        self.lay_out(
            (self.list, 1),
            beside_one_another(self.rename_button, self.copy_button, self.remove_button),
            (self.card, 2),
            beside_one_another(self.export_button, self.folder_button, self.refresh_button),
            self.message,
        )
        self.list.currentRowChanged.connect(self._chosen)
        self.rename_button.clicked.connect(self.rename)
        self.remove_button.clicked.connect(self.remove)
        self.copy_button.clicked.connect(self.copy)
        self.export_button.clicked.connect(self.export)
        self.refresh_button.clicked.connect(self.refresh)
        self.folder_button.clicked.connect(_open_folder)
        self.refresh()

    @property
    def model(self) -> Model | None:
        """The chosen model."""
        row = self.list.currentRow()
        return self._models[row] if 0 <= row < len(self._models) else None

    def refresh(self) -> None:
        """List the models anew; the chosen one stays so."""
        before = self.model
        self._models = [*models(), *shipped_models()]
        self.list.clear()
        self.list.addItems([_listed(each) for each in self._models])
        places = [each.path for each in self._models]
        kept = places.index(before.path) if before is not None and before.path in places else 0
        self.list.setCurrentRow(kept if places else -1)
        broken = "; ".join(f"{name}: {reason}" for name, reason in unreadable())
        empty = "" if places else "There are no models yet; train one. "
        self.say(empty + (f"Cannot be read: {broken}" if broken else ""))
        self._chosen()

    def _chosen(self, *_: Any) -> None:
        model = self.model
        for button in (self.copy_button, self.export_button):
            button.setEnabled(model is not None)
        for button in (self.rename_button, self.remove_button):
            button.setEnabled(model is not None and not model.is_shipped)
        text = "" if model is None else Folder(model.path).read_card()
        self.card.document().setMarkdown(text, CARD)

    def rename(self) -> None:
        """Ask for another name."""
        model = self.model
        if model is None:
            return
        name, agreed = QInputDialog.getText(self, "Rename", "New name", text=model.name)
        if agreed:
            self._try(lambda: renamed(model, name))

    def copy(self) -> None:
        """Ask for the name of a copy, which is the user's."""
        model = self.model
        if model is None:
            return
        free = free_name(model.name)
        name, agreed = QInputDialog.getText(self, "Copy", "Name of the copy", text=free)
        if agreed:
            self._try(lambda: copied(model, name))

    def remove(self) -> None:
        """Move the chosen model aside, if the user agrees."""
        model = self.model
        if model is None:
            return
        text = f"Remove the model {model.name!r}? Its folder is moved aside and can be put back."
        if QMessageBox.question(self, "Remove", as_written(text)) == QMessageBox.StandardButton.Yes:
            self._try(lambda: removed(model))

    def export(self) -> None:
        """Ask for a file and write the network as ONNX."""
        model = self.model
        if model is None:
            return
        name, _ = QFileDialog.getSaveFileName(self, "Export", f"{model.name}.onnx", "ONNX (*.onnx)")
        if name:
            self.say("Exporting ...")
            path = Path(name)
            self.start(
                lambda report: to_onnx(model, path),
                finished=lambda _: self.say(f"Written to {path}."),
            )

    def _try(self, change: Any) -> None:
        try:
            change()
        except (ValueError, OSError) as error:
            self.complain(error)
        else:
            self.refresh()


def _listed(model: Model) -> str:
    return f"{model.title}, {COMES_WITH}" if model.is_shipped else model.name


def _open_folder() -> None:
    models_folder().mkdir(parents=True, exist_ok=True)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(models_folder())))
