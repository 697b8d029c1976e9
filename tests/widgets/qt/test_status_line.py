from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QPalette

from napari_tessera.widgets.qt.status_line import StatusLine, red


def test_what_is_wrong_is_said_in_red_until_something_else_is_said(qapp):
    message = StatusLine()
    message.say("3 objects")
    assert (message.text(), message.styleSheet()) == ("3 objects", "")
    message.say("no model is chosen", wrong=True)
    assert message.text() == "no model is chosen"
    assert message.styleSheet() == f"color: {red(message)}"
    message.say("")
    assert (message.text(), message.styleSheet()) == ("", "")


def test_a_sentence_wraps_and_can_be_copied(qapp):
    message = StatusLine()
    assert message.wordWrap()
    assert message.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse


def luminance(colour):
    """Return the relative luminance of a colour, as WCAG 2 defines it."""
    shares = [QColor(colour).redF(), QColor(colour).greenF(), QColor(colour).blueF()]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_red_can_be_read_in_light_and_dark(qapp):
    message, found = StatusLine(), []
    message.say("no image", wrong=True)
    for background in ("#ffffff", "#262930"):
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Window, QColor(background))
        message.setPalette(palette)
        found.append(red(message))
        light, dark = sorted((luminance(background), luminance(found[-1])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 4.5
        message.fit_theme()
        assert message.styleSheet() == f"color: {found[-1]}"
    assert found[0] != found[1]
