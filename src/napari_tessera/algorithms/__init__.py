"""Arrays in, arrays out: what methods are made of."""

from napari_tessera.algorithms.kernel_cache import ensure_cache as _ensure_cache

_ensure_cache()
