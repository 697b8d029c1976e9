"""Cells of YOLOv5: which of them answer for which objects, and which boxes they mean."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from napari_tessera.deep.networks.anchors import STRETCH

BOX, SURENESS, FIRST_CLASS = slice(0, 4), 4, 5
"""Where the numbers that a cell says of a box stand; the coefficients of its mask come last."""

_SMALLEST = 1e-3
_NEIGHBOURS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))


@dataclass(frozen=True)
class Answers:
    """Which cells of one level answer for which objects; each attribute has one number per answer.

    Attributes
    ----------
    images, anchors, rows, columns : Tensor, int64, shape (A,)
        The place of the cell; one cell answers once for each of its anchors.
    objects : Tensor, int64, shape (A,)
        The object, counted through all images of the batch.
    """

    images: torch.Tensor
    anchors: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor
    objects: torch.Tensor

    def __len__(self) -> int:
        return len(self.objects)

    @property
    def places(self) -> tuple[torch.Tensor, ...]:
        """Indices of the cells in what a level says, (B, 3, Y/s, X/s, ...)."""
        return self.images, self.anchors, self.rows, self.columns


def answers(
    boxes: torch.Tensor,
    images: torch.Tensor,
    anchors: torch.Tensor,
    *,
    stride: int,
    shape: tuple[int, int],
) -> Answers:
    """Return which cells of a level answer for which objects.

    An object concerns the anchors from which it differs by less than `STRETCH` in both lengths. The
    cell its centre lies in answers for it, and the two that are nearest to the centre beside it.

    Parameters
    ----------
    boxes : Tensor, shape (N, 4)
        x0, y0, x1, y1 in pixels.
    images : Tensor, int64, shape (N,)
        The number of the image of each box.
    anchors : Tensor, shape (3, 2)
        Widths and heights in pixels.
    stride : int
        Pixels per cell.
    shape : tuple of int
        Rows and columns of cells.

    Returns
    -------
    Answers

    Examples
    --------
    >>> box = torch.tensor([[8.0, 10.0, 28.0, 24.0]])  # its centre: x 18, y 17
    >>> found = answers(
    ...     box, torch.tensor([0]), torch.tensor([[20.0, 40.0]]), stride=8, shape=(4, 4)
    ... )
    >>> [tuple(each.tolist()) for each in (found.rows, found.columns)]
    [(2, 2, 1), (2, 1, 2)]
    """
    # a centre may lie up to half a cell outside its cell (see `boxes_meant`), so the neighbours on
    # the nearer sides can mean it too: three times as many cells learn from each object
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2 / stride  # (N, 2) x, y in cells
    last = torch.tensor([shape[1] - 1, shape[0] - 1], device=boxes.device)
    own = middles.floor().clamp(min=0).minimum(last).long()  # (N, 2)
    steps = torch.tensor(_NEIGHBOURS, device=boxes.device)[:, None]  # (5, 1, 2)
    cells = own + steps  # (5, N, 2)
    towards = steps * (middles - own - 0.5)  # (5, N, 2) over 0 where the centre is on that side
    near = ((towards > 0) | (steps == 0)).all(2) & ((cells >= 0) & (cells <= last)).all(2)  # (5, N)
    concerned = _fit(boxes, anchors)[:, None] & near  # (3, 5, N)
    anchor, step, number = concerned.nonzero().unbind(1)  # (A,) each
    columns, rows = cells[step, number].unbind(1)
    return Answers(images[number], anchor, rows, columns, number)


def _fit(boxes: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
    """Return which anchors can be stretched to which boxes, shape (3, N)."""
    stretch = (boxes[:, 2:] - boxes[:, :2]) / anchors[:, None]  # (3, N, 2)
    return torch.maximum(stretch, 1 / stretch).amax(2) < STRETCH


def boxes_meant(
    said: torch.Tensor,
    rows: torch.Tensor,
    columns: torch.Tensor,
    anchors: torch.Tensor,
    *,
    stride: int,
) -> torch.Tensor:
    """Return the boxes that cells mean by what they say.

    A centre lies up to half a cell outside its cell; lengths are 0 to `STRETCH` times the anchor's.

    Parameters
    ----------
    said : Tensor, shape (A, 4)
        Before the sigmoid.
    rows, columns : Tensor, int64, shape (A,)
        The cells.
    anchors : Tensor, shape (A, 2)
        Their widths and heights in pixels.
    stride : int
        Pixels per cell.

    Returns
    -------
    Tensor, shape (A, 4)
        x0, y0, x1, y1 in pixels.

    Examples
    --------
    >>> one = torch.tensor([1])
    >>> boxes_meant(torch.zeros(1, 4), one, one, torch.tensor([[10.0, 20.0]]), stride=8)
    tensor([[ 7.,  2., 17., 22.]])
    """
    # b_xy = 2 sigma(t_xy) - 1/2 + c_xy and b_wh = a_wh (2 sigma(t_wh))^2, where YOLOv3
    # had sigma(t_xy) + c_xy and the unbounded a_wh exp(t_wh)
    share = said.sigmoid()  # (A, 4)
    cells = torch.stack([columns, rows], 1)  # (A, 2)
    middles = (2 * share[:, :2] - 0.5 + cells) * stride  # (A, 2)
    # a length of 0 has no aspect ratio
    lengths = ((2 * share[:, 2:]) ** 2 * anchors).clamp(min=_SMALLEST)  # (A, 2)
    return torch.cat([middles - lengths / 2, middles + lengths / 2], 1)  # (A, 4)
