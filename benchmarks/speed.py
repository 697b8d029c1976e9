"""The speed of each method beside that of peers: one table, whose ratios are kept and compared.

Run ``python benchmarks/speed.py [NAME ...]`` for the rows whose title contains a name, or for all.
Ours and each peer take turns in one process, and the shortest of five or more times counts, so that
another program that runs meanwhile slows one turn and not one library. The ratio is the time of the
fastest peer over ours: above 1, ours is faster. Peak memory is ours beyond the input (on Linux).

A ratio that has fallen by 1.3 against the one that is kept is a failure: it is printed, and the
exit status is 1. ``--keep`` keeps what was measured instead, and writes the table of the docs anew.
"""

import argparse
import ctypes
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from memory import peak
from speed_rows import rows

ROUNDS, SHORT, LONG = 5, 5.0, 20.0
"""Turns of each at least, more until so many seconds have passed, and none after the last number."""

FALLEN = 1.3
KEPT = Path(__file__).with_name("speed.json")
PAGE = Path(__file__).parent.parent / "docs" / "speed.md"
FORGET = Path("/proc/self/clear_refs")

INTRODUCTION = """# Speed

`benchmarks/speed.py --keep` has measured this table: ours and each peer took turns in one process on two
cores, and the shortest of five or more times counts. The ratio is the time of the fastest peer over ours:
above 1, ours is faster. Times depend on the machine and on what else it does, ratios much less. Peak memory
is ours beyond the input.

"""


def timed(function):
    """Return the seconds that a call takes, and what it returns."""
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def memory(function):
    """Return how much a call takes at most beyond what is there, in MB; NaN where none tells."""
    if not FORGET.exists():
        return np.nan
    ctypes.CDLL(None).malloc_trim(0)  # what is free would be taken again unseen
    FORGET.write_text("5")
    before = peak()
    function()
    return (peak() - before) / 2**20


@dataclass
class Speed:
    """What was measured of a row.

    Attributes
    ----------
    times : dict
        Library -> shortest time in ms, ours first.
    ratio : float
        Of the time of the fastest peer to ours.
    peak : float
        Our memory beyond the input in MB.
    """

    times: dict[str, float]
    ratio: float
    peak: float


def measured(row):
    """Return the `Speed` of a row, and the share of pixels that differ from the first peer's."""
    known = {"ours": row.ours, **row.peers}
    results = {name: timed(function)[1] for name, function in known.items()}  # compiles, loads
    best, rounds, began, passed = dict.fromkeys(known, np.inf), 0, time.perf_counter(), 0.0
    while passed < (LONG if rounds < ROUNDS else SHORT):
        for name, function in known.items():
            best[name] = min(best[name], 1000 * timed(function)[0])
        rounds, passed = rounds + 1, time.perf_counter() - began
    apart = np.nan
    if row.alike and row.peers:
        own, other = (np.ravel(row.alike(results[name])) for name in list(known)[:2])
        apart = np.mean(own != other) if own.size == other.size else np.nan
    times = {name: round(taken, 1) for name, taken in best.items()}
    ratio = min(best[name] for name in row.peers) / best["ours"]
    return Speed(times, round(ratio, 3), round(memory(row.ours))), apart


def table(found):
    """Return the rows of a Markdown table."""
    peers = sorted({name for each in found.values() for name in each.times} - {"ours"})
    head = ["method and image", "ours, ms", *(f"{peer}, ms" for peer in peers), "ratio", "peak, MB"]
    lines = [head, ["---", *["--:"] * (len(head) - 1)]]
    for title, each in found.items():
        times = [
            f"{each.times[name]:.1f}" if name in each.times else "" for name in ("ours", *peers)
        ]
        name = title.replace("^2", "²").replace("^3", "³")
        lines.append([name, *times, f"{each.ratio:.2f}", f"{each.peak:.0f}"])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of the titles of the rows to measure")
    parser.add_argument("--keep", action="store_true", help="keep what is measured")
    options = parser.parse_args()
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    kept, found, fallen = {title: Speed(**each) for title, each in kept.items()}, {}, []
    for row in rows():
        if options.names and not any(name in row.title for name in options.names):
            continue
        own, apart = measured(row)
        found[row.title] = own
        times = ", ".join(f"{name} {taken}" for name, taken in own.times.items())
        print(f"{row.title:38} {own.ratio:6.2f}   {times} ms; differ {apart:.1e}", flush=True)
        if row.title in kept and own.ratio * FALLEN < kept[row.title].ratio:
            before = kept[row.title].ratio
            fallen.append(f"{row.title}: the ratio was {before:.2f} and is {own.ratio:.2f}")
    print("\n" + table(found))
    if options.keep:
        kept |= found
        KEPT.write_text(
            json.dumps({title: asdict(each) for title, each in kept.items()}, indent=1) + "\n"
        )
        PAGE.write_text(INTRODUCTION + table(kept))
        return
    print(*(f"FAILED {each}" for each in fallen), sep="\n")
    sys.exit(1 if fallen else 0)


if __name__ == "__main__":
    main()
