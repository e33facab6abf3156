"""`VideoLanes`: the pictures of all cameras of a stage, made ready for a take.

    packet.<camera>  --copied-->                          \
    frame.<camera>   --read from the ring, encoded-->      --> VideoMessage on video.<camera>

The recorder hands over every message it hears, from the one thread that hears them; nothing here waits. What is
finished is fetched by `ready`. Where something is too slow, whole pictures are left out, the newest first, and
counted in `dropped`; what is delivered of a camera is in order and can be decoded. Whoever leaves out messages
further on goes on with a keyframe.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from protocols.bus import Message
from protocols.messages import FrameNote
from protocols.video import VideoPacket
from stage.config import Config
from stage.takes.video.lane import CopyLane, Lane
from stage.takes.video.message import VideoMessage
from stage.takes.video.modes import video_mode

WAITING_SHARE = 0.25
"""Of `record.memory_mb`, for frames that wait to be encoded."""
_FRAMES_WITHOUT_PACKETS = 90
"""So many frames of a camera that sends no packets, and its frames are encoded instead of copied."""


class VideoLanes:
    """One lane for every camera whose pictures are recorded."""

    def __init__(self, config: Config, run_dir: Path) -> None:
        """Prepare the lanes; threads begin with the first frames.

        Args:
            config: The stage.
            run_dir: Its run folder.
        """
        self._config = config
        self._frames: Counter[str] = Counter()
        modes = {camera.id: video_mode(camera, config) for camera in config.cameras}
        self._modes = {camera: mode for camera, mode in modes.items() if mode != "off"}
        self._lanes: dict[str, Lane] = {camera: self._lane(camera, mode) for camera, mode in self._modes.items()}

    def topics(self) -> dict[str, tuple[str, ...]]:
        """Per publisher, what has to be heard beside `frame.<camera>`."""
        copied = [camera for camera, mode in self._modes.items() if mode == "copy"]
        return {f"capture.{camera}": (f"packet.{camera}",) for camera in copied}

    def take(self, message: Message) -> bool:
        """Hand over a message as soon as it has come.

        Returns:
            Whether it was a packet: that is no record of a take itself.
        """
        record = message.record
        if isinstance(record, VideoPacket):
            lane = self._lanes.get(record.camera)
            if lane is not None:
                lane.packet(record, message.sequence)
            return True
        if isinstance(record, FrameNote) and record.camera in self._lanes:
            self._lanes[record.camera].frame(record)
            self._miss_packets(record.camera)
        return False

    def ready(self) -> list[VideoMessage]:
        """What has become ready since the last call; of each camera in the order of decoding."""
        return [message for lane in self._lanes.values() for message in lane.ready()]

    def begin(self) -> None:
        """Nobody has listened for a while: what comes next begins with keyframes, and nothing of before was missed."""
        for lane in self._lanes.values():
            lane.begin()

    @property
    def dropped(self) -> Counter[str]:
        """Pictures left out since the start, by camera."""
        return Counter({camera: lane.dropped for camera, lane in self._lanes.items()})

    @property
    def waiting(self) -> int:
        """Pictures that were handed over and are not ready yet."""
        return sum(lane.waiting for lane in self._lanes.values())

    def facts(self) -> dict[str, str]:
        """How the pictures of each camera are recorded, for an operator."""
        return {f"video {camera}": lane.fact() for camera, lane in self._lanes.items()}

    def close(self) -> None:
        """End all threads; what waits is lost."""
        for lane in self._lanes.values():
            lane.close()

    def _lane(self, camera: str, mode: str) -> Lane:
        if mode == "copy":
            return CopyLane(camera)
        from stage.takes.video.encode_lane import EncodeLane
        from stage.takes.video.encoders import encoder_maker

        share = WAITING_SHARE * self._config.record.memory_mb * 1e6 / max(1, len(self._modes))
        return EncodeLane(camera, encoder_maker(mode, self._config.record), int(share))

    def _miss_packets(self, camera: str) -> None:
        """A camera whose packets do not come, as of a codec that cannot be copied, is encoded instead."""
        lane = self._lanes[camera]
        if not isinstance(lane, CopyLane) or lane.began:
            return
        self._frames[camera] += 1
        if self._frames[camera] >= _FRAMES_WITHOUT_PACKETS:
            self._lanes[camera] = self._lane(camera, "mjpeg")
