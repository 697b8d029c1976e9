"""Pictures of the viewer that the gallery's examples leave open."""

import napari
from sphinx_gallery.scrapers import figure_rst

from napari_tessera.widgets.plugin import demo


def scrape(block, block_vars, gallery_conf):
    """Take a picture of the viewer that an example has left open, and close it."""
    viewer = napari.current_viewer()
    if viewer is None or not block_vars["example_globals"].get("picture", True):
        return ""
    demo.settle()
    path = next(block_vars["image_path_iterator"])
    viewer.screenshot(path, canvas_only=False)
    return figure_rst([path], gallery_conf["src_dir"])


def close_viewers(gallery_conf, fname):
    """Close the viewers of an example before the next one."""
    viewer = napari.current_viewer()
    if viewer is not None:
        viewer.close()
