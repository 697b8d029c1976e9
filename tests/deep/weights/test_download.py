import hashlib

import pytest
import torch

from napari_tessera.deep.weights import imagenet
from napari_tessera.deep.weights.download import downloaded
from napari_tessera.signature.progress import Stop

CONTENT = b"weights" * 1000
DIGITS = hashlib.sha256(CONTENT).hexdigest()[:8]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """PyTorch's folder for weights, and a server that is reached: the disk."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(imagenet, "reachable", lambda address: True)
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def served(tmp_path):
    """Return a function that puts a file on the server."""

    def serve(name):
        (tmp_path / name).write_bytes(CONTENT)
        return (tmp_path / name).as_uri()

    return serve


def test_a_file_is_fetched_once(cache, served, tmp_path):
    address, seen = served(f"net-{DIGITS}.pth"), []
    found = downloaded(address, title="a network", megabytes=1, report=seen.append)
    assert found == cache / f"net-{DIGITS}.pth"
    assert found.read_bytes() == CONTENT
    assert seen[-1].values["note"] == "Downloading a network"
    (tmp_path / found.name).unlink()
    assert downloaded(address, title="a network", megabytes=1) == found


def test_what_is_damaged_is_not_kept(cache, served):
    with pytest.raises(ConnectionError, match="is damaged; fetch file:.* elsewhere"):
        downloaded(served("net-00000000.pth"), title="a network", megabytes=1)
    assert list(cache.iterdir()) == []


def test_nothing_is_left_of_a_download_that_was_stopped(cache, served):
    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        downloaded(served("net.pth"), title="a network", megabytes=1, report=stop)
    assert list(cache.iterdir()) == []


def test_without_a_server_it_is_said_where_to_put_the_file(cache, monkeypatch):
    monkeypatch.setattr(imagenet, "reachable", lambda address: False)
    message = r"weights of a network are not on this computer and a\.org cannot be reached"
    with pytest.raises(ConnectionError, match=message):
        downloaded("https://a.org/net.pth", title="a network", megabytes=1)
