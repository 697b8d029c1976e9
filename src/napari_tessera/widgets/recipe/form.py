"""The form of a recipe: its steps, changed and run again from where they have changed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QPushButton

from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.recipes.step import step
from napari_tessera.signature.system_errors import sentence_of
from napari_tessera.widgets.batch.recipe_choice import RecipeChoice
from napari_tessera.widgets.forms.form import Form
from napari_tessera.widgets.forms.recipe_menu import recipe_menu
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.layers.features import chain_of
from napari_tessera.widgets.layers.to_source import fits, sample
from napari_tessera.widgets.qt.choice import Several
from napari_tessera.widgets.qt.rows import Rows, beside_one_another
from napari_tessera.widgets.quiet import Quiet
from napari_tessera.widgets.recipe.edited import EditedRecipe, EditedRecipes
from napari_tessera.widgets.recipe.layer_rest import LayerRest
from napari_tessera.widgets.recipe.recipe_call import RecipeCall
from napari_tessera.widgets.recipe.runs import RecipeRuns, RunOnLayers
from napari_tessera.widgets.recipe.source_rows import SourceRows
from napari_tessera.widgets.recipe.step_fields import new_step
from napari_tessera.widgets.recipe.step_list import StepList
from napari_tessera.widgets.recipe.step_menu import StepMenu
from napari_tessera.widgets.recipe.step_row import TO_RUN

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Layer

NEW = "a new recipe"


class RecipeForm(Form):
    """Show the steps of a recipe, change them, and run them again from where they have changed.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    title = "Recipe"

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self._quiet, self._pinned = Quiet(), False
        self.edited, self._known = EditedRecipe(), EditedRecipes()
        self._layer_rest = LayerRest(self)
        self._layer_rest.rested.connect(self._read_again)
        self.runs = RecipeRuns(self, self._show_states)
        self._build()
        self._lay_out()
        self._connect()
        self._selected()
        self._load()

    # ------------------------------------------------------------------ layout

    def _build(self) -> None:
        self.choice = RecipeChoice(self.viewer, read=chain_of, others=[NEW])
        self.ground = SourceRows(self.viewer, self.choice)
        self.steps = StepList(self.viewer)
        self.add_button, self.undo_button = QPushButton("Add step"), QPushButton("Undo")
        self.revert_button, self.recipe_button = QPushButton("Revert"), QPushButton("Use recipe")
        self.running = Running(self, "Run", self.run, stop=self.stop)
        self.applying = Running(self, "Apply", self.apply, stop=self.stop)
        self.targets = Several("Apply to")
        self.add_menu = StepMenu(self, lambda: self.edited)
        self.add_button.setMenu(self.add_menu)
        self.recipe_button.setMenu(recipe_menu(self, self._begins_with, self._made))
        self.choice.setToolTip("A layer whose steps are shown, or a recipe that was saved")
        for widget, tip in (
            (self.add_button, "Add a step at the end, of those that take what is given there"),
            (self.undo_button, "Take the last change of the recipe back"),
            (self.revert_button, "Take all changes of the recipe back; Undo brings them again"),
            (self.recipe_button, "Take it along: as Python, as a command, as a file"),
            (self.running.button, "Run the steps from the first that has changed; Esc stops"),
            (self.targets, "Other layers on which the recipe is run as it is now"),
            (self.applying.button, "Run the recipe on these layers, one after the other"),
        ):
            widget.setToolTip(tip)

    def _lay_out(self) -> None:
        self._others = Rows()
        self._others.add("Apply to", self.targets)
        self.lay_out(
            self.heading(
                "The steps that made a layer: change one and run again from there.",
                page="guides/recipes",
                about="recipes",
            ),
            self.ground,
            (self.steps, 1),
            beside_one_another(self.add_button, self.undo_button, self.revert_button),
            beside_one_another(self.running.button, self.recipe_button),
            self.running.bar,
            self._others,
            self.applying.button,
            self.applying.bar,
            self.message,
        )

    def _connect(self) -> None:
        self.choice.changed.connect(self._load)
        self.choice.choice.activated.connect(self._pin)
        self.ground.changed.connect(self._ground_changed)
        self.steps.changed.connect(self._field_changed)
        self.steps.walked.connect(self._walk_changed)
        self.steps.moved.connect(lambda a, b: self._change(lambda: self.edited.move(a, b)))
        self.steps.taken_out.connect(lambda n: self._change(lambda: self.edited.remove(n)))
        self.steps.unfolded.connect(self._fit_step)
        self.undo_button.clicked.connect(lambda: self._change(self.edited.undo))
        self.revert_button.clicked.connect(lambda: self._change(self.edited.revert))
        self.add_menu.chosen.connect(self.add_step)
        self.watch_layers(self._layers_changed)
        self.watch(self._selected, self.viewer.layers.selection.events.active)

    def refit(self) -> None:
        """Fit the rows to the theme."""
        for rows in (self.ground, self._others):
            rows.fit()
        self.steps.fit_width()

    # ------------------------------------------------------------------ which recipe

    def _pin(self, *_: Any) -> None:
        self._pinned = True

    def _selected(self, event: Any = None) -> None:
        """Take the recipe or the image of the layer that is selected, until one is chosen here."""
        layer = self.viewer.layers.selection.active
        if layer is None or self.runs.adding or self.runs.has_made(layer):
            return
        self.choice.refresh()
        self._read_again()
        opened = isinstance(self.choice.choice.chosen, Path)
        if not self._pinned and not opened and self.choice.offers(layer):
            self.choice.choice.choose(layer)
        elif not self.choice.offers(layer):
            self.ground.layer.follow(layer)

    def _load(self) -> None:
        """Show the recipe that is chosen, with the changes that were made of it before."""
        chosen = self.choice.choice.chosen
        try:
            named = isinstance(chosen, str) or chosen is None
            self.edited = self._known.of(chosen, lambda: [] if named else self.choice.recipe.steps)
        except (ValueError, OSError) as error:
            self.complain(error)
            self.edited = EditedRecipe()
        # it may be measured, refined or painted
        self._layer_rest.follow(self.choice.choice.chosen)
        self._ground_for_recipe()
        self._show_steps()

    def _read_again(self) -> None:
        """Show the steps of the layer anew if others have come, unless they were changed here."""
        chosen, steps = self.choice.choice.chosen, self.edited.steps
        untouched = hasattr(chosen, "events") and not self.edited.is_edited
        if untouched and self.choice.offers(chosen) and self.choice.recipe.steps != list(steps):
            self._load()

    def _ground_for_recipe(self) -> None:
        if self.edited.steps:
            first = self.edited.steps[0]
            with self._quiet:
                self.ground.fit_recipe(first, METHODS[first.method])
        self._offer_targets()

    def _layers_changed(self, event: Any = None) -> None:
        self._keep_edited()
        self.choice.refresh()
        with self._quiet:
            self.ground.list_layers()
        for row in self.steps.rows:
            row.refresh()
        self._offer_targets()
        self._show_states()

    def _keep_edited(self) -> None:
        """Keep what was changed of the recipe of a layer that is gone, under a name of its own."""
        chosen = self.choice.choice.chosen
        if isinstance(chosen, str | Path | None) or chosen in self.viewer.layers:
            return
        self._pinned = self.edited.is_edited
        if self.edited.is_edited:
            name = f"{chosen.name} (edited)"
            self._known.keep(name, self.edited)
            self.choice.others.append(name)
            self.choice.refresh()
            self.choice.choice.choose(name)

    def _offer_targets(self) -> None:
        word = METHODS[self._begins_with() or "threshold"].source.word.name
        own = self.ground.layer.value
        layers = (e for e in reversed(self.viewer.layers) if e is not own and fits(e, word))
        # what this form has made is not offered: it would be worked on once more
        self.targets.offer((e.name, e) for e in layers if not self.runs.has_made(e))
        self.applying.button.setEnabled(self.targets.offered > 0)

    # ------------------------------------------------------------------ what is changed

    def _change(self, change: Callable[[], None]) -> None:
        """Change the steps, or say why that cannot be."""
        self._pin()
        try:
            change()
        except (ValueError, TypeError, OSError) as error:
            self.complain(error)
            return
        self.say("")
        if self.edited.steps:
            first = self.edited.steps[0]
            with self._quiet:
                self.ground.take_first(first, METHODS[first.method])
        self._offer_targets()
        self._show_steps()

    def _field_changed(self, number: int, name: str) -> None:
        """Take what a field says into the recipe; the rows stay as they are."""
        if self._quiet:
            return
        self._pin()
        try:
            asked = self.steps.rows[number].asked_of(name)
            self.edited.with_parameters(number, name, **asked)
        except (ValueError, TypeError, OSError) as error:
            self.say(sentence_of(error), wrong=True)
            return
        self.say("")
        self._show_words()

    def _walk_changed(self, number: int) -> None:
        if self._quiet:
            return
        self._pin()
        self.edited.walk(number, self.steps.rows[number].walked_as)
        self._fit_step(number)
        self._show_words()

    def _ground_changed(self) -> None:
        if self._quiet:
            return
        for row in self.steps.rows:
            self._fit_step(row.number)
        self._offer_targets()
        self._show_states()

    def add_step(self, name: str) -> None:
        """Add a step at the end, with its fields unfolded."""
        missing = list[str]()

        def add() -> None:
            began = self._began if self.edited.steps else None
            values, lacks = new_step(name, self.viewer.layers, began, self.edited.steps)
            self.edited.add(step(name, **values))
            missing.extend(lacks)

        count = len(self.edited.steps)
        self._change(add)
        if len(self.edited.steps) > count:
            self.steps.rows[-1].title.setChecked(True)
            self.steps.ensureWidgetVisible(self.steps.rows[-1])
        if missing:
            self.say("; ".join(missing))

    # ------------------------------------------------------------------ what is shown

    @property
    def _began(self) -> str:
        """The name of the image that the recipe was made on."""
        return str(self.edited.steps[0].source.get("name", "image"))

    def _show_steps(self) -> None:
        steps = self.edited.steps
        with self._quiet:
            self.steps.show_steps(steps, self._began if steps else "image")
            for row in self.steps.rows:
                self._fit_step(row.number)
        self._show_moves()
        self._show_states()

    def _show_words(self) -> None:
        for row, each in zip(self.steps.rows, self.edited.steps, strict=True):
            row.show_step(each)
        self._show_moves()
        self._show_states()

    def _show_moves(self) -> None:
        """Let steps be moved and taken out where what follows can do without."""
        edited, count = self.edited, len(self.edited.steps)
        for n, row in enumerate(self.steps.rows):
            row.up.setEnabled(n > 0 and edited.can_move(n, n - 1))
            row.down.setEnabled(n + 1 < count and edited.can_move(n, n + 1))
            row.out.setEnabled(edited.can_remove(n))

    def _show_states(self) -> None:
        """Say of each step what it gave, and from where on they have to be run."""
        known = self.edited.words(self._on)
        for row, text in zip(
            self.steps.rows, itertools.chain(known, itertools.repeat(TO_RUN)), strict=False
        ):
            row.show_state(text)
        self.undo_button.setEnabled(self.edited.is_edited)
        self.revert_button.setEnabled(self.edited.is_edited)
        self.recipe_button.setEnabled(bool(self.edited.steps))
        self.running.button.setEnabled(bool(self.edited.steps) or self.running.job is not None)

    @property
    def _on(self) -> tuple[Any, ...]:
        """What is worked on."""
        return self.ground.state

    def _fit_step(self, number: int) -> None:
        """Fit the fields of a step to the layer that is worked on."""
        row, layer, values = self.steps.rows[number], self.ground.layer.value, None
        if row.fields is None:
            return
        if layer is not None and METHODS[row.step.method].source.is_image:
            with suppress(ValueError):  # such a layer is refused when it is run
                values = sample(layer, self.ground.channels.source(layer))
        with self._quiet:
            row.fit_layer(layer, values)

    # ------------------------------------------------------------------ run

    def _begins_with(self) -> str:
        """Return the name of the first method, "" if there is no step."""
        return self.edited.steps[0].method if self.edited.steps else ""

    def _made(self) -> Callable[[], Recipe]:
        return self._call_on(None).recipe

    def _call_on(self, layer: Layer | None) -> RecipeCall:
        """Return the run on the chosen layer, or on another one."""
        steps = self.edited.recipe.steps
        ground = (
            self.ground.ground(steps[0])
            if layer is None
            else self.ground.ground_on(layer, steps[0])
        )
        return RecipeCall.of(steps, ground, self.viewer.layers, self.runs.tools)

    def run(self) -> None:
        """Run the recipe on the chosen layer, in a thread.

        Raises
        ------
        ValueError, TypeError
            If something is missing or does not fit.
        """
        self._begin(self.running, RunOnLayers([self._call_on(None)], edited=self.edited))

    def apply(self) -> None:
        """Run the recipe on the layers that are ticked, in a thread.

        Raises
        ------
        ValueError, TypeError
            If none is, or something does not fit one of them.
        """
        if not self.targets.chosen:
            raise ValueError("no layer is chosen; tick some under 'Apply to'")
        calls, failed = list[RecipeCall](), list[str]()
        for layer in self.targets.chosen:
            try:
                calls.append(self._call_on(layer))
            except ValueError as error:  # the others go on
                failed.append(f"{layer.name}: {error}")
        if not calls:
            raise ValueError("; ".join(failed))
        self._begin(self.applying, RunOnLayers(calls, failed=failed))

    def _begin(self, running: Running, run: RunOnLayers) -> None:
        if self.running.job is not None or self.applying.job is not None:
            raise ValueError("the recipe is running already; stop it first")
        self.runs.start(running, run, on=self._on, finished=self._finished)
        self._show_states()
        self.say("The recipe is running ...")

    def _finished(self, run: RunOnLayers) -> None:
        words = [run.counted] if run.edited is None else self.edited.words(self._on)[-1:]
        self.say("\n".join([*words, *run.failed, *run.said]), wrong=bool(run.failed))
        self._offer_targets()

    def stop(self) -> None:
        """Drop what runs; what was added stays, and nothing more comes."""
        for running in (self.running, self.applying):
            if running.job is not None:
                running.stop()
                self.say("Stopped; what is there stays.")
        self._show_states()

    def release(self) -> None:
        """Stop the work under way and let go of the viewer."""
        super().release()
        self._layer_rest.end()
        self.runs.clear()
