"""The name of a model to be trained, and what becomes of a model that has it already."""

from __future__ import annotations

from dataclasses import dataclass

from psygnal import Signal
from qtpy.QtWidgets import QLineEdit

from napari_tessera.deep.models.library import (
    Folder,
    Model,
    find_model,
    free_name,
    models_folder,
    place_of,
)
from napari_tessera.deep.networks.registry import NETWORKS
from napari_tessera.widgets.qt.choice import Choice
from napari_tessera.widgets.qt.plain_text import PlainLabel


@dataclass(frozen=True)
class Earlier:
    """What is known of a model that is there already.

    Attributes
    ----------
    name : str
    model : Model, optional
        None if it cannot be read.
    problem : str
        Why not.
    epochs : int
        How many it was trained for.
    seconds : float
        How long they took.
    resumable : bool
        Whether its training can go on.
    """

    name: str
    model: Model | None = None
    problem: str = ""
    epochs: int = 0
    seconds: float = 0.0
    resumable: bool = False

    def __str__(self) -> str:
        if self.model is None:
            return f"There is a model {self.name!r} that cannot be used: {self.problem}"
        config = self.model.config
        score = "" if config.score is None else f", score {config.score:.3f}"
        epochs = f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}"
        return f"There is a model {self.name!r}: {NETWORKS[config.network].title}, {epochs}{score}."


def earlier_model(name: str) -> Earlier | None:
    """Return what is known of the user's model of this name, None if there is none."""
    try:
        place = place_of(name)
        if not name or not place.exists():
            return None
        model, folder = find_model(name), Folder(place)
        rows = folder.read_losses()
    except (ValueError, OSError) as error:
        return Earlier(name, problem=str(error)) if _is_there(name) else None
    last = rows[-1] if rows else {}
    epochs, seconds = last.get("epoch") or 0, last.get("seconds") or 0.0
    return Earlier(name, model, "", int(epochs), seconds, folder.exists)


def _free_place(name: str) -> str:
    """Return a name like the one of a model that is there, or a path beside it."""
    place, number = place_of(name), 2
    if place.parent == models_folder():
        return free_name(name)
    while (free := place.with_name(f"{place.name} {number}")).exists():
        number += 1
    return str(free)


def _is_there(name: str) -> bool:
    try:
        return place_of(name).exists()
    except (ValueError, OSError):  # it is no name, which is said when the training begins
        return False


@dataclass(frozen=True)
class NextTraining:
    """What a training makes of a model that is there.

    Attributes
    ----------
    title : str
        For people; may name the new model: {new}.
    resumes : bool
        Whether its training goes on.
    starts_from : bool
        Whether a new model begins with its weights.
    """

    title: str
    resumes: bool = False
    starts_from: bool = False


ANEW = NextTraining("train a new one, {new!r}")
GO_ON = NextTraining("go on with it", resumes=True)
START = NextTraining("start a new one from it, {new!r}", starts_from=True)


class ModelName:
    """A line for the name, what is there of that name, and what is to become of it.

    Attributes
    ----------
    line, about, choice : QLineEdit, PlainLabel, Choice
        The latter two are for a model that is there.
    earlier : Earlier, optional
        The model that has the name.
    changed : Signal
        Emitted when there is another name, or another choice.
    """

    changed = Signal()

    def __init__(self) -> None:
        self.line, self.about, self.choice = QLineEdit(), PlainLabel(), Choice("Model of this name")
        self.line.setToolTip("The model is kept under this name, in your folder of models")
        self.choice.setToolTip(
            "Train a new one under another name, go on with the one that is there, or start a new "
            "one from its weights"
        )
        self.earlier: Earlier | None = None
        self._suggested = ""
        self.line.textChanged.connect(self._typed)
        self.choice.currentIndexChanged.connect(lambda: self.changed.emit())

    @property
    def written(self) -> str:
        """The name as it is written."""
        return self.line.text().strip()

    @property
    def target(self) -> str:
        """The name under which the trained model will be kept."""
        new = self.earlier is not None and not self.chosen.resumes
        return _free_place(self.written) if new else self.written

    @property
    def chosen(self) -> NextTraining:
        """What is to become of the model that is there."""
        return self.choice.chosen if self.earlier is not None else ANEW

    @property
    def resumes(self) -> bool:
        """Whether the training of the model that is there goes on."""
        return self.chosen.resumes

    def suggest(self, wanted: str) -> None:
        """Write a free name, unless somebody has written one."""
        if self.written in ("", self._suggested):
            self._suggested = free_name(wanted)
            self.line.setText(self._suggested)

    def choose(self, name: str, chosen: NextTraining) -> None:
        """Write the name of a model that is there, and what is to become of it."""
        self.line.setText(name)
        self.refresh()
        self.choice.choose(chosen)

    def refresh(self) -> None:
        """Look anew for a model of this name; what was chosen stays while it can be done."""
        self.earlier = found = earlier_model(self.written)
        if found is not None:
            able = {ANEW: True, GO_ON: found.resumable, START: found.model is not None}
            new = _free_place(self.written)
            self.choice.offer([(e.title.format(new=new), e) for e, can in able.items() if can])
        self.about.setText("" if found is None else str(found))
        self.changed.emit()

    def _typed(self, *_: object) -> None:
        self.choice.choose(ANEW)
        self.refresh()
