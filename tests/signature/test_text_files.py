import os
import sys

import pytest

from napari_tessera.signature.text_files import (
    LARGEST_TEXT,
    check_openable,
    parse_csv,
    parse_json,
    read_json,
    read_text,
    read_yaml,
)


def test_texts_may_begin_with_a_mark(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "a.json") == {"a": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes in folders")
def test_pipes_and_devices_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    for place in (tmp_path / "pipe.json", "/dev/zero"):
        with pytest.raises(ValueError, match="is a pipe or a device; pass a file"):
            read_text(place)
    check_openable(tmp_path)
    with pytest.raises(ValueError, match="is a folder"):
        read_text(tmp_path)


def test_what_is_not_there_too_large_or_no_text_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*gone\.json"):
        read_text(tmp_path / "gone.json")
    (tmp_path / "a.json").write_bytes(b"ab\xff")
    with pytest.raises(ValueError, match=r"a\.json' is no text in UTF-8 \(byte 2 is 0xff\)"):
        read_text(tmp_path / "a.json")
    with (tmp_path / "b.json").open("wb") as file:
        file.truncate(LARGEST_TEXT + 1)  # a hole, which takes no room
    with pytest.raises(ValueError, match=f"texts of up to {LARGEST_TEXT} are read"):
        read_text(tmp_path / "b.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[" * 10**5, "nested too deep"),
        ("9" * 5000, "JSON"),
    ],
)
def test_what_is_no_json_is_named(text, message):
    with pytest.raises(ValueError, match=f"a.json .*{message}|a.json is {message}"):
        parse_json(text, "a.json")


def test_yaml_is_texts_lists_and_mappings(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("nc: 2\nnames:\n  0: yes\n  1: 2020-01-01\n")
    assert read_yaml(path) == {"nc": "2", "names": {"0": "yes", "1": "2020-01-01"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [x, x]\nb: [*a, *a]", r"has an alias \(\*\), which is not followed"),
        ("a: !!python/object/apply:os.system ['x']\nb: [", "is no YAML"),
        ("a: [", "is no YAML"),
        ("a: \x00", "is no YAML"),
        ("[" * 10_000, "nested too deep|is no YAML"),
        ("{[1]: 2}", "is no YAML"),
    ],
)
def test_what_is_no_yaml_or_a_bomb_is_named(tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.yaml' .*({message})"):
        read_yaml(tmp_path / "a.yaml")


def test_tables_are_read_by_their_header():
    assert parse_csv('a,"b c"\n1,x\n\n2\n', "t.csv") == [
        {"a": "1", "b c": "x"},
        {"a": "2", "b c": ""},
    ]
    assert parse_csv("", "t.csv") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,a\n1,2", "t.csv has the column 'a' twice"),
        ("a\n1\n1,2", "t.csv: row 2 has 2 fields, but there are 1 columns"),
        ("a\n" + "x" * 200_000, "t.csv is no CSV: field larger"),
    ],
)
def test_what_is_no_table_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        parse_csv(text, "t.csv")
