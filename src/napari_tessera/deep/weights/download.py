"""Files of weights from PyTorch's server, kept where PyTorch keeps them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from napari_tessera.signature.progress import Progress, Reporter
from napari_tessera.signature.words import Report

_CHUNK = 1 << 20


def downloaded(address: str, *, title: str, megabytes: int, report: Report = None) -> Path:
    """Return a file of weights, from PyTorch's cache if it is there.

    Parameters
    ----------
    address : str
        "https://...", whose file may end with "-" and the first digits of its sha256.
    title : str
        What the weights are of, for people.
    megabytes : int
        About the size of the file.
    report : callable, optional
        Takes `Progress`; may raise `Stop`, after which nothing is left.

    Raises
    ------
    ConnectionError
        If it is not in the cache and cannot be downloaded; at once, not after a minute.
    """
    from torch import hub

    from napari_tessera.deep.weights.imagenet import reachable

    path = Path(hub.get_dir()) / "checkpoints" / address.rsplit("/", 1)[-1]
    if path.is_file():
        return path
    reason = f"{address.split('/')[2]} cannot be reached"
    if reachable(address):
        reporter = Reporter.of(report)
        try:
            _fetch(address, path, f"Downloading {title}", megabytes * 10**6, reporter)
        except OSError as error:
            reason = f"the download failed: {error}"
        else:
            return path
    raise ConnectionError(
        f"the weights of {title} are not on this computer and {reason}; fetch {address} "
        f"({megabytes} MB) elsewhere and pass the path of that file, or put it into {path.parent}"
    )


def _fetch(address: str, path: Path, note: str, size: int, report: Reporter) -> None:
    """Download a file of about `size` bytes and check it by the digits in its name."""
    from urllib.request import urlopen

    path.parent.mkdir(parents=True, exist_ok=True)
    fresh, digest, done = path.with_name(path.name + ".new"), hashlib.sha256(), 0
    try:
        with urlopen(address, timeout=30) as source, fresh.open("wb") as target:  # noqa: S310 (an address of ours)
            while chunk := source.read(_CHUNK):
                done += target.write(chunk)
                digest.update(chunk)
                report(Progress(done, max(done, size), {"note": note}))
        wanted = re.search(r"-([0-9a-f]{8,})\.", path.name)
        if wanted and not digest.hexdigest().startswith(wanted[1]):
            raise OSError(f"what {address} gave is damaged")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
