"""Errors of the system as sentences for people: what is in the way, where, and what to do."""

from __future__ import annotations

import errno
import os

_ADVICE = {
    errno.EROFS: "the disk is read-only; choose another place",
    errno.EACCES: "you have no right to it; choose another place, or have the right given to you",
    errno.EPERM: "you have no right to it; choose another place, or have the right given to you",
    errno.ENOSPC: "the disk is full; make room on it, or choose another place",
    getattr(errno, "EDQUOT", errno.ENOSPC): (
        "your share of the disk is full; make room in it, or choose another place"
    ),
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EMFILE: "too many files are open; close some programs, or raise the limit (ulimit -n)",
    errno.EIO: "the disk or the network gave an error; see whether it is there, and try again",
}
"""What the errors of a system mean, and what to do."""


def cause_of(error: OSError) -> str:
    """Return what is in the way, and what to do, without the place.

    Examples
    --------
    >>> cause_of(OSError(errno.EROFS, "Read-only file system", "/cdrom/cells.tif"))
    'the disk is read-only; choose another place'
    """
    if error.errno is None or error.strerror is None:
        return str(error) or type(error).__name__
    is_own = error.strerror != os.strerror(error.errno)  # a sentence of this program
    return error.strerror if is_own else _ADVICE.get(error.errno, error.strerror)


def sentence_of(error: BaseException) -> str:
    """Return what went wrong, for people: without the number that a system gives it.

    Examples
    --------
    >>> sentence_of(OSError(errno.ENOSPC, "No space left on device", "cells.tif"))
    "'cells.tif': the disk is full; make room on it, or choose another place"
    >>> sentence_of(ValueError("levels is empty")), sentence_of(MemoryError())
    ('levels is empty', 'MemoryError')
    """
    if not isinstance(error, OSError) or error.errno is None or error.strerror is None:
        return str(error) or type(error).__name__
    said = cause_of(error)
    places = [repr(str(each)) for each in (error.filename, error.filename2) if each is not None]
    if not places or any(each in said for each in places):
        return said
    return f"{' and '.join(places)}: {said}"
