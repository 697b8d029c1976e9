"""The models that come with napari-tessera, each a folder here."""
