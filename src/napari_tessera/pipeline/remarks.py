"""What a method remarks of the planes, volumes or blocks it works on, said once of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_tessera.signature.progress import Progress, Reporter

OFTEN = 0.25
"""Share of the places from which a remark is worth saying: one of many is most often by chance."""


class Listening(Reporter):
    """A reporter that also keeps what is remarked; it can be used in place of another one.

    Parameters
    ----------
    report : Reporter
        Where everything goes on to.

    Attributes
    ----------
    remarks : dict
        What it is about -> a sentence.

    Examples
    --------
    >>> heard = Listening(Reporter())
    >>> heard.part(0, 2)(Progress(1, 1, {"remarks": {"size": "Its objects are large"}}))
    >>> heard.remarks
    {'size': 'Its objects are large'}
    """

    def __init__(self, report: Reporter) -> None:
        self.remarks: dict[str, str] = {}

        def hear(progress: Progress) -> None:
            self.remarks.update(progress.values.get("remarks", {}))
            report(progress)

        super().__init__(hear)


def summed_up(every: Sequence[Mapping[str, str]], noun: str) -> tuple[str, ...]:
    """Return one sentence for what is remarked of at least a quarter of the places.

    Parameters
    ----------
    every : sequence of mapping
        For each place, what a remark is about -> a sentence.
    noun : str
        What the places are, in plural.

    Examples
    --------
    >>> summed_up([{"size": "Its objects are large"}], "planes")
    ('Its objects are large',)
    >>> summed_up([{}, {"size": "Its objects are large"}, {}], "planes")
    ('1 of 3 planes: Its objects are large',)
    """
    subjects = dict.fromkeys(subject for each in every for subject in each)
    said = []
    for subject in subjects:
        own = [each[subject] for each in every if subject in each]
        if len(own) >= OFTEN * len(every):
            where = f"{len(own)} of {len(every)} {noun}: " if len(every) > 1 else ""
            said.append(where + own[0])
    return tuple(said)
