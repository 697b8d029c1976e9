from pathlib import Path

from napari_tessera.batch.inputs import Destination
from napari_tessera.batch.summary import FileOutcome, FileState, Summary


def test_a_summary_counts_what_became_of_the_files():
    place = Destination(Path("a.tif"), Path("out/a-label.tif"))
    states = [FileState.DONE, FileState.FAILED, FileState.DONE, FileState.WAITING]
    summary = Summary([FileOutcome(place, state) for state in states], 12.04, [Path("t.csv")])
    said = "4 files: 1 waiting, 2 done, 1 failed, 12 s; table of all files: t.csv"
    assert str(summary) == said
    assert summary.count(FileState.DONE) == 2
    assert [state for state in FileState if state.has_outputs] == [FileState.DONE, FileState.KEPT]
    assert (
        str(Summary([FileOutcome(place, FileState.KEPT)], 0.1)) == "1 file: 1 there already, 0.1 s"
    )
