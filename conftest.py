"""What every example in a docstring may use without importing it."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _names_of_examples(doctest_namespace):
    doctest_namespace["np"] = np
