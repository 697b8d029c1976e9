"""The files of a model folder, written while its network is trained. None is a pickle."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_tessera.algorithms.file_lock import FileLock
from napari_tessera.deep.models.config import ModelConfig, parsed
from napari_tessera.signature.schema import one_line, shown
from napari_tessera.signature.text_files import parse_csv, parse_json, read_text

if TYPE_CHECKING:
    from pathlib import Path

    import torch

CONFIG, WEIGHTS, RESUME = "config.json", "weights.safetensors", "resume.safetensors"
LOSSES, CARD = "losses.csv", "card.md"
_NEW = ".new"
_LARGEST, _LARGEST_CARD = 1 << 26, 1 << 20
"""Bytes of the largest texts that are opened."""
_PICTURE = re.compile(r"!\[|<")
"""What begins a picture, or HTML, in a card."""
FILES = (CONFIG, WEIGHTS, RESUME, LOSSES, CARD)
"""All that a model folder may hold."""
_BEGUN = {CONFIG, LOSSES, CARD, *(name + _NEW for name in FILES)}


class Folder:
    """A model folder that is written while its network is trained.

    Every file is written under another name and then renamed, so that whatever ends the training
    leaves the last good ones.

    Parameters
    ----------
    path : Path
        Need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """True if it holds a training to go on with."""
        return (self.path / RESUME).is_file()

    def check(self, *, resume: bool = False) -> None:
        """Raise an error if a training may not write here.

        Parameters
        ----------
        resume : bool
            Whether the folder may hold a training to go on with.

        Raises
        ------
        FileExistsError
            If something else is there.
        """
        if not self.path.exists() or (resume and self.exists):
            return
        if not self.path.is_dir():
            raise FileExistsError(f"model is {str(self.path)!r}, which is a file; name a folder")
        held = {each.name for each in self.path.iterdir()}
        if resume and WEIGHTS in held:
            raise FileExistsError(
                f"model {self.path.name!r} has no {RESUME} to go on with; train a new one that "
                "starts from its weights"
            )
        # _BEGUN: an interrupted beginning leaves no more than that
        if held and not (resume and held <= _BEGUN):
            raise FileExistsError(
                f"model is {str(self.path)!r}, which is there already; choose another name, or "
                "resume its training"
            )

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other trainings out of the folder, which need not be there, until this one ends.

        Raises
        ------
        FileExistsError
            If another one goes on; what a killed one has left is no hindrance.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
        if not lock.take():
            raise FileExistsError(
                f"model {self.path.name!r} is being trained by another process; choose another "
                "name, or wait until it ends"
            )
        with lock:
            yield

    def create(self, config: ModelConfig) -> None:
        """Make the folder, with a config and nothing else.

        Raises
        ------
        FileExistsError
            If there are weights or a training to go on with.
        """
        for name in (WEIGHTS, RESUME):
            if (self.path / name).exists():
                raise FileExistsError(
                    f"{self.path} has a {name}, which is not overwritten; choose another folder"
                )
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / LOSSES).unlink(missing_ok=True)  # of a training that kept nothing
        self.write_config(config)

    def write_weights(self, state: Mapping[str, torch.Tensor], config: ModelConfig) -> ModelConfig:
        """Write weights together with their config.

        Parameters
        ----------
        state : mapping of str to Tensor
            What `state_dict` of the network gives, on any device.
        config : ModelConfig

        Returns
        -------
        ModelConfig
            With the hash of the weights.
        """
        fresh = self.path / (WEIGHTS + _NEW)
        _save(fresh, state)
        config = replace(config, weights=sha256(fresh))
        own = self._write_new(CONFIG, config.written())
        fresh.replace(self.path / WEIGHTS)
        # whoever reads in between finds the new config beside the old one, see `read_config`
        own.replace(self.path / CONFIG)
        return config

    def read_weights(self) -> dict[str, torch.Tensor]:
        """Return the weights by name, on the CPU."""
        return read_tensors(self.path / WEIGHTS)[0]

    def write_config(self, config: ModelConfig) -> None:
        """Write the config alone."""
        self._write_new(CONFIG, config.written()).replace(self.path / CONFIG)

    def read_config(self) -> ModelConfig:
        """Return the config, see `read_config`."""
        return read_config(self.path)

    def append_losses(self, row: Mapping[str, Any]) -> None:
        """Add a row to losses.csv, below a header; None is an empty field."""
        before = self._losses()
        names = next(csv.reader(before.splitlines()), list(row))
        added = io.StringIO()
        writer = csv.DictWriter(added, names, lineterminator="\n")
        if not before:
            writer.writeheader()
        writer.writerow(row)
        self._write_new(LOSSES, before + added.getvalue()).replace(self.path / LOSSES)

    def read_losses(self) -> list[dict[str, float | None]]:
        """Return the rows of losses.csv, of an epoch that was repeated the last."""
        found: dict[Any, dict[str, float | None]] = {}
        for number, row in enumerate(parse_csv(self._losses(), LOSSES)):
            numbers = {name: _number(text, name, number + 1) for name, text in row.items()}
            found[numbers.get("epoch", -number)] = numbers
        return list(found.values())

    def _losses(self) -> str:
        path = self.path / LOSSES
        return read_text(path, largest=_LARGEST) if path.is_file() else ""

    def read_card(self) -> str:
        """Return card.md for a reader, or why it cannot be read; pictures in it are not opened."""
        path = self.path / CARD
        if not path.is_file():
            return ""
        try:
            return _PICTURE.sub(r"\\\g<0>", read_text(path, largest=_LARGEST_CARD))
        except (OSError, ValueError) as error:
            return f"The card cannot be read: {error}"

    def write_resume(self, tensors: Mapping[str, torch.Tensor], numbers: Mapping[str, Any]) -> None:
        """Write where a training stands.

        Parameters
        ----------
        tensors : mapping of str to Tensor
        numbers : mapping
            Whatever JSON can hold.
        """
        fresh = self.path / (RESUME + _NEW)
        _save(fresh, tensors, {"numbers": json.dumps(dict(numbers))})
        fresh.replace(self.path / RESUME)

    def read_resume(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Return what `write_resume` wrote.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If it is damaged.
        """
        tensors, texts = read_tensors(self.path / RESUME)
        try:
            return tensors, dict(parse_json(texts["numbers"], RESUME))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self.path / RESUME} is damaged: its numbers are lost") from error

    def write_card(self, text: str) -> None:
        """Write card.md."""
        self._write_new(CARD, text).replace(self.path / CARD)

    def remove(self) -> None:
        """Remove the folder of a training that was stopped before it had weights."""
        if (self.path / WEIGHTS).exists() or not self.path.is_dir():
            return
        for name in FILES:
            for each in (name, name + _NEW):
                (self.path / each).unlink(missing_ok=True)
        with suppress(OSError):  # there are files of others
            self.path.rmdir()

    def _write_new(self, name: str, text: str) -> Path:
        """Write a file under another name, safely on the disk, and return where."""
        fresh = self.path / (name + _NEW)
        with _writing(fresh), fresh.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return fresh


def read_config(path: Path) -> ModelConfig:
    """Return the config of a model folder.

    Should the computer have stopped between the renaming of new weights and of their config, it is
    the one that goes with the weights.

    Raises
    ------
    FileNotFoundError
        If there is no folder or no config.
    ValueError
        If the config cannot be read.
    """
    if not (path / CONFIG).is_file():
        what = f"has no {CONFIG}, so it is no model folder" if path.is_dir() else "is not there"
        raise FileNotFoundError(f"{path} {what}")
    config = parsed(read_text(path / CONFIG, largest=_LARGEST))
    fresh = path / (CONFIG + _NEW)
    if fresh.is_file() and (path / WEIGHTS).is_file():
        with suppress(OSError, ValueError):
            later = parsed(read_text(fresh, largest=_LARGEST))
            if later.weights != config.weights and later.weights == sha256(path / WEIGHTS):
                return later
    return config


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _save(
    path: Path, tensors: Mapping[str, torch.Tensor], texts: dict[str, str] | None = None
) -> None:
    from safetensors.torch import save_file

    plain = {name: each.detach().cpu().contiguous() for name, each in tensors.items()}
    with _writing(path):
        # safetensors lets nobody else read what it writes; others may as the umask says
        path.unlink(missing_ok=True)
        path.touch()
        mode = stat.S_IMODE(path.stat().st_mode)
        save_file(plain, path, texts)
        path.chmod(mode)
        with path.open("r+b") as file:  # on the disk before an older file gives way
            os.fsync(file.fileno())


@contextmanager
def _writing(fresh: Path) -> Iterator[None]:
    """Remove a file that could not be written, and say what to do."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        fresh.unlink(missing_ok=True)  # it may fill the disk
        raise OSError(
            f"{fresh.name.removesuffix(_NEW)} of model {fresh.parent.name!r} cannot be written "
            f"({error}); make room on the disk and resume the training"
        ) from error


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Return the tensors of a safetensors file by name, and its texts.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is another kind of file, or damaged; a pickle is never opened.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            # copies: what is still mapped could not be replaced on Windows
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            return tensors, dict(file.metadata() or {})
    # besides its own, some of Python's for types of numbers that torch has not
    except (
        SafetensorError,
        AttributeError,
        KeyError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError(f"{path} is no intact safetensors file ({error})") from error


def _number(text: str, name: str, row: int) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise ValueError(
            f"{LOSSES}: row {row} has the {one_line(name)} {shown(text)}; a number is wanted"
        ) from None
