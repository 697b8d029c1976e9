"""Files as roifile writes them, and damaged ones."""

import zipfile

import numpy as np
import pytest
from roifile import ROI_OPTIONS, ROI_SUBTYPE, ROI_TYPE, ImagejRoi, roiwrite

from napari_tessera.io.files import read
from napari_tessera.io.geometries import drawn_labels
from napari_tessera.io.imagej_rois import TURN, is_roi_set, read_rois

CORNERS = np.array([[2, 1], [7, 1], [7, 5], [2, 5]])


def area(kind, corners=CORNERS, **options):
    """Return an ROI of corners as roifile makes them."""
    roi = ImagejRoi.frompoints(corners, name=options.pop("name", "cell"))
    roi.roitype = kind
    for name, value in options.items():
        setattr(roi, name, value)
    return roi


def box(kind, **options):
    return ImagejRoi(roitype=kind, left=2, top=1, right=7, bottom=5, name="box", **options)


def saved(path, *rois):
    roiwrite(path, list(rois) if path.suffix == ".zip" else rois[0], mode="w")
    return read_rois(path)


@pytest.mark.parametrize("kind", [ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED])
def test_corners_of_areas_count_from_the_corner_of_a_pixel(kind, tmp_path):
    found = saved(tmp_path / "a.roi", area(kind))
    assert found.vertices[0].tolist() == [[0.5, 1.5], [0.5, 6.5], [4.5, 6.5], [4.5, 1.5]]
    expected = np.zeros((5, 7), np.uint16)
    expected[1:5, 2:7] = 1  # as ImageJ fills it
    np.testing.assert_array_equal(drawn_labels(found, tmp_path), expected)
    finer = saved(tmp_path / "b.roi", area(kind, CORNERS + 0.25))
    assert finer.vertices[0][0].tolist() == [0.75, 1.75]


def test_rectangles_and_ovals_in_whole_pixels_and_finer(tmp_path):
    found = saved(tmp_path / "a.roi", box(ROI_TYPE.RECT))
    assert found.vertices[0].tolist() == [[0.5, 1.5], [0.5, 6.5], [4.5, 6.5], [4.5, 1.5]]
    assert found.properties == [{"name": "box", "roi": "rectangle"}]
    oval = saved(tmp_path / "b.roi", box(ROI_TYPE.OVAL))
    assert oval.vertices[0].shape == (TURN, 2)
    assert oval.vertices[0].min(axis=0).tolist() == [0.5, 1.5]
    assert oval.vertices[0].max(axis=0).tolist() == [4.5, 6.5]
    assert oval.properties[0]["roi"] == "oval"
    size = {"xd": 2.25, "yd": 1.5, "widthd": 4.0, "heightd": 3.0}
    fine = box(ROI_TYPE.RECT, options=ROI_OPTIONS.SUB_PIXEL_RESOLUTION, **size)
    assert saved(tmp_path / "c.roi", fine).vertices[0][0].tolist() == [1.0, 1.75]


def test_lines_and_points_count_from_the_centre_of_a_pixel(tmp_path):
    line = ImagejRoi(roitype=ROI_TYPE.LINE, x1=1, y1=2, x2=5, y2=6, name="l")
    path = area(ROI_TYPE.POLYLINE, name="p")
    points = area(ROI_TYPE.POINT, name="q")
    fine = area(ROI_TYPE.POINT, CORNERS[:1] + 0.5, name="r")
    found = saved(tmp_path / "a.zip", line, path, points, fine)
    assert [line.tolist() for line in found.vertices] == [
        [[2, 1], [6, 5]],
        [[1, 2], [1, 7], [5, 7], [5, 2]],
    ]
    assert found.closed == [False, False]
    assert [point.tolist() for point in found.points] == [[1, 2], [1, 7], [5, 7], [5, 2], [1, 2]]
    assert [row["name"] for row in found.about_points] == ["q"] * 4 + ["r"]


def test_a_composite_roi_has_holes_and_pieces(tmp_path):
    def ring(low, high):
        return [0, low, low, 1, high, low, 1, high, high, 1, low, high, 4]

    path = np.array([*ring(0, 9), *ring(3, 6), *ring(12, 14)], np.float32)
    roi = ImagejRoi(roitype=ROI_TYPE.RECT, right=14, bottom=14, name="c")
    roi.multi_coordinates, roi.shape_roi_size = path, len(path)
    found = saved(tmp_path / "a.zip", roi, area(ROI_TYPE.POLYGON, CORNERS + 20))
    assert found.objects == (1, 1, 1, 2)
    assert found.holes == (False, False, True, False)
    labels = drawn_labels(found, tmp_path)
    expected = np.zeros_like(labels)
    expected[:9, :9], expected[3:6, 3:6], expected[12:14, 12:14] = 1, 0, 1
    expected[21:25, 22:27] = 2
    np.testing.assert_array_equal(labels, expected)


def test_names_groups_colours_and_properties_become_columns(tmp_path):
    roi = area(ROI_TYPE.POLYGON, name="Zelle 7 é", group=300, c_position=2)
    roi.stroke_color, roi.fill_color = b"\xff\x10\x20\x30", b"\x80\xff\x00\x00"
    roi.props = "label: 7\nkind: bolt\nshare: 0.5\n"
    found = saved(tmp_path / "a.zip", roi)
    assert found.properties == [
        {
            "name": "Zelle 7 é", "group": 300, "channel": 2, "colour": "#102030",
            "fill": "#ff0000", "label": 7, "kind": "bolt", "share": 0.5,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("positions", "leads"),
    [
        ([{"z_position": 1}, {"z_position": 3}], [[0], [2]]),
        (
            [{"t_position": 2, "z_position": 1}, {"t_position": 1, "z_position": 4}],
            [[1, 0], [0, 3]],
        ),
        ([{"position": 5}, {"position": 2}], [[4], [1]]),
        ([{"position": 1}, {"c_position": 3}], [[], []]),
    ],
    ids=["planes", "frames and planes", "stack", "no stack"],
)
def test_positions_say_the_plane(positions, leads, tmp_path):
    rois = [area(ROI_TYPE.POLYGON, name=f"{k}", **each) for k, each in enumerate(positions)]
    found = saved(tmp_path / "a.zip", *rois)
    assert [line[0, :-2].tolist() for line in found.vertices] == leads
    assert not found.notes


def test_an_roi_without_a_plane_is_in_the_first_and_texts_are_left_out(tmp_path):
    text = box(ROI_TYPE.RECT, subtype=ROI_SUBTYPE.TEXT)
    text.name, text.text_name, text.text = "note", "Arial", "hello"
    rois = [area(ROI_TYPE.POLYGON, name="a"), area(ROI_TYPE.POLYGON, name="b", z_position=2), text]
    found = saved(tmp_path / "a.zip", *rois)
    assert [line[0, 0] for line in found.vertices] == [0, 1]
    assert found.notes == (
        "ROI 'note' is text, no object; left out",
        "2 of its ROIs lie in no plane of their own; they are in the first",
    )


def test_damaged_rois_are_named_and_the_others_read(tmp_path):
    path = tmp_path / "a.zip"
    whole = area(ROI_TYPE.POLYGON).tobytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.roi", whole)
        archive.writestr("empty.roi", b"")
        archive.writestr("short.roi", whole[:70])
        archive.writestr("other.roi", b"Nope" + whole[4:])
        archive.writestr("readme.txt", b"hello")
    found = read_rois(path)
    assert len(found.vertices) == 1
    empty, short, other = found.notes
    assert empty.startswith("ROI 'empty' is damaged (ImageJ ROI data too short: 0 < 64 bytes)")
    assert short.startswith("ROI 'short' is damaged (")
    assert other.startswith("ROI 'other' is damaged (not an ImageJ ROI b'Nope')")
    assert all(note.endswith("; left out") for note in found.notes)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.roi", b"", r"a.roi' cannot be read: it is neither a Zip of ROIs nor a single one"),
        ("a.roi", b"Iout" + bytes(8), r"a.roi' cannot be read: ROI 'a' is damaged"),
        ("a.zip", b"PK\x03\x04" + bytes(40), "a.zip' cannot be read: it is neither a Zip"),
    ],
)
def test_a_file_without_any_roi_says_why(name, data, message, tmp_path):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_rois(tmp_path / name)
    assert is_roi_set(tmp_path / name) == data.startswith(b"Iout")


def test_a_zip_of_other_things_is_no_set(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "hello")
    assert not is_roi_set(path)
    with pytest.raises(ValueError, match=r"it has no ROIs \(.roi\)"):
        read_rois(path)


def test_rois_are_read_as_labels_and_as_nothing_else(tmp_path):
    path = tmp_path / "a.zip"
    roiwrite(path, [area(ROI_TYPE.POLYGON)], mode="w")
    source = read(path, labels=True)
    assert source.array[1:5, 2:7].all()
    with pytest.raises(ValueError, match="holds outlines of objects and no image"):
        read(path)
