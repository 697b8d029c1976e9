"""What is written while a network is trained, so that whatever ends it leaves the best so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_tessera.deep.models.library import Folder, Model, ModelConfig, card
from napari_tessera.deep.training.distributed import Ranks
from napari_tessera.deep.training.object_validation import ObjectValidator
from napari_tessera.deep.training.state import State, restore_state, stored
from napari_tessera.deep.training.validation import ValidationResult, Validator
from napari_tessera.signature.progress import Reporter, Stop

if TYPE_CHECKING:
    from pathlib import Path

    import torch

HASTE = 0.5
"""Seconds in which thresholds are found when somebody waits for the end."""


@dataclass(frozen=True)
class Checkpoints:
    """What is written as training goes on.

    Attributes
    ----------
    row : callable
        Takes a row for the table of losses.
    good : callable
        Takes the state and what judging it gave, whenever its weights are to be kept.
    resume : callable
        Takes the state after each epoch.
    """

    row: Callable[[dict[str, Any]], None]
    good: Callable[[State, ValidationResult], None]
    resume: Callable[[State], None]

    def led(self, ranks: Ranks) -> Checkpoints:
        """Return what the first of several processes writes for all."""
        return Checkpoints(ranks.led(self.row), ranks.led(self.good), ranks.led(self.resume))


class ModelWriter:
    """Writes a model folder while its network is trained.

    Parameters
    ----------
    folder : Folder
    config : ModelConfig
    validator : Validator or ObjectValidator
    keeps : callable, optional
        Takes the folder and keeps examples there, once there are weights.
    tunes : bool
        Whether thresholds are found in the end; otherwise those of `config` stay.
    """

    def __init__(
        self,
        folder: Folder,
        config: ModelConfig,
        validator: Validator | ObjectValidator,
        *,
        keeps: Callable[[Path], None] | None = None,
        tunes: bool = True,
    ) -> None:
        self._folder, self._config, self._validator = folder, config, validator
        self._keeps, self._tunes = keeps, tunes
        self._written, self._tune = False, ValidationResult().tune

    def _told(self, state: State) -> ModelConfig:
        """Return the config, with the threads that the weights depend on."""
        threads = {"threads": state.threads} if state.threads else {}
        return replace(self._config, training={**self._config.training, **threads})

    @property
    def checkpoints(self) -> Checkpoints:
        """What the training loop calls."""
        return Checkpoints(self._folder.append_losses, self._good_epoch, self._resume)

    def _good_epoch(self, state: State, result: ValidationResult) -> None:
        if not self._folder.exists:
            # first: weights without it could not be gone on with, should all end in between
            self._resume(state)
        self._keep_weights(state, result)

    def _resume(self, state: State) -> None:
        self._folder.write_resume(*stored(state))

    def _keep_weights(self, state: State, result: ValidationResult) -> None:
        config = replace(self._told(state), score=result.score, epoch=state.epoch)
        self._config = self._folder.write_weights(state.average.state_dict(), config)
        self._written, self._tune = True, result.tune if self._tunes else None
        self._keep_examples()

    def _keep_examples(self) -> None:
        """Keep examples, unless that is done."""
        if self._keeps is not None:
            self._keeps(self._folder.path)
            self._keeps = None

    def before(self) -> tuple[ModelConfig, dict[str, torch.Tensor], dict[str, Any]]:
        """Return what an earlier training has left: its config, tensors and numbers.

        Raises
        ------
        ValueError
            If it was on other examples.
        """
        before = self._folder.read_config()
        if before.data != self._config.data:
            raise ValueError(
                f"the examples are others than those that {self._folder.path.name!r} was trained "
                "on; train a new model that starts from this one (transfer weights)"
            )
        return before, *self._folder.read_resume()

    def restore(
        self,
        state: State,
        before: ModelConfig,
        tensors: Mapping[str, torch.Tensor],
        numbers: Mapping[str, Any],
    ) -> None:
        """Put back where an earlier training stopped, from what it has left."""
        restore_state(state, tensors, numbers)
        self._config = replace(before, training=self._config.training)
        self._written = bool(before.weights)
        if not self._written:  # it ended before the first weights were there: any are better
            state.best = State.best

    def keep_something(self, state: State) -> None:
        """Write the present weights, not judged, if there are none: whoever stops keeps them.

        Raises
        ------
        Stop
            If not a single step was taken.
        """
        if not self._written:
            if not state.optimiser.state:
                self._folder.remove()
                raise Stop
            self._keep_weights(state, ValidationResult())

    def finished(self, state: State, report: Reporter, *, stopped: bool = False) -> Model:
        """Find the best thresholds for the best weights, write the card, return the model.

        Parameters
        ----------
        state : State
        report : Reporter
            May raise `Stop`; the rest is then done in `HASTE` seconds.
        stopped : bool
            Whether somebody waits already for the end.
        """
        if not self._written:
            self._keep_weights(state, self._validator(state.average))
        self._keep_examples()  # of a training that went on and was not better than before
        try:
            thresholds = self._thresholds(state, report) if self._tunes and not stopped else {}
        except Stop:
            stopped = True
        if stopped:
            thresholds = self._tune(HASTE, None) if self._tune else {}
        config = replace(self._told(state), thresholds=thresholds or self._config.thresholds)
        self._folder.write_config(config)
        self._folder.write_card(card(config, self._folder.read_losses()))
        return Model(self._folder.path, config)

    def _thresholds(self, state: State, report: Reporter) -> dict[str, float]:
        """Return the best thresholds for the best weights, which are judged again if need be."""
        if self._tune is None:
            state.average.load_state_dict(self._folder.read_weights())
            self._tune = self._validator(state.average, report.part(0, 2)).tune
        return self._tune(math.inf, report.part(1, 2)) if self._tune else {}
