from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from stage.cameras.sources import Seekable
from stage.cameras.sources.images import ImageFolderSource
from stage.errors import SourceError
from tests.stage.cameras.videos import HEIGHT, WIDTH, number_in, picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"frame{number}.png"), picture(number))
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def test_images_come_in_the_order_of_their_numbers_at_the_given_rate(folder: Path) -> None:
    source = ImageFolderSource(folder, 25.0)
    info = source.open()
    assert (info.width, info.height, info.rate_achieved, info.duration_ns) == (WIDTH, HEIGHT, 25.0, 480_000_000)
    buffer = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    for number in range(12):
        frame = source.read(buffer)
        assert frame is not None and frame.image is buffer
        assert (frame.number, frame.pts_ns) == (number, number * 40_000_000)
        assert (buffer == picture(number)).all()
    assert source.read() is None
    source.close()


def test_seeking(folder: Path) -> None:
    source = ImageFolderSource(folder, 25.0)
    source.open()
    assert isinstance(source, Seekable)
    for position_ns, number in ((0, 0), (40_000_000, 1), (40_100_000, 2), (439_000_000, 11), (-5, 0)):
        source.seek(position_ns)
        frame = source.read()
        assert frame is not None and number_in(frame.image) == number
    source.seek(440_100_000)
    assert source.read() is None
    source.close()


def test_bad_folders_and_images_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such folder"):
        ImageFolderSource(folder / "none", 30.0).open()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SourceError, match="holds no images"):
        ImageFolderSource(empty, 30.0).open()
    whole = (folder / "frame1.png").read_bytes()
    (folder / "frame1.png").write_bytes(whole[:50])
    cv2.imwrite(str(folder / "frame2.png"), picture(2, 2 * WIDTH, HEIGHT))
    (folder / "frame3.png").write_bytes(b"")
    source = ImageFolderSource(folder, 30.0)
    source.open()
    source.read()
    with pytest.raises(SourceError, match=r"frame1\.png: unreadable or truncated image"):
        source.read()
    with pytest.raises(SourceError, match=r"frame2\.png: 256x64, but the folder began with 128x64"):
        source.read()
    with pytest.raises(SourceError, match=r"frame3\.png: unreadable"):
        source.read()
    source.close()
