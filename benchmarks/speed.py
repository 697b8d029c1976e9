"""The speed of each method beside that of peers: one table, whose ratios are kept and compared.

Run ``python benchmarks/speed.py [NAME ...]`` for the rows whose title contains a name, or for all.
What takes turns in one process is ours and each peer; the shortest of several times counts, so that
another program that runs meanwhile slows one turn and not one library. The ratio is the time of the
fastest peer over ours: above 1, ours is faster. Peak memory is ours beyond the input (on Linux).

A ratio that has fallen by 1.3 against the one that is kept is a failure: it is printed, and the
exit status is 1. ``--keep`` keeps the ratios instead, and with all rows writes the table of the docs.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from memory import peak
from speed_rows import rows

ROUNDS, LONG = 5, 20.0
"""Turns of each, and the seconds after which a row has no more of them."""

FALLEN = 1.3
KEPT = Path(__file__).with_name("speed_ratios.json")
PAGE = Path(__file__).parent.parent / "docs" / "speed.md"
FORGET = Path("/proc/self/clear_refs")

INTRODUCTION = """# Speed

`benchmarks/speed.py --keep` has measured this table: ours and each peer took turns in one process on two
cores of a shared machine, and the shortest of five times counts. The ratio is the time of the fastest
peer over ours: above 1, ours is faster. Times depend on the machine, ratios much less. Peers without a
time were not installed. Peak memory is ours beyond the input.

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
    FORGET.write_text("5")
    before = peak()
    function()
    return (peak() - before) / 2**20


def measured(row):
    """Return library -> shortest time in ms, ours first, and the share of pixels that differ."""
    known = {"ours": row.ours, **row.peers}
    results = {name: timed(function)[1] for name, function in known.items()}  # compiles, loads
    best, began = dict.fromkeys(known, np.inf), time.perf_counter()
    for _ in range(ROUNDS):
        for name, function in known.items():
            best[name] = min(best[name], 1000 * timed(function)[0])
        if time.perf_counter() - began > LONG:
            break
    apart = np.nan
    if row.alike and row.peers:
        own, other = (np.ravel(row.alike(results[name])) for name in list(known)[:2])
        apart = np.mean(own != other) if own.size == other.size else np.nan
    return best, apart


def table(found):
    """Return the rows of a Markdown table."""
    peers = sorted({name for best, _, _ in found.values() for name in best} - {"ours"})
    head = ["method and image", "ours, ms", *(f"{peer}, ms" for peer in peers), "ratio", "peak, MB"]
    lines = [head, ["---", *["--:"] * (len(head) - 1)]]
    for title, (best, most, own) in found.items():
        times = [f"{best[name]:.1f}" if name in best else "" for name in ("ours", *peers)]
        lines.append(
            [title.replace("^2", "²").replace("^3", "³"), *times, f"{own:.2f}", f"{most:.0f}"]
        )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="parts of the titles of the rows to measure")
    parser.add_argument("--keep", action="store_true", help="keep the ratios that are measured")
    options = parser.parse_args()
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    found, fallen = {}, []
    for row in rows():
        if options.names and not any(name in row.title for name in options.names):
            continue
        best, apart = measured(row)
        ratio = min(best[name] for name in row.peers) / best["ours"]
        found[row.title] = best, memory(row.ours), ratio
        times = ", ".join(f"{name} {taken:.1f}" for name, taken in best.items())
        print(f"{row.title:38} {ratio:6.2f}   {times} ms; differ {apart:.1e}", flush=True)
        if ratio * FALLEN < kept.get(row.title, 0):
            fallen.append(f"{row.title}: the ratio was {kept[row.title]:.2f} and is {ratio:.2f}")
    print("\n" + table(found))
    if options.keep:
        kept |= {title: round(ratio, 3) for title, (_, _, ratio) in found.items()}
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")
        if not options.names:
            PAGE.write_text(INTRODUCTION + table(found))
        return
    print(*(f"FAILED {each}" for each in fallen), sep="\n")
    sys.exit(1 if fallen else 0)


if __name__ == "__main__":
    main()
