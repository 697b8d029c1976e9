"""Widgets stand beside one another as far as there is room."""

from qtpy.QtWidgets import QToolButton, QWidget

from napari_tessera.widgets.qt.side_by_side import SideBySide


def test_buttons_wrap_where_there_is_no_room_and_fill_each_line(qtbot):
    form, buttons = QWidget(), [QToolButton() for _ in range(3)]
    qtbot.addWidget(form)
    for button in buttons:
        button.setFixedHeight(20)
        button.setMinimumWidth(60)
    row = SideBySide(*buttons)
    row.setSpacing(4)
    form.setLayout(row)
    assert row.minimumSize().width() == 60
    assert [row.heightForWidth(width) for width in (188, 187, 123)] == [20, 44, 68]
    buttons[0].hide()
    assert row.heightForWidth(124) == 20
