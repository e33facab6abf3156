from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from protocols.errors import TakeError
from protocols.foxglove import COMPRESSED_IMAGE, ENCODING, Picture, encode_image
from protocols.takefile import TakeWriter
from stage import cli
from stage.errors import StageError
from stage.takes.contact_sheet import contact_sheet, write_contact_sheet
from stage.takes.take_info import take_info
from tests.stage.takes.managed_take import managed_take
from tests.stage.takes.small_take import BEGAN_NS, a_performance, write_take

COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30))


def filmed_take(folder: Path) -> Path:
    """Four pictures of a camera, each of a colour of its own."""
    writer = TakeWriter(folder / "scene_001.mcap")
    for number, colour in enumerate(COLOURS):
        image = np.full((60, 80, 3), colour, np.uint8)
        jpeg = cv2.imencode(".jpg", image)[1].tobytes()
        at_ns = BEGAN_NS + number * 1_000_000_000
        data = encode_image(Picture(at_ns, "left", "jpeg", jpeg, keyframe=True, frame=number))
        schema = COMPRESSED_IMAGE
        writer.write_foreign(
            "video.left", schema.name, schema.encoding, schema.data, ENCODING, data, at_ns, at_ns + 1, number
        )
    writer.finish({})
    return writer.path


def test_each_column_shows_the_picture_of_its_moment(tmp_path: Path) -> None:
    path = filmed_take(tmp_path)
    sheet = contact_sheet(path, take_info(path), 3)
    tiles = [sheet[60:220, 4 + column * 244 : 244 + column * 244].reshape(-1, 3) for column in range(3)]
    # The first picture at or after 0.5 s, 1.5 s and 2.5 s.
    for tile, colour in zip(tiles, COLOURS[1:], strict=True):
        assert np.abs(np.median(tile, 0) - colour).max() < 8


def test_actors_are_drawn_where_there_is_no_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_take(tmp_path / "scene_001.mcap", [a_performance(number) for number in range(60)])
    assert cli.run(["takes", "sheet", str(path), "--columns", "4"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "scene_001.jpg")
    sheet = cv2.imread(str(tmp_path / "scene_001.jpg"))
    assert sheet is not None and sheet.shape[1] == 4 + 4 * 244
    for column in range(4):
        tile = sheet[44:224, 4 + column * 244 : 244 + column * 244]
        assert (tile[..., 2] > 200).sum() > 50


def test_what_cannot_be_shown_is_told(tmp_path: Path) -> None:
    path = filmed_take(tmp_path)
    (tmp_path / "there.jpg").write_text("mine")
    for out, columns, error in (
        (tmp_path / "there.jpg", 4, StageError),
        (tmp_path / "a.gif", 4, StageError),
        (tmp_path / "a.jpg", 0, StageError),
        (tmp_path / "no" / "a.jpg", 4, StageError),
    ):
        with pytest.raises(error):
            write_contact_sheet(path, out, columns)
    assert (tmp_path / "there.jpg").read_text() == "mine"
    (tmp_path / "x").mkdir()
    with pytest.raises(TakeError, match="unfinished"):
        write_contact_sheet(managed_take(tmp_path / "x", finish=False), tmp_path / "a.jpg")
    writer = TakeWriter(tmp_path / "empty.mcap")
    writer.finish({})
    with pytest.raises(TakeError, match="neither"):
        write_contact_sheet(writer.path, tmp_path / "a.jpg")
