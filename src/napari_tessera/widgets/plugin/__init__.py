"""What napari finds: manifest, entry points, samples, demo."""
