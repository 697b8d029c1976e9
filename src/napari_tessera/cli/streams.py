"""What a command says, to streams that may be closed, full or of another alphabet.

A reader that has gone (``| head -1``) or a full disk behind ``>`` ends no batch: what is said is
lost, and the files are still written.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

_GONE = (errno.EPIPE, errno.EINVAL)  # the second on Windows


class SteadyStream:
    """A text stream that drops what it cannot write.

    Parameters
    ----------
    stream : file
        Letters that its encoding lacks are written as escapes.

    Attributes
    ----------
    error : OSError or None
        Why something was dropped; a reader that has gone is no reason.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        """Write text, or drop it."""
        try:
            self._stream.write(text)
        except OSError as error:
            self._dropped(error)
        return len(text)

    def flush(self) -> None:
        """Write what was kept back, or drop it."""
        try:
            self._stream.flush()
        except OSError as error:
            self._dropped(error)

    def _dropped(self, error: OSError) -> None:
        if error.errno not in _GONE:
            self.error = self.error or error
        # what the stream has kept back goes to nowhere, or it would fail again at the very end
        nowhere = os.open(os.devnull, os.O_WRONLY)
        with suppress(OSError):  # some have no number
            os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def steady_streams() -> Iterator[SteadyStream]:
    """Let nothing that is printed end the command; give the stream of its results."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, _opened(number))
    before = sys.stdout, sys.stderr
    out, err = SteadyStream(sys.stdout), SteadyStream(sys.stderr)
    sys.stdout, sys.stderr = out, err
    try:
        yield out
    finally:
        out.flush()
        if out.error is not None:
            print(f"the output cannot be written: {out.error.strerror}", file=err)
        err.flush()
        sys.stdout, sys.stderr = before


def _opened(number: int) -> TextIO:
    """Open a standard stream that is closed to nowhere.

    Its number is taken too: otherwise the next file that is opened gets it, and whatever libraries
    print goes into that file.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        os.fstat(number)
    except OSError:
        os.dup2(nowhere, number)
    if nowhere != number:
        os.close(nowhere)
    return open(os.devnull, "r+" if number == 0 else "w", encoding="utf-8")  # noqa: PTH123 (it stays open)
