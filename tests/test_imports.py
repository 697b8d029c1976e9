"""The floors, proven in a fresh interpreter."""

import subprocess
import sys

import pytest

HEAVY = (
    "napari",
    "qtpy",
    "magicgui",
    "superqt",
    "torch",
    "skimage",
    "numba",
    "segmentation_models_pytorch",
)
STANDARD = sys.stdlib_module_names


def loaded(code):
    """Return which heavy packages `code` has imported."""
    probe = f"{code}\nimport sys\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "code",
    [
        "import napari_tessera",
        "from napari_tessera import watershed, threshold, label, METHODS",
        "import napari_tessera.cli.app, napari_tessera.io.files, napari_tessera.pipeline.recipes.recipe",
        "import napari_tessera.widgets.plugin.entry_points, napari_tessera.widgets.plugin.manifest",
    ],
)
def test_nothing_heavy_is_imported(code):
    assert loaded(code) == "[]"


def test_running_a_method_needs_no_viewer_and_no_torch():
    code = "import numpy as np, napari_tessera\nnapari_tessera.watershed(np.eye(20), smoothing=0)"
    assert loaded(code) == "['numba']"


def test_a_command_on_a_small_file_waits_for_no_compiler(tmp_path):
    code = f"""
import numpy as np
from napari_tessera.cli.app import app
np.save({str(tmp_path / "a.npy")!r}, np.eye(20))
words = ["threshold", {str(tmp_path / "a.npy")!r}, "--output", {str(tmp_path / "b.npy")!r}]
assert app("threshold")(words, result_action="return_value") == 0
"""
    assert loaded(code) == "[]"


def test_importing_loads_one_module_and_none_of_others():
    code = "import sys; b = {*sys.modules}; import napari_tessera; print(*{*sys.modules} - b)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # everything else is loaded when a name is first used, so that importing costs nothing
    others = [name for name in done.stdout.split() if name.split(".")[0] not in STANDARD]
    assert others == ["napari_tessera"]


def test_names_are_listed_and_unknown_ones_refused():
    import napari_tessera

    assert {"watershed", "threshold", "label", "apply", "METHODS"} <= set(dir(napari_tessera))
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        _ = napari_tessera.magic
