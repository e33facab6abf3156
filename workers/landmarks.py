"""landmarks: frames, read where they lie in their rings -> landmarks of bodies, hands and faces.

    notes from `capture.*`, predictions from `solve` -> landmark reader -> `landmarks.<camera>`

The worker named "landmarks" reads the cameras of the volume; "landmarks.faces" those bound to an actor's face, so that
a face has its own rate and never waits for bodies.

Frames are taken up as they arrive, those that wait together in one go. Of a camera that waits with
several only the newest is read, the others are counted as drops; with `fast`, every frame is read.
"""

from __future__ import annotations

import cv2

from protocols.bus import Message
from protocols.errors import OvertakenError, RingError
from protocols.messages import CameraLandmarks, FrameNote, Prediction
from protocols.ring import RingReader
from stage.networks.load import load_reader
from stage.networks.reader import Seen
from stage.networks.regions import ImageArray
from stage.readers import BODY_READER, cameras_of
from workers.worker import Worker, run

WAIT_MS = 50


class LandmarksWorker(Worker):
    """Finds the landmarks of people in its cameras."""

    kind = "landmarks"

    def prepare(self) -> None:
        """Load and compile the networks."""
        cv2.setNumThreads(1)
        self._cameras = cameras_of(self.name, self.config)
        self._reader = load_reader(self.config, self._cameras)

    def setup(self) -> None:
        """Listen to the cameras and to the solver."""
        self._rings: dict[str, RingReader] = {}
        publishers = {f"capture.{camera}": ["frame."] for camera in self._cameras}
        solver = {"solve": ["prediction."]} if self.name == BODY_READER else {}
        self._subscriber = self.subscribe({**publishers, **solver})

    def step(self) -> None:
        """Read the frames that wait, or wait for one."""
        if self._subscriber.socket.poll(WAIT_MS) == 0:
            return
        messages = self._subscriber.drain_all() if self.timing.fast else self._subscriber.drain()
        predictions = [message.record for message in messages if isinstance(message.record, Prediction)]
        for notes in self._rounds(messages):
            self._read(notes, predictions)
            predictions = []
        if len(predictions) > 0:
            self._reader.step({}, predictions)

    def report(self) -> None:
        """Bring counts and facts into the heartbeat."""
        self.counters.update({key: count - self.counters[key] for key, count in self._reader.counters.items()})
        self.counters.update({key: n - self.counters[key] for key, n in self._subscriber.counters.items()})
        self.facts = self._reader.facts

    def teardown(self) -> None:
        """Let go of the rings."""
        for ring in getattr(self, "_rings", {}).values():
            ring.close()

    def _rounds(self, messages: list[Message]) -> list[dict[str, FrameNote]]:
        """Frame notes in the order of arrival, in groups with one of each camera at most."""
        rounds: list[dict[str, FrameNote]] = []
        for message in messages:
            note = message.record
            if not isinstance(note, FrameNote):
                continue
            if note.camera not in self._cameras or message.topic != f"frame.{note.camera}":
                self.counters["bad_notes"] += 1
                continue
            if len(rounds) == 0 or note.camera in rounds[-1]:
                rounds.append({})
            rounds[-1][note.camera] = note
        return rounds

    def _read(self, notes: dict[str, FrameNote], predictions: list[Prediction]) -> None:
        """Look at one frame of some cameras and publish what is there."""
        begin_ns = self.clock.now_ns()
        frames: dict[str, tuple[ImageArray, int]] = {}
        for camera, note in notes.items():
            image = self._image(note)
            if image is not None:
                frames[camera] = (image, note.capture_ns)
                self.mark(begin_ns - note.capture_ns)
        seen = self._reader.step(frames, predictions)
        end_ns = self.clock.now_ns()
        for camera, found in seen.items():
            note = notes[camera]
            if not self._rings[camera].still_valid(note.slot, note.generation):
                self.counters["overtaken"] += 1
                continue
            self._publish(note, frames[camera][0], (begin_ns, end_ns), found)

    def _image(self, note: FrameNote) -> ImageArray | None:
        """The pixels of a note, where they lie; None, counted, when they are there no more."""
        try:
            return self._ring(note).view(note.slot, note.generation)
        except OvertakenError:
            self.counters["overtaken"] += 1
        except RingError:
            self.counters["rings_gone"] += 1
        return None

    def _ring(self, note: FrameNote) -> RingReader:
        """The ring a note speaks of; a camera that changes its size makes another."""
        ring = self._rings.get(note.camera)
        if ring is not None and ring.name == note.ring:
            return ring
        if ring is not None:
            self._rings.pop(note.camera).close()
        self._rings[note.camera] = RingReader(note.ring)
        return self._rings[note.camera]

    def _publish(self, note: FrameNote, image: ImageArray, span_ns: tuple[int, int], seen: Seen) -> None:
        height, width = image.shape[:2]
        record = CameraLandmarks(
            camera=note.camera,
            frame=note.frame,
            capture_ns=note.capture_ns,
            captured_ns=note.published_ns,
            begin_ns=span_ns[0],
            end_ns=span_ns[1],
            width=width,
            height=height,
            persons=seen.persons,
            hands=seen.hands,
            faces=seen.faces,
        )
        self.publisher.send(f"landmarks.{note.camera}", record)


if __name__ == "__main__":
    run(LandmarksWorker)
