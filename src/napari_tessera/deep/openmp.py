"""How the threads of PyTorch wait for work, which has to be said before PyTorch is loaded."""

from __future__ import annotations

import os
import sys

POLICY = "OMP_WAIT_POLICY"
"""What every OpenMP looks at: libgomp, which PyTorch brings on Linux, LLVM's and Intel's."""

CHOSEN = (POLICY, "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
"""By what people choose how threads wait."""


def wait_passively() -> None:
    """Let threads that have nothing to do sleep, unless it was chosen how they wait.

    libgomp lets them spin for some milliseconds after each of the hundreds of operations of a
    network. Where another program, or the viewer, wants the cores, these threads wait for one
    another while they keep the cores busy: a training step took four to seven times as long on two
    threads as on one. Asleep, they cost nothing.

    Nothing happens if PyTorch is loaded already.
    """
    if "torch" not in sys.modules and not any(name in os.environ for name in CHOSEN):
        os.environ[POLICY] = "PASSIVE"
