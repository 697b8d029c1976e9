"""The form that follows a recipe live on a layer that may be larger than memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_tessera.methods.registry import METHODS
from napari_tessera.widgets.batch.recipe_choice import RecipeChoice
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.recipe_menu import named_arrays, source_for
from napari_tessera.widgets.layers.to_source import fits
from napari_tessera.widgets.live.asked import LiveAsked
from napari_tessera.widgets.live.segmentation import LiveSegmentation
from napari_tessera.widgets.qt.buttons import RunButton
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.rows import Rows, beside_one_another

if TYPE_CHECKING:
    import napari.viewer


class LiveForm(Form):
    """The form that follows a recipe live on a layer that may be larger than memory.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    title = "Live segmentation"

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self.rows, self.recipe, self.image = Rows(), RecipeChoice(napari_viewer), Choice("Image")
        self.button = RunButton("Start", self)
        self.segmentation = LiveSegmentation(self, self._asked, self._ended)
        self.freezing = self.segmentation.freezing
        self._lay_out()
        self._list_layers()
        self._connect()

    def _lay_out(self) -> None:
        self.recipe.setToolTip("What is done: how a layer was made, or a recipe from a file")
        self.image.setToolTip("The layer that is segmented, of any size")
        self.button.setToolTip(
            "Work on what is looked at, in a read-only layer, and on more as you move; Esc stops"
        )
        self.rows.add("Recipe", self.recipe)
        self.rows.add("Image", self.image)
        about = "Follow a recipe where you look, in an image of any size."
        self.lay_out(
            self.heading(about, page="guides/live", about="live layers"),
            self.rows,
            beside_one_another(self.button, self.freezing.button),
            self.freezing.bar,
            self.message,
        )

    def _connect(self) -> None:
        self.button.clicked.connect(self._press)
        self.recipe.changed.connect(self._list_layers)
        self.recipe.changed.connect(self.segmentation.request)
        self.image.currentIndexChanged.connect(self.segmentation.request)
        self.watch_layers(self._layers_changed)
        self.watch(self.recipe.refresh, self.viewer.layers.selection.events.active)

    def refit(self) -> None:
        """Fit the rows to the theme."""
        self.rows.fit()

    def _layers_changed(self, event: Any = None) -> None:
        self.recipe.refresh()
        self._list_layers()

    def _list_layers(self) -> None:
        """Offer the layers that the recipe can begin on; the image it was made of is usual."""
        try:
            first = self.recipe.recipe.first
        except ValueError:
            self.image.offer([])
            return
        word = METHODS[first.method].source.word.name
        layers = [each for each in reversed(self.viewer.layers) if fits(each, word)]
        usual = next((each for each in layers if each.name == first.source.get("name")), None)
        self.image.offer([(each.name, each) for each in layers], usual)

    # ------------------------------------------------------------------ live

    def _asked(self) -> LiveAsked:
        recipe, layer = self.recipe.recipe, self.image.chosen
        if layer is None:
            raise ValueError("image is missing; open one that the recipe can be followed on")
        own = source_for(recipe, layer)
        arrays = named_arrays(recipe, self.viewer, layer)
        return LiveAsked.of_recipe(recipe, layer, own, arrays)

    def _press(self) -> None:
        if self.segmentation.is_on:
            self.segmentation.end()
            self._ended()
            self.say("Stopped; Start goes on where you look.")
        else:
            self.button.show_running(True)
            self.segmentation.begin()

    def _ended(self) -> None:
        self.button.show_running(False)

    def release(self) -> None:
        """End the work and let go of the viewer."""
        super().release()
        self.segmentation.release()
