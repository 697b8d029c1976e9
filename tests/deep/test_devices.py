import logging
from threading import Event
from types import SimpleNamespace

import pytest
import torch

from napari_tessera.algorithms.file_lock import FileLock
from napari_tessera.deep import devices, graphics_cards
from napari_tessera.deep.devices import SplitBatches, autocast, choose, explained, released

CPU = torch.device("cpu")
CARD = torch.device("cuda")
GIB = 2**30


@pytest.fixture(autouse=True)
def no_card(monkeypatch):
    """Tests see the graphics cards they put there, not those of the machine."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)


@pytest.fixture
def two_cards(monkeypatch, no_card):
    # a worker in this process, as other tests have one, takes a card of its own
    monkeypatch.setattr(graphics_cards, "_SHARED", Event())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (8 * GIB, 12 * GIB))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA Test")


@pytest.fixture
def apple(monkeypatch, no_card):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)


def test_without_a_card_everything_runs_on_the_cpu():
    assert choose() == choose("auto") == choose("cpu") == CPU


def test_a_card_is_taken_where_there_is_one(two_cards):
    assert choose() == CARD
    assert choose("cuda:1") == torch.device("cuda", 1)
    assert choose("cpu") == CPU


def test_processes_that_share_cards_take_one_each(two_cards, monkeypatch, tmp_path):
    monkeypatch.setattr(graphics_cards.tempfile, "gettempdir", lambda: str(tmp_path))
    properties = [SimpleNamespace(uuid=f"card {number}") for number in range(2)]
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties.__getitem__)
    graphics_cards.one_for_each_process()
    with FileLock(tmp_path / "napari-tessera-card 0.lock") as other:
        other.take()
        assert choose() == torch.device("cuda", 1)
    assert choose("cuda:0") == torch.device("cuda", 0)
    graphics_cards._lock(tmp_path / "napari-tessera-card 1.lock").release()


def test_cuda_goes_before_mps(apple, monkeypatch):
    assert choose() == choose("mps") == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose() == CARD


@pytest.mark.parametrize("name", ["gpu", "", "cpu:0", "cuda:", "cuda:x", "cuda:-1", "mps:0", "CPU"])
def test_unknown_names(name, two_cards):
    with pytest.raises(ValueError, match=f"device is '{name}'; choose one of auto, cpu, cuda"):
        choose(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_a_card_that_is_not_there(name):
    version = torch.__version__.replace("+", r"\+")
    with pytest.raises(ValueError, match=rf"'{name}', but PyTorch {version} sees no .* 'auto' or"):
        choose(name)


def test_pytorch_without_cuda(monkeypatch):
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: False)
    with pytest.raises(ValueError, match="is built without CUDA; choose 'auto' or 'cpu'"):
        choose("cuda")
    assert "no graphics card found (this PyTorch" in explained()


def test_a_card_too_many(two_cards):
    with pytest.raises(ValueError, match="'cuda:2', but PyTorch sees only cuda:0, cuda:1; choose"):
        choose("cuda:2")


def test_explained_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert explained() == "CPU, 2 threads: no graphics card found"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert explained("cpu") == "CPU, 1 thread: no graphics card found"


def test_explained_on_cards(two_cards, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    card = "CUDA GPU NVIDIA Test, 8.0 GB free of 12"
    assert explained() == explained("cuda:1") == card
    assert explained("cpu") == f"CPU, 2 threads, as chosen; there is a graphics card: {card}"


def test_explained_on_apple(apple):
    assert explained() == "Apple GPU (MPS)"


def product_type(device, **options):
    ones = torch.ones(2, 2)
    with autocast(device, **options):
        return (ones @ ones).dtype


@pytest.mark.parametrize(("gains", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_cpu_computes_in_16_bits_if_it_gains(gains, dtype, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: gains, raising=False)
    assert product_type(CPU, enabled=True) == dtype
    assert product_type(CPU, enabled=False) == torch.float32


def test_a_cpu_learns_volumes_in_32_bits(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert product_type(CPU, enabled=True, axes=3) == torch.float32
    with torch.inference_mode():
        assert product_type(CPU, enabled=True, axes=3) == torch.bfloat16


def test_a_pytorch_that_cannot_say_computes_in_32_bits(monkeypatch):
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported", raising=False)
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    assert product_type(CPU, enabled=True) == torch.float32


def test_16_bits_on_cards(monkeypatch):
    has = {"including_emulation": True}
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *, including_emulation: has[0])
    has[0] = True
    assert devices._short(CARD) == torch.bfloat16
    has[0] = False
    assert devices._short(CARD) is None  # gradients would be lost
    with torch.inference_mode():
        assert devices._short(CARD) == torch.float16
    assert devices._short(torch.device("mps")) is None


def test_memory_is_released_on_cards_only(monkeypatch):
    emptied = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append("cuda"))
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: emptied.append("mps"))
    for kind in ("cpu", "cuda", "mps"):
        released(torch.device(kind))
    assert emptied == ["cuda", "mps"]


FULL = torch.OutOfMemoryError("CUDA out of memory")


def holding(most, error=FULL):
    """Return a step for which memory suffices for `most` items, and the parts it was asked for."""
    asked = []

    def step(places):
        asked.append((places.start, places.stop))
        if places.stop - places.start > most:
            raise error
        return places.start, places.stop

    return step, asked


def test_a_batch_is_one_part_while_memory_suffices():
    halving, (step, _) = SplitBatches(CPU), holding(8)
    assert halving.run(step, 8) == [(0, 8)]
    assert halving.run(step, 0) == []
    assert halving.parts == 1


def test_a_batch_is_halved_until_it_fits_and_stays_so():
    halving, (step, asked) = SplitBatches(CPU), holding(2)
    assert halving.run(step, 7) == [(0, 2), (2, 4), (4, 6), (6, 7)]
    assert asked[:2] == [(0, 7), (0, 4)]
    assert halving.parts == 4
    del asked[:]
    assert halving.run(step, 8) == asked == [(0, 2), (2, 4), (4, 6), (6, 8)]
    assert halving.run(step, 3) == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"),
    ],
)
def test_errors_of_other_devices_count_too(error):
    step, _ = holding(1, error)
    assert SplitBatches(CPU).run(step, 2) == [(0, 1), (1, 2)]


def test_other_errors_are_passed_on():
    step, asked = holding(0, RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        SplitBatches(CPU).run(step, 4)
    assert asked == [(0, 4)]


def test_one_item_too_many():
    step, asked = holding(0)
    with pytest.raises(MemoryError, match="cuda has too little memory for a single patch or tile"):
        SplitBatches(CARD).run(step, 4)
    assert asked == [(0, 4), (0, 2), (0, 1)]


def test_halving_is_noted_once_logged_always_and_empties_the_cache(monkeypatch, caplog):
    emptied, notes = [], []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(1))
    step, _ = holding(1)
    with caplog.at_level(logging.WARNING):
        SplitBatches(CARD, note=notes.append).run(step, 4)
    assert notes == ["cuda has too little memory for 4 at once; going on in parts"]
    assert [record.getMessage() for record in caplog.records] == [
        "4 of a batch of 4: CUDA out of memory",
        "2 of a batch of 4: CUDA out of memory",
    ]
    assert len(emptied) == 2


def test_gradients_are_those_of_the_whole_batch_when_each_start_begins_at_zero():
    images = torch.arange(6.0).reshape(6, 1)
    weight = torch.ones(1, 1, requires_grad=True)
    fails_at = iter([False, True])  # the second part, when gradients are there

    def step(places):
        loss = ((images[places] @ weight) ** 2).sum() / len(images)
        loss.backward()
        if next(fails_at, False):
            raise torch.OutOfMemoryError
        return float(loss.detach())

    halving = SplitBatches(CPU)
    halving.parts = 2

    def restart():
        assert weight.grad.item() != 0
        weight.grad = None

    losses = halving.run(step, 6, restart=restart)
    assert halving.parts == 4
    assert sum(losses) == pytest.approx(55 / 6)
    assert weight.grad.item() == pytest.approx(2 * 55 / 6)


def test_what_a_step_computed_is_gone_before_the_next():
    alive = []

    class Features:
        def __init__(self):
            alive.append(1)

        def __del__(self):
            alive.pop()

    def step(places):
        before = len(alive)
        features = Features()
        if places.stop - places.start > 1:
            raise torch.OutOfMemoryError
        del features
        return before

    assert SplitBatches(CPU).run(step, 2) == [0, 0]


def test_threads_are_set_for_a_while_and_for_one_thread():
    before = torch.get_num_threads()
    with devices.threads(before + 2):
        assert torch.get_num_threads() == before + 2
        with devices.threads(1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == before + 2
    assert torch.get_num_threads() == before
