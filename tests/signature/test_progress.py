import pytest

from napari_tessera.signature.progress import Progress, Reporter, Stop


def test_parts_of_a_report_fill_their_share():
    seen = []
    report = Reporter(lambda progress: seen.append(progress.done))
    report.part(1, 4)(Progress(1, 2))
    report.part(3, 4).part(1, 2)(Progress(1, 1))
    assert seen == [0.375, 1.0]
    Reporter.of(None)(Progress(1, 1))


def test_a_report_can_stop_the_work():
    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        Reporter.of(stop).part(0, 2)(Progress(0, 1))
