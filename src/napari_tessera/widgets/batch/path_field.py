"""A field for the path of a folder or file, with a button that asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QToolButton, QWidget


def ask_folder(parent: QWidget, title: str, start: str) -> str:
    """Ask for a folder; "" if that is cancelled."""
    return QFileDialog.getExistingDirectory(parent, title, start)


class PathField(QWidget):
    """A path that can be typed, pasted, or chosen in a dialog.

    Parameters
    ----------
    title : str
        What is asked for, in the dialog and to who hears the form.
    ask : callable
        Takes a parent, the title and where to begin; returns the path, "" if none was chosen.
    """

    changed = Signal()

    def __init__(self, title: str, ask: Callable[[QWidget, str, str], str] = ask_folder) -> None:
        super().__init__()
        self.text, self.button = QLineEdit(), QToolButton()
        self.text.setAccessibleName(title)
        self.text.setMinimumWidth(60)
        self.button.setText("...")
        self.button.setToolTip(f"Choose: {title.lower()}")
        self.button.setAccessibleName(f"Choose {title.lower()}")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.text, 1)
        row.addWidget(self.button)
        self.setFocusProxy(self.text)
        self._title, self._ask = title, ask
        self.button.clicked.connect(self._choose)
        self.text.textChanged.connect(lambda: self.changed.emit())

    @property
    def path(self) -> Path | None:
        """What stands there, None if nothing does."""
        text = self.text.text().strip()
        return Path(text).expanduser() if text else None

    @path.setter
    def path(self, path: Path | None) -> None:
        self.text.setText("" if path is None else str(path))

    def setToolTip(self, text: str) -> None:
        """Say in the field what it is for."""
        super().setToolTip(text)
        self.text.setToolTip(text)

    def _choose(self) -> None:
        found = self._ask(self, self._title, self.text.text())
        if found:
            self.text.setText(found)
