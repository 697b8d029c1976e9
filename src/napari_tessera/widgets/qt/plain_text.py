"""Names that people give to layers, classes and files, shown as they are written.

Qt takes a text for HTML where it looks so, and an ampersand in a menu for a shortcut. Whatever a
form shows with such a name in it goes through here.
"""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel


class PlainLabel(QLabel):
    """A text that wraps, exactly as it is written."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setText(text)


def as_written(text: str) -> str:
    """Return a text for tool tips, dialogs and notifications, which show it as it is written.

    What Qt would take for HTML gets a sign of no width, the word joiner, into its first tags. They
    are not escaped, because labels of napari cut texts off, and would do so inside of a tag.

    Examples
    --------
    >>> as_written("salt & pepper")
    'salt & pepper'
    >>> as_written("a <b>bold</b> name").replace("\u2060", "|")
    'a <|b>bold<|/b> name'
    """
    if not Qt.mightBeRichText(text):
        return text
    return text.replace("<", "<\u2060").replace("&lt;", "&\u2060lt;")


def menu_text(text: str) -> str:
    """Return a text for an entry of a menu, in which an ampersand marks a key.

    Examples
    --------
    >>> menu_text("salt & pepper")
    'salt && pepper'
    """
    return text.replace("&", "&&")
