"""capture: one camera, file or stream -> pixels in a ring in shared memory, and a note about each on the bus.

    source -> feed (which frame is due when) -> ring slot -> `frame.<camera>`, and JPEG for other hosts
                  `-> compressed packets, where takes keep them as they are -> `packet.<camera>`

A camera that is lost, or was never there, is waited for; a recording that ends leaves the worker
"finished". With `fast` recordings play as fast as `solved` gives credit.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from protocols.bus import Subscriber
from protocols.messages import FrameNote, Heartbeat, Solved
from protocols.ring import RingWriter, ring_name
from protocols.video import VideoPacket
from stage.cameras.fast_feed import FastFeed
from stage.cameras.feeds import open_feed
from stage.cameras.sources import Frame, SourceInfo
from stage.cameras.sources.packets import Packet
from stage.cameras.sources.source import Image
from stage.errors import ConfigError
from stage.readers import reader_of
from workers.worker import Worker, run

if TYPE_CHECKING:
    from protocols.jpeg_stream import JpegPublisher

RING_SECONDS = 0.15
"""How long a reader has for a frame, at least; a ring has never fewer than `FEWEST_SLOTS`."""
FEWEST_SLOTS = 6
_CREDIT_WAIT_MS = 20


class Capture(Worker):
    """Publishes the frames of one camera."""

    kind = "capture"

    def prepare(self) -> None:
        """Find the camera in the config."""
        camera = self.name.partition(".")[2]
        ids = [section.id for section in self.config.cameras]
        if camera not in ids:
            raise ConfigError(f"worker {self.name}: the config has no camera {camera!r}, it has {', '.join(ids)}")
        self._number = ids.index(camera)
        self._section = self.config.cameras[self._number]

    def setup(self) -> None:
        """Open the source; the ring is made when the size of the frames is known."""
        self._ring: RingWriter | None = None
        self._jpeg = self._open_jpeg() if self.config.bus.jpeg_host else None
        self._feed = open_feed(self._section, self.config, self.timing)
        reader = reader_of(self._section, self.config)
        wanted = {"solve": ["solved", "heartbeat."], reader: ["heartbeat."]}
        self._solver = self.subscribe(wanted) if isinstance(self._feed, FastFeed) else None

    def step(self) -> None:
        """Publish the next frame, if one is due."""
        if self._solver is not None and isinstance(self._feed, FastFeed):
            self._take_credit(self._solver, self._feed)
        frame = self._feed.poll(self._slot)
        for kind, text in self._feed.news():
            self.event(kind, text)
        if frame is not None and frame.capture_ns is not None:
            self._publish(frame, frame.capture_ns)
        for packet in self._feed.packets():
            self._publish_packet(packet)
        self.state = self._feed.state
        if self.state == "finished":
            self.finish(f"camera {self._section.id}: the recording has ended")

    def report(self) -> None:
        """Bring faults, size and rates into the heartbeat."""
        for fault, count in self._feed.faults.items():
            self.counters[fault] = count
        self.facts.update(self._feed.facts())

    def teardown(self) -> None:
        """Close what is open, as far as `setup` came."""
        for name in ("_feed", "_ring", "_jpeg"):
            resource = getattr(self, name, None)
            if resource is not None:
                resource.close()

    def _slot(self, info: SourceInfo) -> Image:
        """The ring's next slot; a camera that comes back with another size gets another ring."""
        if self._ring is None or self._ring.shape[1:] != (info.height, info.width):
            if self._ring is not None:
                self._ring.close()
            slots = max(FEWEST_SLOTS, round(RING_SECONDS * info.rate_achieved) + 1)
            name = ring_name(self.run_dir, self._section.id)
            self._ring = RingWriter(name, slots, info.height, info.width)
        return self._ring.reserve()

    def _publish(self, frame: Frame, capture_ns: int) -> None:
        assert self._ring is not None  # the frame lies in the slot that was asked for
        slot, generation = self._ring.commit()
        now_ns = self.clock.now_ns()
        height, width = frame.image.shape[:2]
        camera, ring = self._section.id, self._ring.name
        note = FrameNote(camera, frame.number, capture_ns, now_ns, ring, slot, generation, width, height)
        self.publisher.send(f"frame.{camera}", note)
        self.mark(0 if self.timing.fast else now_ns - capture_ns)
        if self._jpeg is not None:
            self._jpeg.send(note, frame.image)

    def _publish_packet(self, packet: Packet) -> None:
        camera, coding = self._section.id, packet.coding
        record = VideoPacket(
            camera=camera,
            codec=coding.codec,
            frame=packet.number,
            capture_ns=packet.capture_ns or 0,
            pts_ns=packet.pts_ns,
            dts_ns=packet.dts_ns,
            keyframe=packet.keyframe,
            shown=packet.shown,
            width=coding.width,
            height=coding.height,
            rotation=coding.rotation,
            data=packet.data,
            extradata=coding.extradata if packet.keyframe else b"",
            colorspace=coding.colorspace,
            color_range=coding.color_range,
        )
        self.publisher.send(f"packet.{camera}", record)

    def _open_jpeg(self) -> JpegPublisher:
        from protocols.jpeg_stream import JpegPublisher

        bus = self.config.bus
        keys = Path(bus.curve_secret_key_file) if bus.curve_secret_key_file else None
        publisher = JpegPublisher(bus.jpeg_host, bus.jpeg_port + self._number, self.clock, bus.jpeg_quality, keys)
        self.facts["jpeg port"] = str(publisher.port)
        return publisher

    def _take_credit(self, solver: Subscriber, feed: FastFeed) -> None:
        messages = solver.drain()
        if len(messages) == 0 and not feed.may_go_on:
            message = solver.receive(_CREDIT_WAIT_MS)
            messages = [] if message is None else [message]
        for message in messages:
            if isinstance(message.record, Solved):
                feed.credit(message.record.capture_ns)
            elif isinstance(message.record, Heartbeat) and message.record.state == "running":
                feed.hear(message.record.worker)


if __name__ == "__main__":
    run(Capture)
