"""Small synthetic takes: bodies at 30 Hz that are captured 40 ms before they are published, faces at 60 Hz."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from protocols.codec import encode
from protocols.messages import Record, Trace
from protocols.show import CommandReply
from protocols.takefile import TakeWriter, captured_ns
from stage.config import ActorSection, AnyOutputSection, Config, ConsoleSection, TimecodeSection
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import random_pose

BEGIN_NS = 1_700_000_000_000_000_000  # 22:13:20 UTC
MS = 1_000_000
BODY_MS, BODY_LATE_MS = 33, 40
FACE_MS, FACE_LATE_MS = 16, 12
ACTOR = "anna"


class Sent(NamedTuple):
    """One message of the take."""

    sent_ns: int
    topic: str
    record: Record


def performed(bodies: int, *, faces: bool = True, actor: str = ACTOR) -> list[Sent]:
    """What a solve worker publishes, in order; a body more than once a few ms late, as on a busy machine."""
    sent: list[Sent] = []
    for number in range(bodies):
        capture_ns = BEGIN_NS + number * BODY_MS * MS
        sent_ns = capture_ns + (BODY_LATE_MS + number % 3) * MS
        record = random_pose(
            number, actor=actor, number=number, capture_ns=capture_ns, trace=trace(capture_ns, sent_ns)
        )
        sent.append(Sent(sent_ns, f"performance.{actor}", record.performance))
    for number in range(bodies * BODY_MS // FACE_MS if faces else 0):
        capture_ns = BEGIN_NS + number * FACE_MS * MS
        sent_ns = capture_ns + FACE_LATE_MS * MS + MS // 2  # never together with a body
        face = face_performance(
            any_face(), number, actor=actor, capture_ns=capture_ns, trace=trace(capture_ns, sent_ns)
        )
        sent.append(Sent(sent_ns, f"face.{actor}", face))
    return sorted(sent, key=lambda one: one.sent_ns)


def trace(capture_ns: int, sent_ns: int) -> Trace:
    """Of a performance that was published at once."""
    return Trace(
        capture_ns, capture_ns + 2 * MS, capture_ns + 3 * MS, capture_ns + 8 * MS, capture_ns + 9 * MS, sent_ns
    )


def write_take(
    path: Path,
    sent: list[Sent],
    *,
    outputs: tuple[AnyOutputSection, ...] = (),
    config: Config | None = None,
    finish: bool = True,
) -> Path:
    """A take of them; what was published together was received together, in another order."""
    config = config or Config(
        actors=(ActorSection(id=ACTOR),),
        outputs=outputs,
        console=ConsoleSection(enabled=False),
        timecode=TimecodeSection(rate="30", zone="utc"),
    )
    writer = TakeWriter(path)
    writer.note(
        "take", {"name": path.stem, "began_ns": str(BEGIN_NS), "timecode": "22:13:20:00", "timecode_rate": "30"}
    )
    writer.note("clock", {"epoch_ns": str(BEGIN_NS - 1_000 * MS)})
    writer.attach("config.json", msgspec.json.encode(config), "application/json", BEGIN_NS)
    for number, one in enumerate(_as_received(sent)):
        log_ns = captured_ns(one.record, one.sent_ns)
        data = encode(one.record, number, one.sent_ns)
        writer.write(one.topic, type(one.record).__name__, data, log_ns, one.sent_ns // MS * MS + 5 * MS, number)
    if finish:
        writer.finish({})
    else:
        writer.sync()
        writer.close()
    return path


def _as_received(sent: list[Sent]) -> Iterator[Sent]:
    """The recorder looks every 100 ms: by publisher, then topic."""
    yield from sorted(sent, key=lambda one: (one.sent_ns // (100 * MS), one.topic, one.sent_ns))


def a_reply(at_ns: int) -> Sent:
    """Something else that is in takes."""
    return Sent(at_ns, "reply.record", CommandReply("a", "console", "record", True, "done"))
