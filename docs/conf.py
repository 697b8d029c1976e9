"""How the documentation is built: ``make docs``."""

import sys
from pathlib import Path

from napari_tessera import METHODS, __version__

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "napari-tessera"
author = "The napari-tessera developers"
copyright = "2026, the napari-tessera developers"
release = version = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx_gallery.gen_gallery",
]
# offline: no inventories of other projects are fetched
intersphinx_mapping = {}
exclude_patterns = ["_build", "advice", "examples"]
myst_enable_extensions = ["colon_fence"]
numpydoc_show_class_members = False
autodoc_typehints = "none"
html_theme = "pydata_sphinx_theme"
html_theme_options = {"show_toc_level": 2, "navbar_end": ["theme-switcher"]}
html_title = "napari-tessera"


sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "image_scrapers": ("viewer_pictures.scrape",),
    "reset_modules": ("viewer_pictures.close_viewers",),
    "show_memory": False,
    "abort_on_example_error": True,
}

PAGE = """{title}
{line}

.. image:: ../pictures/{name}.png
   :alt: The form of {title} in napari, with its result
   :width: 100%

.. include:: ../advice/{name}.rst

Reference
---------

.. autofunction:: napari_tessera.{name}

On the command line: ``napari-tessera {command} --help``.
"""


STEP = """{title}
{line}

A step of the form *{form}*, which recipes repeat.

.. autofunction:: napari_tessera.{name}

On the command line: ``napari-tessera {command} --help``.
"""


def write_pages():
    """Write one page per method of the registry, and the list of them."""
    folder = HERE / "methods"
    folder.mkdir(exist_ok=True)
    rows = ["Methods", "=======", ""]
    for group in dict.fromkeys(method.group for method in METHODS.values()):
        own = [method for method in METHODS.values() if method.group == group]
        rows += [group, "-" * len(group), "", ".. toctree::", "   :maxdepth: 1", ""]
        rows += [f"   {method.name}" for method in own] + [""]
    (folder / "index.rst").write_text("\n".join(rows), encoding="utf-8")
    for name, method in METHODS.items():
        page = (STEP if method.way.by_hand else PAGE).format(
            name=name,
            title=method.display,
            line="=" * len(method.display),
            command=name.replace("_", "-"),
            form="Pick objects" if method.group == "Classical" else "Edit objects",
        )
        (folder / f"{name}.rst").write_text(page, encoding="utf-8")


write_pages()
