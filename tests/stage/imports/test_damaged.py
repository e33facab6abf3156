"""Damaged files of others are refused with a word, never with a crash, a hang or a wrong kind of error."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stage.errors import ForeignFileError
from stage.imports import import_files
from stage.imports._c3d import read_c3d
from stage.imports._imported import read_text
from stage.imports._livelink_csv import read_livelink_csv
from stage.imports._trc import read_trc
from tests.stage.imports.small_files import small_csv, small_trc

EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FLIPS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6)


def small_c3d(frames: int = 3, points: int = 4) -> bytes:
    """A C3D file of the plainest kind: Intel, float32."""
    parameters = bytearray(b"\x01\x50\x02\x54")
    for name in (b"POINT",):
        parameters += struct.pack("<bb", len(name), -1) + name + struct.pack("<hB", 3, 0)

    def add(name: bytes, kind: int, sizes: list[int], data: bytes) -> None:
        body = struct.pack("<bB", kind, len(sizes)) + bytes(sizes) + data + b"\0"
        parameters.extend(struct.pack("<bb", len(name), 1) + name + struct.pack("<h", len(body) + 2) + body)

    add(b"RATE", 4, [], struct.pack("<f", 100.0))
    add(b"SCALE", 4, [], struct.pack("<f", -1.0))
    add(b"UNITS", -1, [2], b"mm")
    add(b"LABELS", -1, [4, points], b"".join(b"M%03d" % n for n in range(points)))
    parameters += b"\0\0"
    parameters = parameters.ljust(1024, b"\0")
    head = struct.pack("<BBHHHHHfHHf", 2, 0x50, points, 0, 1, frames, 0, -1.0, 4, 0, 100.0).ljust(512, b"\0")
    table = np.ones((frames, points, 4), "<f4") * 100.0
    table[..., 3] = 0.0
    table[1, 2] = (0.0, 0.0, 0.0, -1.0)
    return head + bytes(parameters) + table.tobytes().ljust(512, b"\0")


def _damaged(data: bytes, flips: list[tuple[float, int]], cut: float) -> bytes:
    changed = bytearray(data)
    for place, value in flips:
        changed[int(place * len(changed))] = value
    return bytes(changed[: max(1, int(cut * len(changed)))])


def test_the_small_c3d_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.c3d"
    path.write_bytes(small_c3d())
    recording = read_c3d(path)
    assert recording.labels == ("M000", "M001", "M002", "M003")
    assert recording.seen.tolist() == [[True] * 4, [True, True, False, True], [True] * 4]
    np.testing.assert_allclose(recording.points[recording.seen], 0.1)


@EXAMPLES
@given(flips=FLIPS, cut=st.floats(0.05, 1.0))
def test_c3d(tmp_path: Path, flips: list[tuple[float, int]], cut: float) -> None:
    path = tmp_path / "a.c3d"
    path.write_bytes(_damaged(small_c3d(), [(0.55 * place, value) for place, value in flips], max(cut, 0.6)))
    try:
        recording = read_c3d(path)
    except ForeignFileError as error:
        assert "a.c3d" in str(error)
        return
    assert np.isfinite(recording.points).all() and recording.points.shape[:2] == recording.seen.shape


@EXAMPLES
@given(flips=FLIPS, cut=st.floats(0.05, 1.0))
def test_trc(tmp_path: Path, flips: list[tuple[float, int]], cut: float) -> None:
    path = small_trc(tmp_path, "whole.trc") if not (tmp_path / "whole.trc").exists() else tmp_path / "whole.trc"
    damaged = tmp_path / "a.trc"
    damaged.write_bytes(_damaged(path.read_bytes(), [(0.5 * place, value) for place, value in flips], cut))
    try:
        recording = read_trc(damaged)
    except ForeignFileError as error:
        assert "a.trc" in str(error)
        return
    assert np.isfinite(recording.points).all()


@EXAMPLES
@given(flips=FLIPS, cut=st.floats(0.05, 1.0))
def test_csv(tmp_path: Path, flips: list[tuple[float, int]], cut: float) -> None:
    path = small_csv(tmp_path, "whole.csv") if not (tmp_path / "whole.csv").exists() else tmp_path / "whole.csv"
    damaged = tmp_path / "a.csv"
    damaged.write_bytes(_damaged(path.read_bytes(), flips, cut))
    try:
        motion = read_livelink_csv(damaged).motion
    except ForeignFileError as error:
        assert "a.csv" in str(error)
        return
    assert motion is not None
    assert np.isfinite(motion.head).all() and np.isfinite(motion.gaze).all()
    assert ((motion.shapes >= 0.0) & (motion.shapes <= 1.0)).all() and (np.diff(motion.face_ns) > 0).all()


@EXAMPLES
@given(data=st.binary(max_size=3000))
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(data)
    for read in (read_c3d, read_trc, read_livelink_csv):
        with pytest.raises(ForeignFileError):
            read(path)


def test_folders_missing_files_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(ForeignFileError, match="is a folder"):
        read_text(tmp_path)
    with pytest.raises(ForeignFileError, match="No such file"):
        read_text(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"abc\0def")
    with pytest.raises(ForeignFileError, match="is no text"):
        read_text(tmp_path / "bytes")
    (tmp_path / "utf16").write_bytes("Timecode".encode("utf-16"))
    assert read_text(tmp_path / "utf16") == "Timecode"


@pytest.mark.parametrize("suffix", ["bvh", "c3d", "trc", "csv"])
def test_nobody_waits_for_a_pipe_or_reads_a_device(tmp_path: Path, suffix: str) -> None:
    pipe, device = tmp_path / f"pipe.{suffix}", tmp_path / f"device.{suffix}"
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    for path in (pipe, device):
        with pytest.raises(ForeignFileError, match="device or a pipe"):
            import_files([path], out=tmp_path / "out.mcap")
