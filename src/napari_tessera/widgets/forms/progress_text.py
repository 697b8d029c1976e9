"""What stands on the bar of work under way."""

from __future__ import annotations

from napari_tessera.widgets.forms.results import duration


def progress_text(left: float | None) -> str:
    """Return the text of a progress bar as Qt takes it, where "%p" is how much is done.

    Parameters
    ----------
    left : float, optional
        Seconds until the end; None = nobody knows yet.

    Examples
    --------
    >>> progress_text(None), progress_text(33.3)
    ('%p %', '%p %   33 s left')
    """
    return "%p %" if left is None else f"%p %   {duration(left)} left"
