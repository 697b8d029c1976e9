import sys

from napari_tessera.deep import triton


def test_triton_is_kept_away_only_where_mesa_draws(monkeypatch):
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    monkeypatch.setattr(triton, "_drawn_by_mesa", lambda: False)
    triton.keep_away()
    assert "triton" not in sys.modules
    monkeypatch.setattr(triton, "_drawn_by_mesa", lambda: True)
    triton.keep_away()
    assert sys.modules["triton"] is None
    monkeypatch.delitem(sys.modules, "triton")


def test_what_is_loaded_already_stays(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", sys)
    monkeypatch.setattr(triton, "_drawn_by_mesa", lambda: True)
    triton.keep_away()
    assert sys.modules["triton"] is sys
