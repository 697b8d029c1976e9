"""A layer that is measured, refined or painted on, heard of when it has come to rest."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_tessera.widgets.connections import Connections

PAUSE_MS = 300
"""How long a layer has to rest."""


class LayerRest(QObject):
    """Tells when a layer has changed and rests again.

    Parameters
    ----------
    parent : QObject
    """

    rested = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._followed, self._timer = Connections(), QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self.rested)

    def follow(self, layer: Any) -> None:
        """Hear of the changes of a layer; of what is none, nothing."""
        self.end()
        events = getattr(layer, "events", None)
        for name in ("metadata", "data", "labels_update"):
            if hasattr(events, name):
                self._followed.add(lambda event: self._timer.start(), getattr(events, name))

    def end(self) -> None:
        """Hear of no layer any more; touches nothing of Qt."""
        self._followed.end()
