"""Call every method with arrays and options of every kind, and count how the calls end.

    python tools/fuzz.py 350
    python tools/fuzz.py 2000 --only watershed,crf --seed 7

Compiled code checks the bounds of its arrays. It ends with 1 if a call ended neither in a result of
its kind nor in an error that names an argument; such calls are printed with the seed that repeats
them.
"""

import argparse
import os
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

# ruff: noqa: E402 (before numba is imported; what was compiled without checks is not used)
os.environ["NUMBA_BOUNDSCHECK"] = "1"
CACHE = Path(tempfile.gettempdir()) / "napari-tessera-fuzz"
os.environ.setdefault("NUMBA_CACHE_DIR", str(CACHE))

import numpy as np

from napari_tessera import METHODS
from napari_tessera.methods.method import Method
from napari_tessera.methods.refine.paint import as_text
from napari_tessera.testing.fuzzing import calls, check_call

DRAWN = as_text(np.array([[0, 0], [1, 1]]), np.array([1, 300]))


def ends(method: Method, count: int, seed: int) -> Counter[str]:
    """Return how often the calls of a method ended in which way."""
    found: Counter[str] = Counter()
    for call in calls(method, count, seed, {"drawn": DRAWN}):
        try:
            found[check_call(call)] += 1
        except Exception as error:  # noqa: BLE001 (any is what is looked for)
            found["crash"] += 1
            print(f"{method.name} {call.seed}: {type(error).__name__}: {error}", flush=True)
    return found


def main() -> int:
    """Call the methods that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("count", type=int, help="calls of each method")
    parser.add_argument("--seed", type=int, default=0, help="others are other calls")
    parser.add_argument("--only", default="", help="names of methods, with commas")
    given = parser.parse_args()
    warnings.simplefilter("error")
    names, total = given.only.split(",") if given.only else list(METHODS), Counter[str]()
    for name in names:
        found = ends(METHODS[name], given.count, given.seed)
        print(f"{name}: {', '.join(f'{n} {end}' for end, n in sorted(found.items()))}", flush=True)
        total += found
    print(f"in all: {', '.join(f'{n} {end}' for end, n in sorted(total.items()))}")
    return int(total["crash"] > 0)


if __name__ == "__main__":
    sys.exit(main())
