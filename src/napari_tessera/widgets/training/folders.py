"""Folders and files to train on, in place of layers."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget


def ask_folders(parent: QWidget) -> tuple[Path, Path] | None:
    """Ask for the folders of images and of labels; None if a dialog is cancelled."""
    images = QFileDialog.getExistingDirectory(parent, "Folder of images")
    labels = images and QFileDialog.getExistingDirectory(parent, "Folder of labels", images)
    return (Path(images), Path(labels)) if labels else None


def ask_coco(parent: QWidget) -> tuple[Path, Path] | None:
    """Ask for a folder of images and the file that tells their objects; None if cancelled."""
    images = QFileDialog.getExistingDirectory(parent, "Folder of images")
    if not images:
        return None
    title, suffixes = "COCO file of their objects", "COCO (*.json)"
    file, _ = QFileDialog.getOpenFileName(parent, title, images, suffixes)
    return (Path(images), Path(file)) if file else None


def missing_place(images: Path, labels: Path) -> str | None:
    """Say which of two folders, or of a folder and a file, is not there; None if both are."""
    for title, place in (("images", images), ("labels", labels)):
        if not place.exists():
            what = "file" if place.suffix == ".json" else "folder"
            return f"the {what} of {title} is {str(place)!r}, which is not there; choose another"
    return None
