"""Recording a message costs less than 2 ms at p99, whatever the disk does; and how large takes are.

One actor for `SECONDS`: body at 30 Hz with its face, a face camera at 60 Hz, four cameras' landmarks and the packets of
their 1080p30 video at 8 Mbit/s; all over a real bus, into the pre-roll and a real take in the folder for temporary
files.

    put          taking one message into pre-roll and take, whose thread writes, compresses and syncs meanwhile
    take_in      the same with receiving and decoding it
    slow         put again, while every sync of the disk takes a quarter of a second
    actor        MB per minute of performances and faces
    whole        with the landmarks of four cameras; video comes on top of that
    transforms   the share of `whole` that performances as coordinate frames have
    table        milliseconds per minute of take to write the actor's table of faces at its end
    cpu          of one core, everything that recording costs, publishing and receiving included
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Figure, percentiles_ms, progress, report
from protocols.arrays import to_bytes
from protocols.bus import Publisher, Subscriber
from protocols.clock import ClockFile, StageClock
from protocols.messages import (
    CameraLandmarks,
    Face,
    FaceLandmarks,
    FacePerformance,
    HandLandmarks,
    Performance,
    PersonLandmarks,
    Record,
    Trace,
)
from protocols.names import ARKIT_SHAPES, RIG_BONES
from protocols.takefile import TakeReader
from protocols.video import VideoPacket
from stage.config import ActorSection, CameraSection, Config, RecordSection
from stage.takes.face_table import write_face_tables
from stage.takes.intake import Intake
from stage.takes.video.lanes import VideoLanes
from stage.timecode import TimecodeClock

SECONDS = 10.0
BODY_HZ, FACES_PER_BODY, CAMERAS = 30, 2, 4
PICTURE_BYTES, GROUP = 8_000_000 // 8 // BODY_HZ, 30
SLOW_SYNC_S = 0.25


class Actor:
    """Moves smoothly, with the noise of a measurement: what compresses neither better nor worse than people do."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(1)
        self._phase = self._rng.random((len(RIG_BONES), 3)) * 6.0
        self._rest = to_bytes(self._rng.random((len(RIG_BONES), 3)))

    def body(self, number: int, now_ns: int) -> Performance:
        """A performance with its face."""
        half = 0.15 * self._smooth(self._phase, number) + self._noise((len(RIG_BONES), 3))
        rotations = np.concatenate([half, np.sqrt(1.0 - np.sum(half**2, axis=1, keepdims=True))], axis=1)
        joints = 1.0 + 0.3 * self._smooth(self._phase, number) + self._noise((len(RIG_BONES), 3))
        return Performance(
            actor="anna",
            number=number,
            capture_ns=now_ns,
            state="tracking",
            root=to_bytes(np.array([*joints[0], 0.0, 0.0, 0.0, 1.0])),
            rotations=to_bytes(rotations),
            joints=to_bytes(joints),
            rest_joints=self._rest,
            confidence=to_bytes(np.clip(0.9 + 10 * self._noise(len(RIG_BONES)), 0, 1)),
            cameras=("left", "middle", "right", "rear"),
            trace=Trace(now_ns, now_ns + 1, now_ns + 2, now_ns + 3, now_ns + 4, now_ns + 5),
            face=self.face(number),
        )

    def close_up(self, number: int, now_ns: int) -> FacePerformance:
        """A face of a face camera."""
        return FacePerformance("anna", number, now_ns, self.face(number), Trace(now_ns, 1, 2, 3, 4, 5))

    def face(self, number: int) -> Face:
        """About half of the shapes move."""
        shapes = 0.4 * self._smooth(np.arange(float(len(ARKIT_SHAPES))), number) + self._noise(len(ARKIT_SHAPES))
        return Face(
            state="tracking",
            shapes=to_bytes(np.clip(shapes, 0.0, 1.0)),
            confidence=to_bytes(np.clip(0.9 + 10 * self._noise(len(ARKIT_SHAPES)), 0, 1)),
            head=to_bytes(np.array([0.0, 0.0, 0.0, 1.0])),
            gaze=to_bytes(self._noise((2, 2))),
            cameras=("helmet",),
        )

    def landmarks(self, camera: int, number: int, now_ns: int) -> CameraLandmarks:
        """What one camera sees: body, both hands, in every second frame the face."""
        face = FaceLandmarks(0, "anna", self._points((468, 3)), self._points((2, 76, 2)), 0.9)
        hand = [HandLandmarks(0, "anna", side, self._points((21, 4)), self._points((21, 3)), 0.9) for side in "lr"]
        person = PersonLandmarks(0, self._points((33, 3)), self._points((33, 3)), 0.9, "anna")
        faces = (face,) if number % 2 == 0 else ()
        return CameraLandmarks(
            f"cam{camera}", number, now_ns, now_ns, now_ns, now_ns, 1280, 720, (person,), tuple(hand), faces
        )

    def picture(self, camera: int, number: int, now_ns: int) -> VideoPacket:
        """What a camera sends of one frame; a group of pictures is a second."""
        first, time_ns = number % GROUP == 0, number * 10**9 // BODY_HZ
        unit = b"\0\0\0\1" + (b"\x65" if first else b"\x41")
        return VideoPacket(
            camera=f"cam{camera}",
            codec="h264",
            frame=number,
            capture_ns=now_ns,
            pts_ns=time_ns,
            dts_ns=time_ns,
            keyframe=first,
            shown=True,
            width=1920,
            height=1080,
            rotation=0,
            data=unit + self._rng.bytes(PICTURE_BYTES),
        )

    def _points(self, shape: tuple[int, ...]) -> bytes:
        return to_bytes(300.0 + 300.0 * self._rng.random(shape))

    def _smooth(self, phase: NDArray[np.float64], number: int) -> NDArray[np.float64]:
        return np.sin(phase + 1.3 * number / BODY_HZ)

    def _noise(self, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
        return 1e-3 * self._rng.normal(size=shape)


class Recording:
    """One take of a simulated show."""

    def __init__(self, folder: Path, *, landmarks: bool, video: bool = False, transforms: bool = True) -> None:
        """Records it, in real time."""
        clock = StageClock.start()
        timing = ClockFile(clock.offset_ns, clock.now_ns())
        cameras = tuple(CameraSection(id=f"cam{k}", source=f"file:/cam{k}.mkv") for k in range(CAMERAS))
        record = RecordSection(folder=str(folder), video="copy", transforms=transforms)
        self.config = Config(cameras=cameras, actors=(ActorSection(id="anna"),), record=record)
        self.put_ns: list[int] = []
        self.take_in_ns: list[int] = []
        with (
            Publisher(folder, "show", clock, queue_length=1000) as show,
            Subscriber(folder, {"show": [""]}, queue_length=1000) as ear,
        ):
            lanes = VideoLanes(self.config, folder)
            self._intake = Intake(self.config, timing, lanes)
            take = self._intake.begin(TimecodeClock(self.config.timecode, timing.epoch_ns), "bench", 0)
            while ear.receive(10) is None:
                show.send("ready", FacePerformance("", 0, 0, Actor().face(0), Trace(0, 0, 0, 0, 0)))
            begin_s, cpu_s = time.monotonic(), time.process_time()
            actor = Actor()
            for number in range(round(SECONDS * BODY_HZ)):
                time.sleep(max(0.0, begin_s + number / BODY_HZ - time.monotonic()))
                for topic, record in self._show(actor, number, clock.now_ns(), landmarks, video):
                    show.send(topic, record)
                self._take_in(ear)
            self._take_in(ear)
            take.end()
            take.join()
            lanes.close()
            self.cpu = (time.process_time() - cpu_s) / (time.monotonic() - begin_s)
        self.take = take
        self.lost = take.lost + take.dropped_frames + ear.counters["gaps"]
        self.mb_per_minute = take.files[0].stat().st_size / 1e6 / SECONDS * 60.0

    def _show(self, actor: Actor, number: int, now_ns: int, landmarks: bool, video: bool) -> list[tuple[str, Record]]:
        faces = [actor.close_up(FACES_PER_BODY * number + k, now_ns + k) for k in range(FACES_PER_BODY)]
        records: list[tuple[str, Record]] = [("performance.anna", actor.body(number, now_ns))]
        records += [("face.anna", face) for face in faces]
        seen, filmed = range(CAMERAS if landmarks else 0), range(CAMERAS if video else 0)
        records += [(f"landmarks.cam{k}", actor.landmarks(k, number, now_ns)) for k in seen]
        return records + [(f"packet.cam{k}", actor.picture(k, number, now_ns)) for k in filmed]

    def _take_in(self, ear: Subscriber) -> None:
        began_ns = time.perf_counter_ns()
        messages = ear.drain_all()
        received_ns = (time.perf_counter_ns() - began_ns) // max(1, len(messages))
        for message in messages:
            began_ns = time.perf_counter_ns()
            self._intake.hear([message])
            self.put_ns.append(time.perf_counter_ns() - began_ns)
            self.take_in_ns.append(self.put_ns[-1] + received_ns)


def with_slow_disk(record: Callable[[], Recording]) -> Recording:
    """Records while every sync takes long."""
    quick = os.fdatasync

    def slow(descriptor: int) -> None:
        time.sleep(SLOW_SYNC_S)
        quick(descriptor)

    os.fdatasync = slow
    try:
        return record()
    finally:
        os.fdatasync = quick


def main() -> bool:
    """Measures and prints the line."""
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory(prefix="stage-record-") as name:
        folder = Path(name)
        progress(f"record: {SECONDS:.0f} s of one actor")
        actor = Recording(folder, landmarks=False)
        progress("record: the same with four cameras' landmarks")
        whole = Recording(folder, landmarks=True)
        plain = Recording(folder, landmarks=True, transforms=False)
        progress("record: the same with video")
        film = Recording(folder, landmarks=True, video=True)
        progress("record: the same on a slow disk")
        slow = with_slow_disk(lambda: Recording(folder, landmarks=True, video=True))
        began_s = time.perf_counter()
        write_face_tables(TakeReader(whole.take.files[0]), whole.config.timecode, 0)
        table_ms = (time.perf_counter() - began_s) * 1e3 / SECONDS * 60.0
        figures |= percentiles_ms("put", film.put_ns)
        figures |= percentiles_ms("take_in", film.take_in_ns)
        figures |= percentiles_ms("slow_put", slow.put_ns)
        figures |= {
            "actor_mb_per_minute": actor.mb_per_minute,
            "whole_mb_per_minute": whole.mb_per_minute,
            "table_ms_per_minute": table_ms,
            "whole_cpu_percent": 100.0 * whole.cpu,
            "video_mb_per_minute": film.mb_per_minute - whole.mb_per_minute,
            "video_cpu_percent": 100.0 * film.cpu,
            "transforms_size_percent": 100.0 * (whole.mb_per_minute / plain.mb_per_minute - 1.0),
            "transforms_cpu_percent": 100.0 * (whole.cpu - plain.cpu),
            "records": sum(run.take.records for run in (actor, whole, plain, film, slow)),
            "lost": sum(run.lost for run in (actor, whole, plain, film, slow)),
        }
    targets = {"put_p99_ms": "<= 2", "take_in_p99_ms": "<= 2", "slow_put_p99_ms": "<= 2", "lost": "== 0"}
    return report("record", figures, targets)


if __name__ == "__main__":
    main()
