from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.bus import Subscriber
from protocols.errors import OvertakenError, RingError, RingGoneError, RingSpaceError
from protocols.messages import FrameNote
from protocols.ring import SHARED_MEMORY, RingReader, RingShape, RingWriter, remove_stale_rings, ring_name
from tests.protocols.ring_process import VALUES

ROOT = Path(__file__).resolve().parents[2]
SHAPE = (6, 10, 3)
PATIENCE_S = 30.0


@pytest.fixture
def name() -> Iterator[str]:
    """A name of its own for every test; nothing of it may be left afterwards."""
    prefix = f"stage-test-{uuid.uuid4().hex[:12]}"
    yield f"{prefix}.left"
    left_over = [path.name for path in SHARED_MEMORY.iterdir() if path.name.startswith(prefix)]
    for entry in left_over:
        (SHARED_MEMORY / entry).unlink()
    assert left_over == []


def image_of(value: int, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    return np.full(shape, value, np.uint8)


def writer_of(name: str, slots: int = 3) -> RingWriter:
    return RingWriter(name, slots, SHAPE[0], SHAPE[1])


@contextmanager
def writer_process(name: str, run_dir: Path, slots: int, height: int, width: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.protocols.ring_process", name, str(run_dir)]
    process = subprocess.Popen(
        [*command, str(slots), str(height), str(width)], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert not errors, errors.decode()
    finally:
        process.kill()
        process.communicate()


def next_note(subscriber: Subscriber) -> FrameNote:
    message = subscriber.receive(int(PATIENCE_S * 1000))
    assert message is not None, "no note came"
    assert isinstance(message.record, FrameNote)
    return message.record


def test_what_is_written_is_read(name: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
    out = np.empty(SHAPE, np.uint8)
    with writer_of(name) as writer, RingReader(name) as reader:
        slot, generation = writer.write(image)
        assert np.array_equal(reader.view(slot, generation), image)
        assert reader.still_valid(slot, generation)
        reader.copy(slot, generation, out)
        assert np.array_equal(out, image)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(slots=st.integers(1, 6), writes=st.integers(1, 20))
def test_the_last_images_are_there_and_older_ones_are_known_to_be_gone(name: str, slots: int, writes: int) -> None:
    with writer_of(name, slots) as writer, RingReader(name) as reader:
        places = [writer.write(image_of(value)) for value in range(writes)]
        assert len(set(generation for _, generation in places)) == writes
        for value, (slot, generation) in enumerate(places):
            if value >= writes - slots:
                assert (reader.view(slot, generation) == value).all()
            else:
                assert not reader.still_valid(slot, generation)
                with pytest.raises(OvertakenError) as caught:
                    reader.view(slot, generation)
                assert (caught.value.slot, caught.value.expected) == (slot, generation)
                assert caught.value.found > generation


def test_a_slot_being_written_is_not_valid(name: str) -> None:
    with writer_of(name, slots=1) as writer, RingReader(name) as reader:
        slot, generation = writer.write(image_of(1))
        view = reader.view(slot, generation)
        writer.reserve()[0] = 2  # half of it, so far
        assert not reader.still_valid(slot, generation)
        assert view[0, 0, 0] == 2
        with pytest.raises(OvertakenError):
            reader.copy(slot, generation, np.empty(SHAPE, np.uint8))


def test_an_image_can_be_made_in_its_slot(name: str) -> None:
    with writer_of(name) as writer, RingReader(name) as reader:
        writer.reserve()[:] = 5
        assert writer.reserve()[0, 0, 0] == 5  # not committed: the same slot again
        slot, generation = writer.commit()
        assert (reader.view(slot, generation) == 5).all()
        with pytest.raises(RingError, match="without reserve"):
            writer.commit()


def test_views_are_read_only(name: str) -> None:
    with writer_of(name) as writer, RingReader(name) as reader:
        view = reader.view(*writer.write(image_of(1)))
        with pytest.raises(ValueError, match="read-only"):
            view[:] = 0


def test_the_file_is_private_and_ends_with_its_writer(name: str) -> None:
    with writer_of(name):
        assert (SHARED_MEMORY / name).stat().st_mode & 0o777 == 0o600
    assert not (SHARED_MEMORY / name).exists()


def test_a_reader_does_not_take_the_ring_with_it(name: str) -> None:
    with writer_of(name) as writer:
        place = writer.write(image_of(3))
        code = f"from protocols.ring import RingReader; print(RingReader({name!r}).view{place}[0, 0, 0])"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, timeout=PATIENCE_S
        )
        assert done.stdout.strip() == b"3"
        assert (SHARED_MEMORY / name).exists()


def test_what_a_reader_has_mapped_outlives_the_writer(name: str) -> None:
    writer = writer_of(name)
    reader = RingReader(name)
    place = writer.write(image_of(4))
    view = reader.view(*place)
    writer.close()
    writer.close()
    assert reader.still_valid(*place)
    reader.close()
    assert (view == 4).all()
    with pytest.raises(RingError, match="closed"):
        writer.write(image_of(1))


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((10, 6, 3), np.uint8), id="height and width exchanged"),
        pytest.param(np.zeros((6, 10), np.uint8), id="grey"),
        pytest.param(np.zeros((6, 10, 3), np.float32), id="float"),
    ],
)
def test_an_image_of_another_kind_is_refused(name: str, image: np.ndarray) -> None:
    with writer_of(name) as writer, RingReader(name) as reader:
        with pytest.raises(RingError, match="holds uint8"):
            writer.write(image)
        place = writer.write(image_of(1))
        with pytest.raises(RingError, match="asked for"):
            reader.copy(*place, image)


@pytest.mark.parametrize("slot", [-1, 3, 2**40])
def test_a_note_with_an_impossible_slot_is_refused(name: str, slot: int) -> None:
    with writer_of(name) as writer, RingReader(name) as reader:
        _, generation = writer.write(image_of(1))
        with pytest.raises(RingError, match="slots"):
            reader.view(slot, generation)
        assert not reader.still_valid(slot, generation)


@pytest.mark.parametrize(
    "bad", ["", ".", "..", "../etc/passwd", "a/b", "/etc/passwd", ".hidden", "a\0b", "é", "x" * 300]
)
def test_a_name_that_leads_elsewhere_is_never_opened(bad: str) -> None:
    with pytest.raises(RingError, match="no name"):
        RingReader(bad)
    with pytest.raises(RingError, match="no name"):
        writer_of(bad)


@pytest.mark.parametrize("shape", [(0, 6, 10), (1, 0, 10), (1, 6, -1), (61, 6, 10), (1, 20_000, 10)])
def test_an_absurd_shape_is_refused(name: str, shape: tuple[int, int, int]) -> None:
    with pytest.raises(RingError, match="permitted"):
        RingWriter(name, *shape)


def test_a_full_shared_memory_is_an_error_with_both_sizes_and_leaves_nothing(name: str) -> None:
    shape = RingShape(60, 16384, 16384)
    space = os.statvfs(SHARED_MEMORY)
    if shape.total_bytes <= space.f_bavail * space.f_frsize:
        pytest.skip("this machine has room for the largest ring there is")
    with pytest.raises(RingSpaceError, match=r"needs 48318\.\d MB") as caught:
        RingWriter(name, *shape)
    assert caught.value.needed_bytes == shape.total_bytes
    assert not (SHARED_MEMORY / name).exists()


def test_one_name_has_one_writer(name: str) -> None:
    with writer_of(name) as writer:
        place = writer.write(image_of(6))
        with pytest.raises(RingError, match="in use"):
            writer_of(name)
        assert (RingReader(name).view(*place) == 6).all()


def test_of_many_writers_that_start_at_once_one_wins(name: str) -> None:
    barrier = threading.Barrier(8)
    won: list[RingWriter] = []
    refused: list[RingError] = []

    def start() -> None:
        barrier.wait()
        try:
            won.append(writer_of(name))
        except RingError as error:
            refused.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert (len(won), len(refused)) == (1, 7)
    won[0].close()


def test_a_reader_without_a_ring_is_told(name: str) -> None:
    with pytest.raises(RingGoneError, match="gone"):
        RingReader(name)


def test_a_reader_follows_a_writer_that_changed_its_size(name: str) -> None:
    writer = writer_of(name)
    reader = RingReader(name)
    old = writer.write(image_of(1))
    writer.close()
    with pytest.raises(RingGoneError):
        reader.view(old[0], old[1] + 2)
    with RingWriter(name, 2, 4, 8) as writer:
        place = writer.write(image_of(9, (4, 8, 3)))
        assert reader.view(*place).shape == (4, 8, 3)
        assert reader.reopened == 1
        with pytest.raises(OvertakenError):
            reader.view(*old)


def test_no_torn_frame_goes_unnoticed_beside_a_writing_process(name: str, tmp_path: Path) -> None:
    height, width = 240, 320
    out = np.empty((height, width, 3), np.uint8)
    good = overtaken = 0
    with (
        Subscriber(tmp_path, {"writer": ["frame."]}, queue_length=4) as subscriber,
        writer_process(name, tmp_path, 2, height, width),
    ):
        reader = RingReader(next_note(subscriber).ring)
        deadline = time.monotonic() + PATIENCE_S
        while good < 200 or overtaken < 50:
            assert time.monotonic() < deadline, f"{good} good, {overtaken} overtaken"
            note = next_note(subscriber)
            try:
                reader.copy(note.slot, note.generation, out)
            except OvertakenError:
                overtaken += 1
            else:
                good += 1
                assert (out == note.frame % VALUES).all()


def test_a_killed_writer_leaves_a_stale_ring_that_its_successor_replaces(name: str, tmp_path: Path) -> None:
    with Subscriber(tmp_path, {"writer": ["frame."]}) as subscriber:
        with writer_process(name, tmp_path, 2, *SHAPE[:2]) as process:
            first = next_note(subscriber)
            reader = RingReader(first.ring)
            assert remove_stale_rings(name) == []
            process.kill()
        notes = [message.record for message in subscriber.drain_all() if isinstance(message.record, FrameNote)]
        newest = max(note.generation for note in [first, *notes])
        assert (SHARED_MEMORY / name).exists()
        with RingWriter(name, 2, *SHAPE[:2]) as writer:
            place = writer.write(image_of(7))
            assert place[1] > newest
            assert (reader.view(*place) == 7).all()
            assert reader.reopened == 1
            with pytest.raises(OvertakenError):
                reader.view(first.slot, first.generation)


def test_a_killed_writer_process_comes_back_on_bus_and_ring(name: str, tmp_path: Path) -> None:
    with Subscriber(tmp_path, {"writer": ["frame."]}) as subscriber:
        with writer_process(name, tmp_path, 4, *SHAPE[:2]) as process:
            reader = RingReader(next_note(subscriber).ring)
            process.kill()
        with writer_process(name, tmp_path, 4, *SHAPE[:2]):
            note = next_note(subscriber)
            while subscriber.counters["restarts"] == 0:
                note = next_note(subscriber)
            out = np.empty(SHAPE, np.uint8)
            while reader.reopened == 0:
                with contextlib.suppress(OvertakenError):
                    reader.copy(note.slot, note.generation, out)
                    assert (out == note.frame % VALUES).all()
                note = next_note(subscriber)


def test_a_closed_reader_reads_nothing(name: str) -> None:
    with writer_of(name) as writer:
        place = writer.write(image_of(1))
        with RingReader(name) as reader:
            reader.close()
            assert not reader.still_valid(*place)
            with pytest.raises(RingError):
                reader.view(*place)


def test_stale_rings_are_removed_by_prefix_and_nothing_else_is(name: str, tmp_path: Path) -> None:
    prefix = name.rpartition(".")[0]
    (SHARED_MEMORY / f"{prefix}.notes").write_text("somebody else's file")
    (SHARED_MEMORY / f"{prefix}.link").symlink_to(tmp_path)
    (SHARED_MEMORY / f"{prefix}.unfinished").touch()
    with Subscriber(tmp_path, {"writer": ["frame."]}) as subscriber, writer_of(f"{prefix}.right"):
        with writer_process(name, tmp_path, 2, *SHAPE[:2]) as process:
            next_note(subscriber)
            process.kill()
        assert remove_stale_rings(prefix) == [name, f"{prefix}.unfinished"]
        assert (SHARED_MEMORY / f"{prefix}.right").exists()
    for rest in ("notes", "link"):
        (SHARED_MEMORY / f"{prefix}.{rest}").unlink()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"something else, long enough to be a header of a ring", id="text"),
        pytest.param(b"STAGERNG" + (9).to_bytes(8, "little") + bytes(24), id="another version"),
        pytest.param(b"STAGERNG" + (1).to_bytes(8, "little") + bytes(24), id="no slots"),
        pytest.param(b"STAGERNG" + b"".join(n.to_bytes(8, "little") for n in (1, 3, 6, 10)), id="cut off"),
        pytest.param(b"STAGERNG" + b"\xff" * 32, id="absurd numbers"),
    ],
)
def test_a_file_that_is_no_ring_is_refused(name: str, content: bytes) -> None:
    path = SHARED_MEMORY / name
    path.write_bytes(content)
    try:
        with pytest.raises(RingError, match="ring"):
            RingReader(name)
    finally:
        path.unlink()


def test_names_tell_stages_and_cameras_apart(tmp_path: Path) -> None:
    cameras = ["left", "left/2", "left_2", "links ä", "x" * 200, "x" * 201]
    names = {ring_name(run, camera) for run in (tmp_path / "a", tmp_path / "b") for camera in cameras}
    assert len(names) == 2 * len(cameras)
    assert all(name.startswith("stage.") and len(name) < 80 for name in names)
    assert ring_name(tmp_path, "left").endswith(".left")
