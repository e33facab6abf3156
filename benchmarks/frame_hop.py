"""A 1080p frame reaches another process in 0.6 ms, a quarter of imagezmq's time, and no skipped frame is uncounted.

Two processes, as in a stage: this one reads, a child writes. Three measurements:

    paced     60 frames per second; from "the writer has just made an image" to "the reader has looked
              at it"; through our ring and bus, and through imagezmq (REQ/REP over TCP, its default),
              in turns
    born      the same, of an image that was made in its slot (reserve, commit): no copy at all
    unpaced   as fast as the writer can: whatever the reader did not get must be in its counts
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import imagezmq
import numpy as np
from numpy.typing import NDArray

from benchmarks.report import percentiles_ms, progress, report
from protocols.bus import Message, Publisher, Subscriber
from protocols.errors import OvertakenError
from protocols.messages import FrameNote, Solved
from protocols.ring import RingReader, RingWriter, ring_name

HEIGHT, WIDTH = 1080, 1920
SLOTS = 6
RATE = 60.0
PACED_FRAMES = 200
ROUNDS = 2
WARM_UP_FRAMES = 30
UNPACED_FRAMES = 5000
WRITER = "capture.benchmark"
PATIENCE_S = 30.0
PAUSE_S = 0.2
PAUSE_MS = round(1000 * PAUSE_S)


# --- the writing process -------------------------------------------------------------------------


class Camera:
    """Makes an image as a decoder does: out of little, into memory of its own or into the memory it is given."""

    def __init__(self) -> None:
        self._row = np.random.default_rng(0).integers(0, 256, (WIDTH, 3), np.uint8)
        self._own = np.empty((HEIGHT, WIDTH, 3), np.uint8)

    def image(self, frame: int, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Frame number `frame`: a noisy row, the same all the way down, that moves from frame to frame."""
        out = self._own if out is None else out
        np.copyto(out, np.roll(self._row, frame, axis=0))
        return out


def write(kind: str, run_dir: Path, address: str) -> None:
    """Waits to be heard, writes its frames, and prints how many it wrote."""
    if kind == "imagezmq":
        _write_imagezmq(Camera(), address)
    else:
        _write_ring(kind, Camera(), run_dir)


def _write_ring(kind: str, camera: Camera, run_dir: Path) -> None:
    name = ring_name(run_dir, kind)
    with Publisher(run_dir, WRITER) as publisher, RingWriter(name, SLOTS, HEIGHT, WIDTH) as ring:

        def publish(frame: int, begin_ns: int, place: tuple[int, int]) -> None:
            note = FrameNote("benchmark", frame, begin_ns, time.monotonic_ns(), name, *place, WIDTH, HEIGHT)
            publisher.send("frame.benchmark", note)

        def copied(frame: int) -> None:
            image = camera.image(frame)
            publish(frame, time.monotonic_ns(), ring.write(image))

        def born(frame: int) -> None:
            camera.image(frame, ring.reserve())
            publish(frame, time.monotonic_ns(), ring.commit())

        while not _is_told("g"):
            publisher.send("ready", Solved(0, 0))
            time.sleep(0.01)
        begin = time.monotonic()
        written = {"copied": _paced, "born": _paced, "unpaced": _unpaced}[kind](born if kind == "born" else copied)
        rate = written / (time.monotonic() - begin)
        while not _is_told("e"):  # with the queues empty again, one more frame shows what was missed before it
            time.sleep(PAUSE_S)
            copied(written)
            written += 1
        print(written, rate, flush=True)


def _is_told(letter: str) -> bool:
    os.set_blocking(sys.stdin.fileno(), False)
    return sys.stdin.read(1) == letter


def _write_imagezmq(camera: Camera, address: str) -> None:
    sender = imagezmq.ImageSender(connect_to=address)

    def send(frame: int) -> None:
        image = camera.image(frame)
        sender.send_image(str(time.monotonic_ns()), image)

    _paced(send)
    sender.send_image("end", camera.image(0)[:1])
    sender.close()


def _paced(send: Callable[[int], None]) -> int:
    begin = time.monotonic()
    for frame in range(WARM_UP_FRAMES + PACED_FRAMES):
        time.sleep(max(0.0, begin + frame / RATE - time.monotonic()))
        send(frame)
    return WARM_UP_FRAMES + PACED_FRAMES


def _unpaced(send: Callable[[int], None]) -> int:
    for frame in range(UNPACED_FRAMES):
        send(frame)
    return UNPACED_FRAMES


# --- the reading process -------------------------------------------------------------------------


@contextmanager
def writer_process(kind: str, run_dir: Path, address: str = "") -> Iterator[subprocess.Popen[str]]:
    """A child that writes frames; it is gone when the block ends."""
    command = [sys.executable, "-m", "benchmarks.frame_hop", "--write", kind, str(run_dir), address]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield child
        child.wait(PATIENCE_S)
    finally:
        child.kill()
        child.communicate()


def frames_of(child: subprocess.Popen[str], subscriber: Subscriber, kind: str) -> Iterator[FrameNote]:
    """Notes of the child's frames, until it has ended; of an unpaced child only the newest waiting ones."""
    last = UNPACED_FRAMES if kind == "unpaced" else WARM_UP_FRAMES + PACED_FRAMES
    told, started = "", False
    while child.poll() is None or subscriber.socket.poll(PAUSE_MS):
        # One by one until the first frame, so that only frames can be among the drops.
        latest = kind == "unpaced" and started
        message = _latest(subscriber) if latest else subscriber.receive(PAUSE_MS)
        if message is None:
            continue
        told = told or _tell(child, "g")
        started = isinstance(message.record, FrameNote)
        if isinstance(message.record, FrameNote):
            if message.record.frame >= last and told == "g":
                told = _tell(child, "e")
            yield message.record


def _latest(subscriber: Subscriber) -> Message | None:
    subscriber.socket.poll(PAUSE_MS)
    return next(iter(subscriber.drain()), None)


def _tell(child: subprocess.Popen[str], letter: str) -> str:
    assert child.stdin is not None
    child.stdin.write(letter)
    child.stdin.flush()
    return letter


def hop_ns(kind: str) -> list[int]:
    """How long each paced frame took through ring and bus."""
    hops = []
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder)
        with Subscriber(run_dir, {WRITER: [""]}) as subscriber, writer_process(kind, run_dir) as child:
            reader: RingReader | None = None
            for note in frames_of(child, subscriber, kind):
                reader = reader or RingReader(note.ring)
                if WARM_UP_FRAMES <= note.frame < WARM_UP_FRAMES + PACED_FRAMES:
                    look_at(reader.view(note.slot, note.generation))
                    hops.append(time.monotonic_ns() - note.capture_ns)
    return hops


def imagezmq_hop_ns() -> list[int]:
    """How long each paced frame took through imagezmq."""
    hops = []
    with tempfile.TemporaryDirectory() as folder:
        address = f"tcp://127.0.0.1:{_free_port()}"
        hub = imagezmq.ImageHub(open_port=address)
        with writer_process("imagezmq", Path(folder), address):
            while (received := hub.recv_image())[0] != "end":
                look_at(received[1])
                hops.append(time.monotonic_ns() - int(received[0]))
                hub.send_reply(b"OK")
            hub.send_reply(b"OK")
        hub.close()
    return hops[WARM_UP_FRAMES:]


def unpaced() -> dict[str, float]:
    """What became of the frames of a writer that does not wait."""
    read = overtaken = 0
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder)
        with Subscriber(run_dir, {WRITER: [""]}) as subscriber, writer_process("unpaced", run_dir) as child:
            reader: RingReader | None = None
            for note in frames_of(child, subscriber, "unpaced"):
                reader = reader or RingReader(note.ring)
                try:
                    look_at(reader.view(note.slot, note.generation))
                    valid = reader.still_valid(note.slot, note.generation)
                except OvertakenError:
                    valid = False
                read += valid
                overtaken += not valid
            assert child.stdout is not None
            written, rate = child.stdout.readline().split()
            counters = subscriber.counters
    skipped = counters["gaps"] + counters["drops"] + overtaken
    return {
        "unpaced_written": int(written),
        "unpaced_read": read,
        "unpaced_gaps": counters["gaps"],
        "unpaced_drops": counters["drops"],
        "unpaced_overtaken": overtaken,
        "unpaced_uncounted": abs(int(written) - read - skipped),
        "unpaced_written_hz": float(rate),
    }


def look_at(image: NDArray[np.uint8]) -> int:
    """Touches the image's corners, as proof that it is there."""
    return int(image[0, 0, 0]) + int(image[-1, -1, -1])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Measures and prints."""
    copied, born, peer = [], [], []
    for turn in range(ROUNDS):
        progress(f"paced, turn {turn + 1} of {ROUNDS}")
        copied += hop_ns("copied")
        peer += imagezmq_hop_ns()
        born += hop_ns("born")
    progress("unpaced")
    figures = {
        **percentiles_ms("hop", copied),
        **percentiles_ms("hop_born_in_slot", born),
        **percentiles_ms("imagezmq_reqrep", peer),
        **unpaced(),
    }
    figures["share_of_imagezmq"] = figures["hop_p50_ms"] / figures["imagezmq_reqrep_p50_ms"]
    targets = {"hop_p50_ms": "<= 0.6", "share_of_imagezmq": "<= 0.25", "unpaced_uncounted": "== 0"}
    report("frame_hop", figures, targets)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        write(sys.argv[2], Path(sys.argv[3]), sys.argv[4])
    else:
        main()
