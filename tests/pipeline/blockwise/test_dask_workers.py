import operator
import os
import signal
import socket
import threading
import time
from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

pytest.importorskip("distributed")

from distributed import Client, LocalCluster

from napari_tessera import Recipe, threshold
from napari_tessera.algorithms.parallel import cores_given
from napari_tessera.io import files
from napari_tessera.io.stores import Url, path_of
from napari_tessera.pipeline.blockwise import dask_workers
from napari_tessera.pipeline.blockwise.dask_workers import Begun, DaskWorkers
from napari_tessera.pipeline.result import ImageResult
from napari_tessera.pipeline.source import Source
from napari_tessera.signature.progress import Stop
from napari_tessera.signature.words import AXES

from ...conftest import served


@pytest.fixture(scope="module")
def cluster():
    """Give a cluster of two processes with a core each."""
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as made:
        yield made


@pytest.fixture
def client(cluster):
    with Client(cluster, set_as_default=False) as own:
        own.wait_for_workers(2)
        yield own


@pytest.fixture
def alone():
    """Give the client of a scheduler without workers, in this process."""
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as made,
        Client(made, set_as_default=False) as own,
    ):
        yield own


def test_results_come_in_order_whatever_takes_longest(client):
    seconds = [0.3, 0.0, 0.1, 0.0, 0.0]

    def waited(item):
        time.sleep(item[1])
        return item[0]

    found = DaskWorkers(client).in_order(waited, enumerate(seconds), at_once=2)
    assert list(found) == [0, 1, 2, 3, 4]


def test_all_processes_work_alike(client):
    def process(_):
        time.sleep(0.1)
        return os.getpid()

    found = Counter(DaskWorkers(client).in_order(process, range(12), at_once=2))
    assert len(found) == 2
    assert min(found.values()) >= 4
    assert os.getpid() not in found


def test_a_large_function_is_sent_once(client):
    data = np.arange(300_000)
    found = DaskWorkers(client).in_order(partial(np.take, data), range(20), at_once=2)
    assert next(found) == 0
    held = client.cluster.scheduler.tasks
    assert len([key for key in held if key.startswith("tessera-function")]) == 1
    assert list(found) == list(range(1, 20))


def test_jobs_are_sent_as_they_are_needed(client):
    asked = []

    def jobs():
        for number in range(100):
            asked.append(number)
            yield number

    found = DaskWorkers(client).in_order(partial(operator.add, 1), jobs(), at_once=2)
    assert next(found) == 1
    assert len(asked) == 4  # two for each core
    assert list(found) == list(range(2, 101))
    assert len(asked) == 100


def test_the_scheduler_holds_nothing_after_a_run(client):
    assert len(list(DaskWorkers(client).in_order(abs, range(50), at_once=2))) == 50
    until = time.monotonic() + 10
    while client.cluster.scheduler.tasks and time.monotonic() < until:
        time.sleep(0.01)
    assert not client.cluster.scheduler.tasks


def test_a_worker_that_is_lost_costs_its_jobs_only(client, tmp_path):
    mark, log = tmp_path / "ended", tmp_path / "log"

    def job(number):
        with log.open("a") as file:
            file.write(f"{number}\n")
        if number == 5 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return number * 2

    found = list(DaskWorkers(client).in_order(job, range(20), at_once=2))
    assert found == list(range(0, 40, 2))
    assert mark.exists()
    done = list(map(int, log.read_text().split()))
    assert set(done) == set(range(20))
    # those that were done on it and not yet fetched, and those that it had begun
    assert len(done) <= 20 + 4


def test_a_job_that_ends_every_worker_is_explained(client):
    def fatal(_):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(MemoryError, match="has ended several workers.*choose smaller blocks"):
        list(DaskWorkers(client).in_order(fatal, [1], at_once=2))


def test_a_disturbance_is_tried_again_and_an_error_is_told(client, tmp_path):
    tries = tmp_path / "tries"

    def disturbed(_):
        with tries.open("a") as file:
            file.write("x")
        if tries.read_text() != "xxx":
            raise OSError("the network was away")
        return "there"

    assert list(DaskWorkers(client).in_order(disturbed, [1], at_once=2)) == ["there"]
    for error in (ZeroDivisionError, TimeoutError):

        def failing(_, error=error):
            raise error

        with pytest.raises(error):
            list(DaskWorkers(client).in_order(failing, [1], at_once=2))


def test_a_stop_waits_for_what_still_writes(client, tmp_path):
    def slow(number):
        (tmp_path / f"{number} begun").touch()
        time.sleep(0.4)
        (tmp_path / f"{number} done").touch()

    found = DaskWorkers(client).in_order(slow, range(30), at_once=2)
    next(found)
    found.close()
    after = {path.name for path in tmp_path.iterdir()}
    begun = {name.split()[0] for name in after if name.endswith("begun")}
    assert begun == {name.split()[0] for name in after if name.endswith("done")}
    assert len(begun) < 10
    client.run(time.sleep, 0.3)
    assert {path.name for path in tmp_path.iterdir()} == after


@pytest.mark.parametrize("at_once", [1, 2])
def test_as_many_jobs_as_fit_are_worked_on_at_once(at_once, tmp_path):
    def job(number):
        (tmp_path / f"{number}").touch()
        there = len(list(tmp_path.iterdir()))
        time.sleep(0.1)
        (tmp_path / f"{number}").unlink()
        return there, cores_given()

    with (
        LocalCluster(
            n_workers=1, threads_per_worker=3, processes=False, dashboard_address=":0"
        ) as made,
        Client(made, set_as_default=False) as own,
    ):
        found = list(DaskWorkers(own).in_order(job, range(8), at_once=at_once))
    assert max(there for there, _ in found) == at_once
    # alone it may take all cores of its worker, beside others it takes one
    assert {cores for _, cores in found} == {1 if at_once > 1 else 3}


def test_a_worker_with_one_core_works_on_one(client):
    def cores(_):
        return cores_given()

    assert list(DaskWorkers(client).in_order(cores, [0], at_once=1)) == [1]


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("10.0.0.1", ValueError, "scheduler is '10.0.0.1', which is no address; write it as tcp"),
        ("http://here:80", ValueError, "which is no address.*unknown address scheme"),
        ("gone.json", FileNotFoundError, "there is no file 'gone.json'"),
    ],
)
def test_addresses_that_are_none_are_told(address, error, message):
    with pytest.raises(error, match=message), DaskWorkers.at(address):
        pass


def test_a_scheduler_that_cannot_be_reached_is_told_soon():
    began = time.monotonic()
    with (
        pytest.raises(
            OSError, match="no scheduler answers at 'tcp://127.0.0.1:1' within 1 s; start"
        ),
        DaskWorkers.at("tcp://127.0.0.1:1", timeout=1),
    ):
        pass
    assert time.monotonic() - began < 8


def test_what_answers_in_another_language_is_no_scheduler():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer():
            other, _ = server.accept()
            other.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9)
            other.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with (
            pytest.raises(OSError, match=f"no scheduler answers at 'tcp://127.0.0.1:{port}'"),
            DaskWorkers.at(f"tcp://127.0.0.1:{port}", timeout=2),
        ):
            pass
        thread.join()


def test_a_scheduler_is_found_by_its_address_and_by_its_file(cluster, client, tmp_path):
    file = tmp_path / "scheduler.json"
    client.write_scheduler_file(str(file))
    for place in (cluster.scheduler_address, str(file)):
        with DaskWorkers.at(place) as workers:
            assert list(workers.in_order(abs, [-3], at_once=1)) == [3]


def test_workers_that_never_come_are_told(alone):
    with pytest.raises(OSError, match="has had no workers for 0 s; start some"):
        DaskWorkers(alone, patience=0.2)


def test_workers_that_have_all_gone_are_told(alone):
    alone.cluster.scale(1)
    workers = DaskWorkers(alone, patience=0.2)
    alone.cluster.scale(0)
    while alone.nthreads():
        time.sleep(0.01)
    with pytest.raises(OSError, match="has had no workers for 0 s; start some"):
        list(workers.in_order(abs, [1], at_once=1))


def test_workers_that_come_late_are_waited_for(alone):
    timer = threading.Timer(0.3, lambda: alone.cluster.scale(1))
    timer.start()
    workers = DaskWorkers(alone)
    timer.join()
    assert workers.count == sum(alone.nthreads().values()) > 0
    assert list(workers.in_order(abs, [-1], at_once=1)) == [1]


def test_a_worker_of_another_version_is_told(client, monkeypatch):
    monkeypatch.setattr(dask_workers, "_version", lambda: "99.0")
    message = r"the worker tcp://.* has napari-tessera .*, but here it is version 99.0; install"
    with pytest.raises(RuntimeError, match=message):
        DaskWorkers(client)


def test_a_worker_without_the_package_is_told(client, monkeypatch):
    monkeypatch.setattr(dask_workers, "_version", lambda: "1.0")
    monkeypatch.setattr(dask_workers, "PACKAGE", "no-such-package")
    with pytest.raises(RuntimeError, match="has no no-such-package, but here it is version 1.0"):
        DaskWorkers(client)


def test_a_worker_that_comes_later_with_another_version_is_told(client, monkeypatch):
    workers = DaskWorkers(client)
    monkeypatch.setattr(dask_workers, "_version", lambda: "99.0")
    with pytest.raises(RuntimeError, match="napari-tessera .*, but here it is version 99.0"):
        list(workers.in_order(abs, [1], at_once=1))


def test_jobs_that_were_stopped_do_not_begin():
    begun = Begun()
    with begun.one_of("a"):
        assert begun.are_left("a")
        begun.stop("a")
    assert not begun.are_left("a")
    with pytest.raises(Stop), begun.one_of("a"):
        pass
    with begun.one_of("b"):
        pass


def test_an_asynchronous_client_is_refused():
    class Asynchronous:
        asynchronous = True

    with pytest.raises(ValueError, match="workers is an asynchronous client"):
        DaskWorkers(Asynchronous())


def balls(shape, seed=0):
    """Return a noisy volume of bright balls, some of which touch."""
    random = np.random.default_rng(seed)
    image = random.integers(0, 40, shape).astype(np.uint16)
    grid = np.indices(shape)
    for centre in random.uniform(4, np.array(shape) - 4, (40, 3)):
        away = ((grid - centre.reshape(3, 1, 1, 1)) ** 2).sum(axis=0)
        image[away < 20] += 100
    return image


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    """Give the place of an OME-Zarr with balls."""
    place = tmp_path_factory.mktemp("volume") / "balls.zarr"
    image = balls((24, 70, 80))
    files.write(place, ImageResult(image), Source.of(image, axes="zyx"))
    return place


CHAIN = Recipe(
    "watershed",
    {"smoothing": "1 px", "seed_distance": "2 px"},
    over="volume",
)


def written(recipe, place, target, workers=None, report=None):
    """Return the result of a recipe on a file, written to a Zarr in blocks."""
    source = files.read(place)

    path_of(target).parent.mkdir(exist_ok=True)

    def made(sink):
        blocks = (12, 40, 40)[-AXES[recipe.over] :]
        return recipe.run(source, report, blocks=blocks, sink=sink, workers=workers)

    return files.write_as_made(target, made, source, recipe, workers=workers)


def contents(folder):
    """Return the bytes of all files in a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    "recipe",
    [
        CHAIN,
        Recipe("label", {}, over="volume", before=Recipe("threshold", {}, over="volume").to_dict()),
        Recipe("threshold", {"smoothing": "1 px", "classes": 3}, over="planes"),
        Recipe("top_hat", {"radius": "2 px"}, over="planes"),
    ],
    ids=lambda recipe: recipe.method,
)
def test_a_cluster_writes_what_this_process_writes(client, volume, tmp_path, recipe):
    here = written(recipe, volume, tmp_path / "a" / "cells.zarr")
    there = written(recipe, volume, tmp_path / "b" / "cells.zarr", client)
    assert there.counted() == here.counted()
    assert contents(tmp_path / "a" / "cells.zarr") == contents(tmp_path / "b" / "cells.zarr")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["cells.zarr"]


def test_a_killed_worker_costs_nothing_but_its_blocks(client, volume, tmp_path):
    here = written(CHAIN, volume, tmp_path / "a" / "cells.zarr")
    killed = []

    def kill_one(progress):
        if progress.done > 0.4 and not killed:
            killed.extend(client.run(os.getpid).values())
            os.kill(killed[0], signal.SIGKILL)

    there = written(CHAIN, volume, tmp_path / "b" / "cells.zarr", client, kill_one)
    assert len(killed) == 2
    assert here.number > 20
    assert there.counted() == here.counted()
    assert contents(tmp_path / "a" / "cells.zarr") == contents(tmp_path / "b" / "cells.zarr")


def test_the_image_is_not_read_here(client, volume, tmp_path):
    """Only places of the image go to the workers, and only names of blocks through the scheduler."""
    source = files.read(volume)

    class Guarded:
        """Says what the array is like, and gives no pixel of it."""

        def __init__(self, array):
            self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim
            self.chunks, self.shards = array.chunks, array.shards

        def __getitem__(self, _):
            raise AssertionError("pixels are read in the client")

    guarded = Guarded(source.array)
    own = replace(source, array=guarded, reread=source.reread._replace(array=guarded))

    def made(sink):
        return CHAIN.run(own, blocks=(12, 40, 40), sink=sink, workers=client)

    found = files.write_as_made(tmp_path / "cells.zarr", made, own, CHAIN, workers=client)
    assert found.number == written(CHAIN, volume, tmp_path / "here.zarr").number


def test_a_folder_that_workers_do_not_see_is_told(client, volume, tmp_path):
    hidden = "memory://cluster/cells.zarr"  # the memory of each process is another
    with pytest.raises(OSError, match=r"cells.zarr.* cannot be opened on .*; keep files where all"):
        written(CHAIN, volume, hidden, client)
    assert not Url("memory://cluster/cells.zarr").exists()
    assert not Url("memory://cluster/.cells.zarr.part").exists()


def test_workers_in_this_process_write_to_its_memory(volume, tmp_path):
    here = written(CHAIN, volume, tmp_path / "here.zarr")
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0"
        ) as made,
        Client(made, set_as_default=False) as own,
    ):
        there = written(CHAIN, volume, "memory://cluster/there.zarr", own)
        np.testing.assert_array_equal(there.array[:], here.array[:])
    Url("memory://cluster").files[0].rm("/cluster", recursive=True)


def test_workers_read_from_a_server(client, volume, tmp_path):
    pytest.importorskip("aiohttp")
    with served(volume.parent) as url:
        there = written(CHAIN, f"{url}/balls.zarr", tmp_path / "there.zarr", client)
    here = written(CHAIN, volume, tmp_path / "here.zarr")
    np.testing.assert_array_equal(there.array[:], here.array[:])


def test_large_images_in_memory_are_refused(client, tmp_path):
    image = np.zeros((2, 2100, 2100), np.uint8)
    source = Source.of(image, name="brain")
    recipe = Recipe("threshold", {})
    with pytest.raises(ValueError, match="'brain' takes 9 MB of memory, but workers open their"):
        files.write_as_made(
            tmp_path / "cells.zarr",
            lambda sink: recipe.run(source, blocks=(512,), sink=sink, workers=client),
            source,
        )
    small = Source.of(balls((8, 30, 30)), axes="zyx")
    made = partial(Recipe("threshold", {}, over="volume").run, small, blocks=(8,), workers=client)
    found = files.write_as_made(tmp_path / "small.zarr", lambda sink: made(sink=sink), small)
    np.testing.assert_array_equal(found.array[:], threshold(small.array))


def test_a_stopped_run_goes_on_from_its_blocks(client, volume, tmp_path):
    def stop(progress):
        if progress.done > 0.5:
            raise Stop

    target = tmp_path / "b" / "cells.zarr"
    with pytest.raises(Stop):
        written(CHAIN, volume, target, client, stop)
    left = contents(tmp_path / "b")
    client.run(time.sleep, 0.2)
    assert contents(tmp_path / "b") == left  # nobody writes there any more
    assert not target.exists()
    there = written(CHAIN, volume, target, client)
    here = written(CHAIN, volume, tmp_path / "a" / "cells.zarr")
    assert there.counted() == here.counted()
    assert contents(tmp_path / "a" / "cells.zarr") == contents(target)
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["cells.zarr"]
