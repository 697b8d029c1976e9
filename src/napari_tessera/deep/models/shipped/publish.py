"""Make of a trained model one that comes with napari-tessera."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_tessera.deep.data.kept_examples import (
    REPLAY,
    VALIDATION,
    read_examples,
    write_examples,
)
from napari_tessera.deep.models.card import training_sections
from napari_tessera.deep.models.folder import Folder
from napari_tessera.deep.models.model import Model

if TYPE_CHECKING:
    from pathlib import Path

    import torch


THINNED = 3
"""Of so many examples that a trained model keeps, one is shipped: packages are to be small."""


@dataclass(frozen=True)
class HeldOutFigures:
    """How well a model does on images that it was not trained on.

    Attributes
    ----------
    images : str
        Which images they are, and how many.
    figures : mapping of str to float
        What was measured -> its mean over them, of all the same.
    """

    images: str
    figures: Mapping[str, float]


@dataclass(frozen=True)
class CardFacts:
    """What the card of a shipped model says besides its settings, in Markdown.

    Attributes
    ----------
    title : str
    purpose : str
        Which images it is for, and what to do with others.
    data : str
        What it was trained on, from where, and under which licences that is.
    measure : str
        What its figures are.
    limits : str
        Where it fails.
    licence : str
        Under which the model may be used.
    """

    title: str
    purpose: str
    data: str
    measure: str
    limits: str
    licence: str


def publish(
    model: Model,
    place: Path,
    facts: CardFacts,
    judge: Callable[[Model], Sequence[HeldOutFigures]],
) -> Model:
    """Write a trained model with weights of 16 bits, judge that one, and write its card.

    What only going on with the training needs is left out, and of the examples that it keeps a
    third comes along, so that people can improve it.

    Parameters
    ----------
    model : Model
        A trained one.
    place : Path
        A new folder.
    facts : CardFacts
    judge : callable
        Takes the model as it is shipped; returns how well it does, the most important first.

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        If a weight is too large for 16 bits, or nothing was judged.
    FileExistsError
        If there is a model.
    """
    trained, folder = Folder(model.path), Folder(place)
    weights = in_half_precision(trained.read_weights())
    folder.create(replace(model.config, weights=""))
    config = folder.write_weights(weights, model.config)
    figures = judge(Model(place, config))
    if not figures:
        raise ValueError("judge gave nothing; pass one that returns at least one HeldOutFigures")
    name, score = next(iter(figures[0].figures.items()))
    judged = replace(config, score=score, scored=f"{name} on {figures[0].images}")
    folder.write_config(judged)
    # under Training, the card says what the validation in training found
    sections = (
        f"# {facts.title}\n\n{facts.purpose}\n",
        f"## How well it does\n\n{facts.measure}\n\n{_table(figures)}",
        f"## Where it fails\n\n{facts.limits}\n",
        f"## Data\n\n{facts.data}\n",
        f"## Licence\n\n{facts.licence}\n",
        *training_sections(config, trained.read_losses()),
    )
    folder.write_card("\n".join(sections))
    for kept in (VALIDATION, REPLAY):
        if (model.path / kept).is_file():
            write_examples(place / kept, read_examples(model.path / kept)[::THINNED])
    return Model(place, judged)


def in_half_precision(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights with 16 bits, those that are whole numbers as they are.

    Raises
    ------
    ValueError
        If one is too large for 16 bits.

    Examples
    --------
    >>> import torch
    >>> in_half_precision({"a": torch.tensor([0.1]), "count": torch.tensor(7)})
    {'a': tensor([0.1000], dtype=torch.float16), 'count': tensor(7)}
    """
    halved = {n: each.half() if each.is_floating_point() else each for n, each in weights.items()}
    for name, each in halved.items():
        if each.is_floating_point() and not each.isfinite().all():
            raise ValueError(
                f"{name} has weights up to {float(weights[name].abs().max()):g}, but 16 bits hold "
                "65504 at most; train the model again, with more weight decay"
            )
    return halved


def _table(rows: Sequence[HeldOutFigures]) -> str:
    """Return figures as a table in Markdown."""
    names = list(rows[0].figures)
    lines = [f"| images | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    lines += [
        f"| {row.images} | {' | '.join(f'{row.figures[name]:.3f}' for name in names)} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"
