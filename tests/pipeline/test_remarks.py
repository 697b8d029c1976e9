from napari_tessera.pipeline.remarks import Listening, summed_up
from napari_tessera.signature.progress import Progress, Reporter


def test_what_is_remarked_is_kept_and_goes_on():
    told = []
    heard = Listening(Reporter(told.append, 0.5, 0.5))
    heard(Progress(1, 2, {"remarks": {"size": "large"}}))
    heard.part(1, 2)(Progress(1, 1, {"remarks": {"noise": "noisy"}}))
    heard(Progress(1, 1))
    assert heard.remarks == {"size": "large", "noise": "noisy"}
    assert [each.done for each in told] == [0.75, 1, 1]


def test_a_remark_on_few_of_many_places_is_left_out():
    rare = [{"noise": "noisy"}, {}, {}, {}, {}]
    assert summed_up(rare, "planes") == ()
    assert summed_up(rare[:4], "planes") == ("1 of 4 planes: noisy",)
    several = [{"size": "wide", "noise": "noisy"}, {"size": "wider"}]
    assert summed_up(several, "blocks") == ("2 of 2 blocks: wide", "1 of 2 blocks: noisy")
    assert summed_up(rare[:1], "planes") == ("noisy",)
    assert summed_up([], "planes") == ()
