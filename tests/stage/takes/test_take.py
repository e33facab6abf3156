from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from protocols.bus import Message
from protocols.codec import encode
from protocols.foxglove import decode_video
from protocols.takefile import TakeReader, TakeRecord, TakeWriter
from stage.config import TimecodeSection
from stage.takes import take as take_module
from stage.takes.face_table import FaceTables
from stage.takes.folder import MIN_FREE_BYTES, unfinished_takes
from stage.takes.memory import Memory
from stage.takes.reserve import _allocate
from stage.takes.take import END_BYTES, Take
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import random_pose
from tests.stage.takes.taking import GROUP, TOPIC, message, picture, take_in
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[3]
LOSS_S = 1.0


def ended(take: Take) -> Take:
    take.end()
    take.join(20.0)
    assert take.phase == "done"
    return take


def test_a_take_holds_what_it_was_handed_and_says_what_it_is(tmp_path: Path) -> None:
    take = take_in(tmp_path / "new" / "takes", slate="Scene 1/a")
    messages = [message(number) for number in range(50)]
    for item in messages:
        take.put(item)
    until(lambda: take.phase == "recording")
    assert take.name == "Scene_1_a_001" and take.number == 1 and take.fault == ""
    begin = take.facts
    ended(take)
    assert (take.records, take.lost, take.fault) == (50, 0, "")
    path = tmp_path / "new" / "takes" / "Scene_1_a_001.mcap"
    assert (
        begin["take"] == take.name
        and begin["mcap"] == str(path)
        and begin["csv"] == ""
        and len(begin["timecode"]) == 11
    )
    assert take.facts == begin | {"timecode": take.timecode, "files": str(path)}
    read = TakeReader(path)
    assert [entry.data for entry in read.records()] == [item.data for item in messages]
    assert read.facts["take"]["slate"] == "Scene 1/a" and read.facts["take"]["timecode"] == begin["timecode"]
    assert read.facts["end"]["records"] == "50" and read.facts["end"]["fault"] == ""
    assert "config.json" in read.attachments and "numpy" in read.facts["software"]
    assert int(read.facts["take"]["began_ns"]) == take.began_ns <= int(read.facts["end"]["ended_ns"])


def test_takes_of_one_slate_count_up_and_faces_get_their_tables(tmp_path: Path) -> None:
    for number in (1, 2):
        take = take_in(tmp_path)
        for count in range(10):
            record = face_performance(any_face(count), count, capture_ns=10**18 + count * 10**7)
            take.put(Message("face.anna", record, count, record.capture_ns, encode(record, count, record.capture_ns)))
        ended(take)
        name = f"scene_00{number}"
        assert [path.name for path in take.files] == [f"{name}.mcap", f"{name}_anna.csv"]
        assert take.facts["csv"] == str(tmp_path / f"{name}_anna.csv")
        assert take.facts["files"].split("\n") == [str(path) for path in take.files]
        assert len(take.files[1].read_text().splitlines()) == 11


def test_tables_written_meanwhile_are_those_of_the_take_file(tmp_path: Path) -> None:
    take = take_in(tmp_path)
    for count in range(300):
        actor = "anna" if count % 3 else "ben"
        capture_ns = 10**18 + count * 10**7
        if count % 5:
            record = face_performance(any_face(count), count, actor=actor, capture_ns=capture_ns)
        else:
            record = random_pose(count, actor=actor, number=count, capture_ns=capture_ns).performance
            record = replace(record, face=any_face(count))
        take.put(Message(f"x.{actor}", record, count, capture_ns, encode(record, count, capture_ns)))
    ended(take)
    live = {path.name: path.read_bytes() for path in take.files[1:]}
    assert sorted(live) == ["scene_001_anna.csv", "scene_001_ben.csv"]
    again = FaceTables(tmp_path / "again.mcap", TimecodeSection(rate="30"), take.began_ns)
    for entry in TakeReader(take.files[0]).records("x."):
        again.hear(entry.decoded().record, entry.received_ns)
    again.close()
    assert [path.read_bytes() for path in again.paths] == [live[name] for name in sorted(live)]


def test_a_table_that_cannot_be_written_does_not_end_the_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take = take_in(tmp_path)
    until(lambda: take.phase == "recording")

    def fail(*_: object) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr("stage.takes.face_table._Table.add", fail)
    for count in range(3):
        record = face_performance(any_face(), count, capture_ns=10**18 + count)
        take.put(Message("face.anna", record, count, record.capture_ns, encode(record, count, record.capture_ns)))
    ended(take)
    assert "no table of faces" in take.fault and take.records == 3 and take.lost == 0
    assert [path.name for path in tmp_path.iterdir()] == ["scene_001.mcap"] == [path.name for path in take.files]
    assert TakeReader(take.files[0]).finished


def test_too_little_space_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    take = ended(take_in(tmp_path, space=MIN_FREE_BYTES - 1))
    assert "200 MB free" in take.fault and take.files == [] and take.name == "" and list(tmp_path.iterdir()) == []


def test_a_take_is_closed_properly_when_space_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_module, "SPACE_S", 0.0)
    left = [1 << 40]
    take = take_in(tmp_path)
    take._space = lambda _folder: left[0]
    take.put(message(0))
    until(lambda: take.records == 1)
    left[0] = MIN_FREE_BYTES - 1
    take.join(20.0)
    assert take.phase == "done" and "less than 200 MB free" in take.fault
    read = TakeReader(take.files[0])
    assert read.finished and len(list(read.records())) == 1 and "less than 200 MB" in read.facts["end"]["fault"]
    take.put(message(1))
    assert take.lost == 1


@pytest.mark.parametrize("failing", ["write", "fdatasync", "ftruncate"])
def test_a_disk_that_fails_ends_the_take_and_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    take = take_in(tmp_path)
    take.put(message(0))
    until(lambda: take.records == 1)
    until(lambda: len(list(TakeReader(take.files[0]).records())) == 1)

    def fail(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(f"protocols.takefile._disk.os.{'fdatasync' if failing == 'fdatasync' else 'write'}", fail)
    if failing == "ftruncate":
        monkeypatch.setattr("protocols.takefile._disk.os.ftruncate", fail)
    take.put(message(1))
    take.join(20.0)
    assert take.phase == "done" and os.strerror(errno.EIO) in take.fault
    read = TakeReader(take.files[0])
    kept = len(list(read.records()))
    assert kept >= 1 and (take.records, take.lost) == (kept, 2 - kept) and not read.finished
    assert unfinished_takes(tmp_path) == take.files


def test_a_file_size_limit_ends_the_take(tmp_path: Path) -> None:
    script = (
        "import resource, sys; from pathlib import Path; from tests.stage.takes.taking import take_in, message\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        "import os; take = take_in(Path(sys.argv[1]))\n"
        "for n in range(2000): take.put(message(n)._replace(data=os.urandom(500)))\n"
        "take.end(); take.join(20); print(take.fault)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "File too large" in done.stdout
    assert TakeReader(tmp_path / "scene_001.mcap").facts["take"]["number"] == "1"


def test_a_full_disk_ends_the_take_properly_with_all_that_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 20 << 20

    def allocate(_descriptor: int, offset: int, length: int) -> None:
        if offset + length > size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("stage.takes.reserve._allocate", allocate)
    take = take_in(tmp_path)
    sent = 0
    deadline_s = time.monotonic() + 20.0
    while take.phase in ("opening", "recording") and time.monotonic() < deadline_s:
        take.put(message(sent)._replace(data=os.urandom(20_000)))
        sent += 1
        time.sleep(0.002)
    take.join(20.0)
    assert "the disk is full" in take.fault and take.records + take.lost == sent
    assert take.files[0].stat().st_size < size and take.lost < 60  # those of the last moment
    read = TakeReader(take.files[0])
    assert read.finished and len(list(read.records())) == take.records
    assert read.facts["end"]["fault"] == take.fault


def test_room_is_kept_and_given_back(tmp_path: Path) -> None:
    with (tmp_path / "probe").open("wb") as file:
        try:
            _allocate(file.fileno(), 0, 4096)
        except OSError as error:
            pytest.skip(f"this disk keeps no room: {error}")
    take = take_in(tmp_path)
    until(lambda: take.phase == "recording")
    until(lambda: take.files[0].stat().st_blocks * 512 > take.files[0].stat().st_size + END_BYTES)
    ended(take)
    assert take.files[0].stat().st_blocks * 512 < take.files[0].stat().st_size + 100_000


def test_a_profile_that_is_measured_during_the_take_is_in_it_as_it_was_at_the_end(tmp_path: Path) -> None:
    profile = tmp_path / "actors" / "anna"
    profile.mkdir(parents=True)
    (profile / "body.toml").write_text("height = 1.70")
    (profile / "face.npz").write_bytes(b"as it is")
    take = take_in(tmp_path / "takes", profile=str(profile))
    until(lambda: take.phase == "recording")
    (profile / "body.toml").write_text("height = 1.75")
    ended(take)
    attached = TakeReader(take.files[0]).attachments
    assert attached["actors/anna/body.toml"] == b"height = 1.75" and attached["actors/anna/face.npz"] == b"as it is"
    assert take.files[0].read_bytes().count(b"as it is") == 1


def test_a_disk_that_hangs_holds_up_nobody_memory_is_bounded_and_video_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang = threading.Event()
    close_chunk = TakeWriter.close_chunk

    def slow(writer: TakeWriter) -> None:
        hang.wait(20.0)
        close_chunk(writer)

    memory = Memory(200_000)
    take = take_in(tmp_path, memory=memory)
    until(lambda: take.phase == "recording")
    monkeypatch.setattr(TakeWriter, "close_chunk", slow)
    longest_s, highest, lost_with_video = 0.0, 0, False
    deadline_s = time.monotonic() + 20.0
    sent = pictures = 0
    while take.lost == 0 and time.monotonic() < deadline_s:
        begin_s = time.monotonic()
        memory.put(picture(pictures, 3000), take.queue, pre_roll=False)
        take.put(message(sent, size=1000))
        longest_s = max(longest_s, time.monotonic() - begin_s)
        highest = max(highest, memory.used_bytes)
        sent, pictures = sent + 1, pictures + 1
        waiting = [entry for entry in take.queue.entries if entry.held and entry.camera]
        lost_with_video = lost_with_video or (take.lost > 0 and len(waiting) > 0)
    assert take.lost > 0 and longest_s < 1.0 and highest <= 200_000
    assert take.dropped_frames > 0 and not lost_with_video
    hang.set()
    ended(take)
    assert take.fault == "" and memory.used_bytes == 0
    assert take.records + take.lost == sent and take.frames + take.dropped_frames == pictures
    read = TakeReader(take.files[0])
    kept = list(read.records())
    assert sum(entry.topic == TOPIC for entry in kept) == take.records and read.finished
    assert read.facts["end"]["dropped.left"] == str(take.dropped_frames)
    frames = [entry for entry in kept if entry.topic == "video.left"]
    assert len(frames) == take.frames and playable(frames)


def playable(frames: list[TakeRecord]) -> bool:
    """Whether every picture stands behind those that it needs: groups of five, begun by their first."""
    numbers = [decode_video(frame.data).time_ns - 1 for frame in frames]
    return all(number % GROUP == 0 or number - 1 in numbers for number in numbers)


def test_a_kill_at_any_moment_loses_at_most_a_second(tmp_path: Path) -> None:
    rng = random.Random()
    victims = []
    for number in range(4):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.stage.takes.taking", str(tmp_path / str(number))],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        victims.append((process, rng.uniform(0.6, 1.8), tmp_path / str(number)))

    def kill(process: subprocess.Popen[str], after_s: float, folder: Path) -> str:
        handed: list[tuple[float, int]] = []
        assert process.stdout is not None
        begin_s = None
        for line in process.stdout:
            now_s = time.monotonic()
            if begin_s is None:
                begin_s = now_s
            handed.append((now_s, int(line)))
            if now_s - begin_s > after_s:
                process.kill()
                break
        killed_s = time.monotonic()
        process.wait()
        process.stdout.close()
        (path,) = folder.iterdir()
        take = TakeReader(path)
        numbers = [entry.decoded().sequence for entry in take.records()]
        old = [number for at_s, number in handed if at_s < killed_s - LOSS_S]
        if numbers != list(range(len(numbers))) or len(numbers) < len(old) or take.finished:
            return f"{path}: {len(numbers)} of {len(handed)}, {len(old)} older than a second"
        return "" if [path] == unfinished_takes(folder) else f"{path} is not found to be unfinished"

    complaints: list[str] = []
    threads = [threading.Thread(target=lambda v=victim: complaints.append(kill(*v))) for victim in victims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert complaints == [""] * len(victims)


@pytest.mark.parametrize("deleted", [True, False])
def test_a_take_whose_folder_goes_away_ends_and_is_no_good_end(tmp_path: Path, deleted: bool) -> None:
    folder, elsewhere = tmp_path / "takes", tmp_path / "elsewhere"
    take = take_in(folder)
    take.put(message(0))
    until(lambda: take.records == 1)
    if deleted:
        shutil.rmtree(folder)
    else:
        folder.rename(elsewhere)
    take.join(20.0)  # nobody has asked it to end
    assert take.phase == "done" and "moved or deleted" in take.fault and str(folder) in take.fault
    if not deleted:
        moved = TakeReader(elsewhere / "scene_001.mcap")
        assert len(list(moved.records())) == 1 and moved.finished and "moved" in moved.facts["end"]["fault"]


def test_a_take_that_was_deleted_in_its_last_moment_is_no_good_end(tmp_path: Path) -> None:
    take = take_in(tmp_path)
    until(lambda: take.phase == "recording")
    (tmp_path / "scene_001.mcap").unlink()
    assert "moved or deleted" in ended(take).fault
