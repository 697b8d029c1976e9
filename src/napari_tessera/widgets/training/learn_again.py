"""The part of a form that predicts by which its model learns from results that were put right."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_tessera.deep.inference.cache import Cache
from napari_tessera.deep.inference.fitting import in_grey
from napari_tessera.deep.models.library import ModelConfig, find_model
from napari_tessera.deep.training.improve import IMPROVING, improve
from napari_tessera.deep.training.improvement import Improvement
from napari_tessera.io.datasets import together
from napari_tessera.methods.registry import METHODS
from napari_tessera.pipeline.recipes.recipe import Recipe
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.progress import Progress, Reporter, Stop
from napari_tessera.widgets.forms.run_button import Running
from napari_tessera.widgets.layers.features import image_behind, made_by
from napari_tessera.widgets.layers.following import ACCEPTED
from napari_tessera.widgets.layers.geometry import array
from napari_tessera.widgets.layers.to_source import source
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.rows import beside_one_another
from napari_tessera.widgets.tables.objects import LabelledRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Labels, Layer

    from napari_tessera.widgets.forms.method_form import MethodForm
    from napari_tessera.widgets.job import Job


@dataclass(frozen=True)
class Corrected:
    """Labels that a model has made and a person has put right.

    Attributes
    ----------
    labels : Labels layer
    source : Source
        Of the image that they were made of.
    prediction : Recipe
        As they were made, before anything was put right.
    everything : bool
        Whether all that is shown is right; otherwise only what was changed or accepted counts.
    """

    labels: Labels
    source: Source
    prediction: Recipe
    everything: bool

    @property
    def model(self) -> str:
        """The model that made them, with the hash of its weights."""
        return str(self.prediction.parameters["model"])

    def learn(self, cache: Cache, optimisation: Any, report: Reporter) -> Improvement:
        """Improve the model; what was predicted is found out once more.

        Parameters
        ----------
        cache : Cache
            Where probabilities are kept, with which that takes no time.
        optimisation : Optimisation
        report : Reporter
        """
        config = find_model(self.model).config
        before = None
        if not self.everything:
            found = self.prediction.run(self.source, report.part(0, 20), cache=cache)
            before = np.asarray(found.array)
        region = self.prediction.walk.region
        own = _as_seen(self.source, config)
        pairs = together(
            [own if region is None else own.cut(region)],
            [np.array(array(self.labels))],
            [self.labels.name],
        )
        return improve(
            pairs.images,
            pairs.labels,
            model=self.model,
            before=before,
            accepted=() if self.everything else [accepted_ids(self.labels)],
            channel_axis=pairs.channel_axis,
            rgb=pairs.rgb,
            names=pairs.names,
            optimisation=optimisation,
            report=report.part(1, 1.06),
        )


def _as_seen(own: Source, config: ModelConfig) -> Source:
    """Return an image with the channels that a model takes, as when it predicts."""
    if own.channel_axis is None:
        return own
    if own.channel is not None:
        one = np.take(np.asarray(own.array), own.channel, own.channel_axis)
        return replace(own, array=one, channel_axis=None, channel=None, rgb=False)
    found, axis = in_grey(np.asarray(own.array), own.channel_axis, config)
    return own if axis is not None else replace(own, array=found, channel_axis=None, rgb=False)


def accepted_ids(layer: Labels) -> list[int]:
    """Return the objects that are accepted, in every plane or volume that has them."""
    own = LabelledRows(layer)
    if ACCEPTED not in own.table:
        return []
    marks = np.asarray(own.table[ACCEPTED]).astype(str)
    said = np.isin(np.char.lower(marks), ("true", "1", "1.0", "yes"))
    return sorted({int(n) for n in own.index} - {int(n) for n in own.index[~said]})


def prediction_of(layer: Layer | None) -> Recipe | None:
    """Return the recipe by which a model made labels, without what was done to them since."""
    made = None if layer is None else made_by(layer)
    if made is None:
        return None
    steps = Recipe.from_dict(made).steps
    by_model = [
        number
        for number, step in enumerate(steps)
        if "model" in step.parameters and METHODS[step.method].is_labelling
    ]
    return Recipe.from_dict(made).up_to(by_model[-1]) if by_model else None


class LearnAgain:
    """A button that improves the model of a form by its result, as that is now.

    Parameters
    ----------
    form : MethodForm
        That predicts.

    Attributes
    ----------
    running : Running
        The button and its bar.
    learns_from : Choice
    optimisation : Optimisation
        How long, and by which steps.
    parts : list of QWidget and QLayout
        For the form to lay out; none where it has no model that gives labels.
    """

    def __init__(self, form: MethodForm) -> None:
        self._form, self._enough = form, threading.Event()
        self.optimisation = IMPROVING
        self.running = Running(form, "Learn again", self._begin, stop=self.stop)
        self.learns_from = Choice("Learn from")
        one_by_one = form.method.name == "detect"
        entries = [] if one_by_one else [("from changes", False)]
        self.learns_from.offer([*entries, ("from all", True)])
        self.running.button.setToolTip(
            "Improve the model by the labels as they are now, for two minutes, and keep it under "
            "a name of its own; Stop keeps what is learnt so far"
        )
        self.learns_from.setToolTip(
            "From changes: objects that were changed, painted or accepted, and what is around "
            "them. From all: every object that is shown, and the background, is right"
        )
        labelling = "model" in form.fields and form.method.is_labelling
        row = beside_one_another(self.running.button, self.learns_from)
        self.parts: list[Any] = [row, self.running.bar] if labelling else []
        if not labelling:
            self.learns_from.setVisible(False)

    @property
    def job(self) -> Job | None:
        """The work under way."""
        return self.running.job

    def _begin(self) -> None:
        given = self._corrected()
        self._enough.clear()
        cache, optimisation = self._form.cache, self.optimisation
        self.running.start(
            lambda report: given.learn(cache, optimisation, Reporter(self._listening(report))),
            title=f"Learning again: {given.labels.name}",
            finished=self._finished,
            failed=self._failed,
            at_close="A model is being improved. What it has learnt so far is kept. Close?",
        )
        self._form.say(f"Learning from {given.labels.name!r} ...")

    def _corrected(self) -> Corrected:
        """Return what is to be learnt from: the selected labels, or the last result."""
        layers = self._form.viewer.layers
        chosen = (layers.selection.active, self._form.results.latest, *reversed(layers))
        for layer in (each for each in chosen if each in layers):
            prediction = prediction_of(layer)
            if prediction is not None:
                return Corrected(
                    layer, self._source(layer, prediction), prediction, self.learns_from.chosen
                )
        raise ValueError(
            "there are no labels that a model has made; press Run, put some objects right, then "
            "press Learn again"
        )

    def _source(self, layer: Layer, prediction: Recipe) -> Source:
        """Return the image that labels were made of, with its channels as they were then."""
        first = prediction.first
        image = image_behind(layer, self._form.viewer.layers)
        if image is None or first.source.get("parts"):
            raise ValueError(
                f"the image that {layer.name!r} was made of ({first.source.get('name')!r}) is "
                "needed as one layer; open it, or train a new model that starts from this one"
            )
        axis = first.channel_axis if isinstance(first.channel_axis, int) else None
        return source(image, channel_axis=axis, channel=first.channel)

    def _listening(self, report: Reporter) -> Callable[[Progress], None]:
        """Return what takes progress in the thread, and brings the stop."""

        def take(progress: Progress) -> None:
            report(progress)
            if self._enough.is_set():
                raise Stop

        return take

    def stop(self) -> None:
        """End after the present step; what is learnt so far is kept."""
        self._enough.set()
        self.running.button.setEnabled(False)
        self._form.say("Stopping; what is learnt so far is kept ...")

    def _finished(self, made: Improvement) -> None:
        self.running.button.setEnabled(True)
        self._form.fields["model"].value = made.model.name
        self._form.say(f"{made} Press Run to apply it.", wrong=made.on_old.is_worse)

    def _failed(self, error: Exception) -> None:
        self.running.button.setEnabled(True)
        if isinstance(error, Stop):
            self._form.say("Stopped before the first step; nothing was kept.")
        else:
            self._form.complain(error)

    def release(self) -> None:
        """End with the form."""
        self._enough.set()
