import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_tessera.algorithms.growth.similar import GrowthRule, grow_regions


def slowly(image, markers, tolerance):
    """Adams and Bischof's list in plain Python: the least distance first, the oldest of equals."""
    regions, waiting, order = markers.astype(int).copy(), [], 0
    means = {r: float(image[regions == r].mean()) for r in np.unique(regions[regions > 0])}
    counts, asker = dict.fromkeys(means, 1), {}
    scale = (2**16 - 1) / (min(tolerance, float(np.ptp(image))) or 1.0)

    def distance(y, x, region):
        return math.sqrt((float(image[y, x]) - means[region]) ** 2)

    def meet(y, x, region):
        nonlocal order
        for v, u in ((y - 1, x), (y, x - 1), (y, x + 1), (y + 1, x)):
            if 0 <= v < image.shape[0] and 0 <= u < image.shape[1] and regions[v, u] == 0:
                apart = distance(v, u, region)
                level = min(int(apart * scale), 2**16 - 1)
                asked, least = asker.get((v, u), (0, 0))
                # a pixel need not wait twice for the region that asked for it last
                if apart <= tolerance and (asked != region or level < least):
                    asker[v, u] = region, level
                    waiting.append((level, order, v, u, region))
                    order += 1

    for y, x in np.argwhere(regions > 0):
        meet(y, x, regions[y, x])
    while waiting:
        first = min(waiting)
        waiting.remove(first)
        _, _, y, x, region = first
        asker.pop((y, x), None)
        if regions[y, x] == 0 and distance(y, x, region) <= tolerance:
            regions[y, x] = region
            counts[region] += 1
            means[region] += (float(image[y, x]) - means[region]) / counts[region]
            meet(y, x, region)
    return regions


@settings(max_examples=200)
@given(st.integers(0, 10_000), st.sampled_from([3.0, 20.0, 1000.0]))
def test_it_is_the_algorithm_of_the_paper(seed, tolerance):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 60, (7, 8)).astype(float)
    markers = np.zeros(image.shape, np.int32)
    places = rng.choice(image.size, 3, replace=False)
    markers.ravel()[places] = [1, 2, 3]
    rule = GrowthRule(tolerance, connectivity=1, moving=True)
    found = grow_regions(image[..., None], markers, None, rule)
    np.testing.assert_array_equal(found, slowly(image, markers, tolerance))
