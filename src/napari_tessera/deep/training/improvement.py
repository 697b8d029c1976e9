"""What came of improving a model, in figures and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from napari_tessera.deep.models.library import Model

WORSE = 0.01
"""How much lower a score on the old validation examples may be without being called worse."""


@dataclass(frozen=True)
class Judgement:
    """How good the old and the new model are on the same examples; None = was not found out.

    Attributes
    ----------
    before, after : float, optional
        Average precision of objects, or mean IoU of classes.
    """

    before: float | None = None
    after: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is anything to compare."""
        return self.before is not None and self.after is not None

    @property
    def is_worse(self) -> bool:
        """Whether the new model is worse by more than `WORSE`."""
        return self.is_known and cast("float", self.after) < cast("float", self.before) - WORSE

    def __str__(self) -> str:
        return f"{self.before:.2f} -> {self.after:.2f}"


@dataclass(frozen=True)
class Improvement:
    """What came of improving a model.

    Attributes
    ----------
    model : Model
        The new one.
    old : Model
        The one it began with, which is as it was.
    on_old : Judgement
        On the validation examples that the old model has kept.
    on_corrections : Judgement
        On what was learnt from.
    missing : str
        Why there is nothing to judge the old knowledge on, and what to do; "" if there is.
    """

    model: Model
    old: Model
    on_old: Judgement
    on_corrections: Judgement
    missing: str = ""

    def __str__(self) -> str:
        what = "AP" if self.model.config.kind == "objects" else "mean IoU"
        told = [f"Model {self.model.name!r} is ready; {self.old.name!r} is kept as it was."]
        if self.on_corrections.is_known:
            told.append(f"On what was put right: {what} {self.on_corrections}.")
        if self.on_old.is_known:
            verdict = ": worse" if self.on_old.is_worse else ""
            told.append(f"On the old validation images: {what} {self.on_old}{verdict}.")
        if self.on_old.is_worse:
            told.append(f"For images like those go on with {self.old.name!r}.")
        return " ".join(filter(None, (*told, self.missing)))
