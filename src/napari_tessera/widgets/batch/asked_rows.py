"""The rows in which a batch is asked for: recipe, images, what is written, where to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QLineEdit, QWidget

from napari_tessera.batch.outputs import OUTPUTS, formatted, usual_outputs
from napari_tessera.io.files import titled
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.widgets.batch.asked import (
    BatchAsked,
    Existing,
    named_images,
    usual_folder,
)
from napari_tessera.widgets.batch.path_field import PathField
from napari_tessera.widgets.batch.recipe_choice import RecipeChoice
from napari_tessera.widgets.qt.choice import Choice, Several
from napari_tessera.widgets.qt.rows import Rows

if TYPE_CHECKING:
    from napari.components import ViewerModel

_BESIDE = "table"
"""The output that is ticked at first beside what the recipe gives."""


class AskedRows(Rows):
    """Rows of a form, and what they ask for.

    Parameters
    ----------
    viewer : ViewerModel
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.recipe = RecipeChoice(viewer)
        self.folder, self.output = PathField("Folder of images"), PathField("Folder for results")
        self.image = PathField("Image to measure in", _ask_image)
        self.pattern, self.outputs = QLineEdit(), Several("Write")
        self.format = Choice("Format")
        self.existing = Choice("Existing results")
        self._output_typed = False
        self._build()
        self._connect()
        self._recipe_chosen()

    def asked(self) -> BatchAsked:
        """Return what is asked for.

        Raises
        ------
        ValueError
            If something is missing; the message says what.
        """
        recipe, folder, output = self.recipe.recipe, self.folder.path, self.output.path
        if folder is None:
            raise ValueError("images are missing; choose the folder they are in")
        if output is None:
            raise ValueError("the folder for results is missing; choose one under 'To'")
        if not self.outputs.chosen:
            raise ValueError("nothing is to be written; tick something under 'Write'")
        image = self.image.path if "image" in named_images(recipe) else None
        pattern, words = self.pattern.text().strip(), self.outputs.chosen
        if self.format.chosen and self._formats(recipe):
            words = formatted(recipe, words, self.format.chosen)
        return BatchAsked(recipe, folder, pattern, words, output, image, self.existing.chosen)

    def _build(self) -> None:
        self.pattern.setPlaceholderText("all, or *_dapi.tif")
        self.pattern.setAccessibleName("Files")
        self.existing.offer(
            [
                ("keep", Existing()),
                ("make anew", Existing(again=True)),
                ("replace any", Existing(overwrite=True, again=True)),
            ]
        )
        tips: dict[QWidget, str] = {
            self.recipe: "How the files are worked on: as a layer was made, or a saved recipe",
            self.folder: "Where the images are",
            self.pattern: "Which of its files are taken: * stands for letters, **/ for folders",
            self.image: "A file, or a folder, where cells.tif goes with cells-watershed.tif",
            self.outputs: "What is written of each file; of tables, there is one of all files too",
            self.format: "Of labels, images or outlines; tables are CSV",
            self.output: "Where it is written",
            self.existing: (
                "Results that are there already, of the same file and recipe, need not be made "
                "again; what something else has made is replaced only by 'any'"
            ),
        }
        for widget, tip in tips.items():
            widget.setToolTip(tip)
        for title, widget in (
            ("Recipe", self.recipe),
            ("Images", self.folder),
            ("Files", self.pattern),
            ("Measure in", self.image),
            ("Write", self.outputs),
            ("Format", self.format),
            ("To", self.output),
            ("Existing", self.existing),
        ):
            self.add(title, widget)

    def _connect(self) -> None:
        self.recipe.changed.connect(self._recipe_chosen)
        self.folder.changed.connect(self._folder_chosen)
        self.outputs.changed.connect(self._outputs_chosen)
        self.output.text.textEdited.connect(self._output_edited)
        for signal in (
            self.pattern.textChanged,
            self.image.changed,
            self.output.changed,
            self.format.currentIndexChanged,
            self.existing.currentIndexChanged,
        ):
            signal.connect(lambda *_: self.changed.emit())

    def _recipe_chosen(self) -> None:
        recipe = self._recipe()
        self.show_row(self.image, recipe is not None and "image" in named_images(recipe))
        first = not self.outputs.offered
        fitting = [] if recipe is None else [e for e in OUTPUTS.values() if e.offered_by(recipe)]
        self.outputs.offer((each.name, each.name) for each in fitting)
        if recipe is not None and (first or not self.outputs.chosen):
            for word in (*(each.name for each in usual_outputs(recipe)), _BESIDE):
                self.outputs.tick(word)
        self._offer_formats(recipe)
        self._folder_chosen()

    def _outputs_chosen(self) -> None:
        self._offer_formats(self._recipe())
        self.changed.emit()

    def _offer_formats(self, recipe: Recipe | None) -> None:
        """Offer the formats of the first output that can be of several, if there is one."""
        formats = [] if recipe is None else self._formats(recipe)
        in_blocks = recipe is not None and any(step.blocks for step in recipe.steps)
        self.format.offer(formats, usual=".zarr" if in_blocks else None)
        self.show_row(self.format, bool(formats))
        self.fit()

    def _formats(self, recipe: Recipe) -> list[tuple[str, str]]:
        every = [titled(OUTPUTS[word].suffixes(recipe)) for word in self.outputs.chosen]
        return next((formats for formats in every if len(formats) > 1), [])

    def _recipe(self) -> Recipe | None:
        try:
            return self.recipe.recipe
        except ValueError:  # Run says what is wrong with it
            return None

    def _folder_chosen(self) -> None:
        folder, recipe = self.folder.path, self._recipe()
        if folder is not None and recipe is not None and not self._output_typed:
            self.output.path = usual_folder(folder, recipe)
        self.changed.emit()

    def _output_edited(self, text: str) -> None:
        self._output_typed = bool(text.strip())


def _ask_image(parent: QWidget, title: str, start: str) -> str:
    """Ask for an image; a folder of them can be typed."""
    return QFileDialog.getOpenFileName(parent, title, start)[0]
