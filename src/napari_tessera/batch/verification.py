"""What was found when a result was made again from what it keeps of its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from napari_tessera.pipeline.recipes.comparison import Comparison


@dataclass(frozen=True)
class Verification:
    """What was found when a result was made again, see `verify`.

    Attributes
    ----------
    path : str
        The file.
    made_by : str
        The methods that made it, as "threshold, label".
    part : str
        What was made again, as "all of it" or "8 of 60 planes"; "" if nothing was.
    comparison : Comparison, optional
        How much of it was compared, and how much differs; None if nothing was compared.
    places : tuple of str
        Where it differs, the first few places.
    inputs : tuple of str
        What has changed of its inputs, a sentence each.
    versions : dict
        Packages that have another version now: the one then, the one now.
    problem : str
        Why nothing was compared.
    """

    path: str
    made_by: str = ""
    part: str = ""
    comparison: Comparison | None = None
    places: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    versions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    problem: str = ""

    @property
    def equal(self) -> bool | None:
        """Whether what was made again is what is kept; None if nothing was compared."""
        return None if self.comparison is None else not self.comparison.differing

    @property
    def status(self) -> int:
        """0 = all is as it was, 1 = something differs, 2 = nothing could be compared."""
        if self.equal is None:
            return 2
        return 0 if self.equal and not self.inputs else 1

    def __str__(self) -> str:
        """Return what was found as sentences for people, one a line."""
        lines = [f"{self.path}: {self._found()}"]
        lines += [f"  {place}" for place in self.places]
        lines += [f"  {each}" for each in self.inputs]
        lines += [
            f"  made with {name} {then}, now there is {now or 'none'}"
            for name, (then, now) in self.versions.items()
        ]
        return "\n".join(lines)

    def _found(self) -> str:
        found = self.comparison
        if found is None:
            return f"cannot be made again: {self.problem}"
        began = f"{self.made_by}; {self.part} made again: "
        if not found.differing:
            return f"{began}equal{', up to the numbers of objects' if found.renumbered else ''}"
        if found.renumbered and not found.objects:
            return f"{began}the same objects, numbered otherwise"
        objects = f" and {_counted(found.objects, 'object')}" if found.objects else ""
        return (
            f"{began}differs in {_counted(found.differing, found.unit)}{objects}, of "
            f"{found.pixels} compared"
        )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
