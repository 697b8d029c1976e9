"""``napari-tessera verify``: results made again and compared."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 (the command line reads the annotations)
from typing import Literal

from napari_tessera.batch.verify import verify


def verify_command(
    outputs: list[Path],
    /,
    *,
    input: Path | None = None,  # noqa: A002 (what users type)
    sample: int | None = None,
    all: bool = False,  # noqa: A002
    image: Path | None = None,
    recipe: Path | None = None,
) -> int:
    """Make results again, or samples of them, from what their files say, and compare.

    The exit status is 0 if all is as it was, 1 if a result or its input differs, 2 if one cannot be
    made again: nothing says how it was made, or its input or model is missing.

    Parameters
    ----------
    outputs : list of Path
        Results: labels, images, polygons or tables that this program has written.
    input : Path
        What they were made from; by default the file that each names, or that of its name beside
        it.
    sample : int
        How many planes, volumes or blocks to make again. By default all of images of up to 67
        million pixels, 8 of larger ones.
    all : bool
        Make all again.
    image : Path
        The image that was measured in; by default the file that each names.
    recipe : Path
        The recipe (JSON) of files that have no place for one: CSV, PNG and NumPy outside of
        batches.
    """
    if all and sample is not None:
        print("verify: sample and all are two ways to say how much; leave one out", file=sys.stderr)
        return 2
    images = {} if image is None else {"image": image}
    chosen: int | Literal["all"] | None = "all" if all else sample
    status = 0
    for path in outputs:
        found = verify(path, source=input, sample=chosen, images=images, recipe=recipe)
        print(found, file=sys.stdout if found.status < 2 else sys.stderr)
        status = max(status, found.status)
    return status
