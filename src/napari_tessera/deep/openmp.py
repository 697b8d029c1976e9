"""How the threads of PyTorch wait for work, which has to be said before PyTorch is loaded."""

from __future__ import annotations

import os
import sys

POLICY = "OMP_WAIT_POLICY"
"""What every OpenMP looks at: libgomp, which PyTorch brings on Linux, LLVM's and Intel's."""

CHOSEN = (POLICY, "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
"""By what people choose how threads wait."""


SPINS = 1000
"""How often libgomp's threads look for work before they sleep: some microseconds.

Measured on two cores, a step of the default U-Net: with its own 300 000, 0.36 s beside nothing else
and 1.3 s beside a busy program; with 0, 0.53 and 0.71 s; with 1000, 0.41 and 0.74 s.
"""


def sleep_soon() -> None:
    """Let threads that have nothing to do sleep soon, unless it was chosen how they wait.

    libgomp lets them spin for some milliseconds after each of the hundreds of operations of a
    network. Where another program, or the viewer, wants the cores, these threads wait for one
    another while they keep the cores busy: a training step took four to seven times as long on two
    threads as on one. Others are asked to sleep at once.

    Nothing happens if PyTorch is loaded already.
    """
    if "torch" not in sys.modules and not any(name in os.environ for name in CHOSEN):
        os.environ |= {POLICY: "PASSIVE", "GOMP_SPINCOUNT": str(SPINS)}
