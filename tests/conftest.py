import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _numpy_in_doctests(doctest_namespace):
    doctest_namespace["np"] = np


def needed(method, shape, *places):
    """Return the arrays that a method cannot do without: seeds 1, 2, ... at places, else anywhere."""
    seeds = np.zeros(shape, np.uint8)
    places = places or [(1, 1), (shape[-2] // 3, shape[-1] // 3), (shape[-2] - 4, shape[-1] - 5)]
    for number, place in enumerate(places, 1):
        seeds[(..., *place)] = number
    return {p.name: seeds for p in method.options if p.required}


@pytest.fixture
def rng():
    return np.random.default_rng(0)
