import pytest

from napari_tessera.deep.models import places


def test_names_are_of_the_users_folder_and_paths_of_any(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_TESSERA_MODELS", str(tmp_path))
    assert places.place_of("cells") == tmp_path / "cells"
    assert places.place_of(tmp_path / "a" / "cells") == tmp_path / "a" / "cells"
    assert places.place_of("./cells").is_absolute()
    with pytest.raises(ValueError, match="name is 'removed'"):
        places.place_of("removed")
