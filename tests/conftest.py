import atexit
import http.server
import importlib.util
import os
import shutil
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from napari_tessera import METHODS, train_object_classifier
from napari_tessera.methods.refine.paint import as_text

TORCH = importlib.util.find_spec("torch") is not None
"""Whether networks can be made; the lower floors are tested without."""

NETWORKS = {n for n, m in METHODS.items() if any(p.word.name == "model" for p in m.parameters)}
"""The methods that apply a trained network."""

OWN = {name: method for name, method in METHODS.items() if TORCH or name not in NETWORKS}
"""The methods that run here."""

# no test depends on the clock: the first example of many compiles a kernel
settings.register_profile("all", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# for what has to hold of any shape and size: pytest --hypothesis-profile thousand
settings.register_profile("thousand", settings.get_profile("all"), max_examples=1000)
settings.load_profile("all")

# the models of the tests, not those of whoever runs them
os.environ["NAPARI_TESSERA_MODELS"] = tempfile.mkdtemp(prefix="napari-tessera-models-")
atexit.register(shutil.rmtree, os.environ["NAPARI_TESSERA_MODELS"], ignore_errors=True)


def needed(method, shape, *places, rgb=False):
    """Return what a method cannot do without: seeds 1, 2, ... at places, a model."""
    seeds = np.zeros(shape, np.uint8)
    places = places or [(1, 1), (shape[-2] // 3, shape[-1] // 3), (shape[-2] - 4, shape[-1] - 5)]
    for number, place in enumerate(places, 1):
        seeds[(..., *place)] = number
    path = tuple(tuple(map(float, point)) for point in np.argwhere(seeds)[:2])
    firsts = [(number, np.argwhere(seeds == number)[0]) for number in range(1, len(places) + 1)]
    given = {
        "picks": lambda: tuple((float(n), 1.0, *map(float, place)) for n, place in firsts),
        "model": lambda: (tiny_finder if method.name == "detect" else tiny_model)(rgb=rgb),
        "object_classifier": tiny_kinds,
        "path": lambda: path,
        "": lambda: as_text(np.argwhere(seeds), seeds[seeds > 0]),
    }
    numbers = {p.name: 7 for p in method.options if p.required and p.type is int}
    return numbers | {
        p.name: given.get(p.word.name, lambda: seeds)()
        for p in method.options
        if (p.required or p.word.name == "strokes") and p.name not in numbers
    }


@cache
def tiny_kinds():
    """Return the name of a classifier of objects that looks at columns which all have."""
    from napari_tessera.deep.models.library import models_folder

    name = "tiny kinds"
    if (models_folder() / name).exists():
        return name
    table = {
        "index": np.arange(4),
        "pixels": np.array([2, 3, 20, 30]),
        "extent": np.array([0.5, 1, 1, 0.5]),
    }
    found = train_object_classifier(table, {0: "small", 1: "small", 2: "large", 3: "large"})
    found.save(name)
    return name


def squares(side=96, seed=0, noise=25):
    """Return an image of bright squares on noise, and the squares as objects."""
    random = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.uint8)
    for number, (y, x) in enumerate(np.ndindex(side // 16, side // 16), 1):
        size, first = random.integers(7, 12), random.integers(1, 4, 2)
        top, left = 16 * y + first[0], 16 * x + first[1]
        labels[top : top + size, left : left + size] = number
    image = random.integers(0, noise, labels.shape) + 150 * (labels > 0)
    return image.astype(np.uint8), labels


@contextmanager
def served(folder):
    """Give the URL at which a server on this machine shows what is in a folder."""

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = partial(Silent, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def one_thread():
    """Train the same network whatever the number of threads: sums in another order differ."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@cache
def tiny_model(*, rgb=False, kind="objects", dropout=0.0):
    """Train a very small network that finds bright things, and return the name of its model."""
    from napari_tessera.deep.models.library import models_folder
    from napari_tessera.deep.settings import Augmentation, Examples, Optimisation
    from napari_tessera.deep.training.train import train

    name = f"tiny {kind}{' rgb' if rgb else ''}{' dropout' if dropout else ''}"
    image, labels = squares()
    if (models_folder() / name).exists():
        return name
    with one_thread():
        train(
            np.stack([image] * 3, -1) if rgb else image,
            labels if kind == "objects" else (labels > 0).astype(np.uint8),
            model=name,
            kind=kind,
            channel_axis=-1 if rgb else None,
            rgb=rgb,
            options={"depth": 2, "width": 1 / 8, "dropout": dropout},
            examples=Examples(patch=32, validation=0.2, diameter=0),
            augmentation=Augmentation(elastic=0, rotation=0),
            optimisation=Optimisation(
                epochs=2,
                steps=30,
                batch=4,
                learning_rate=0.01,
                averaging=0.8,
                minutes=None,
                mixed_precision=False,  # the same on processors with and without bfloat16
            ),
        )
    return name


@cache
def tiny_finder(*, rgb=False):
    """Train a very small network that finds bright squares one by one, and return its model's name.

    That for colours is the same one, which sees their mean.
    """
    import torch

    from napari_tessera.deep.models.library import Folder, find_model, models_folder
    from napari_tessera.deep.settings import NO_AUGMENTATION, Examples, Optimisation
    from napari_tessera.deep.training.train import train

    name = f"tiny finder{' rgb' if rgb else ''}"
    if (models_folder() / name).exists():
        return name
    if rgb:
        grey = find_model(tiny_finder())
        weights = Folder(grey.path).read_weights()
        first = "backbone.encoder.model.conv_stem.weight"
        weights[first] = torch.cat([weights[first] / 3] * 3, dim=1)
        folder = Folder(models_folder() / name)
        config = replace(grey.config, in_channels=3, rgb=True, weights="")
        folder.create(config)
        folder.write_weights(weights, config)
        return name
    image, labels = squares()
    with one_thread():
        train(
            image,
            labels,
            model=name,
            network="mask_rcnn",
            options={"width": 1 / 8, "proposals": 50, "samples": 32},
            examples=Examples(patch=64, diameter=0),
            augmentation=NO_AUGMENTATION,
            optimisation=Optimisation(
                epochs=2,
                steps=35,
                batch=4,
                learning_rate=0.005,
                averaging=0.8,
                mixed_precision=False,
            ),
        )
    return name


def labels_of(result):
    """Return the labels of what a method gives, with or without a table."""
    return result[0] if isinstance(result, tuple) else result


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each file to one process, and all tests of windows: windows take focus from others."""
    from xdist.scheduler import LoadFileScheduling

    class WindowsTogether(LoadFileScheduling):
        def _split_scope(self, nodeid):
            windows = nodeid.startswith("tests/widgets/")
            return "windows" if windows else super()._split_scope(nodeid)

    return WindowsTogether(config, log)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
