"""Every parser of bytes from outside, with real packets to start from and what becomes of them on the way to nonsense.

A target takes bytes and says whether it could use them; what it cannot use it refuses by a typed error or counts.
Any other exception has escaped. Targets keep their state from input to input, as they do in a show.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, NamedTuple

from msgspec.structs import replace

from protocols import livelink, mqtt_commands, mqtt_payloads, osc, phone_app
from protocols.codec import decode, encode
from protocols.errors import ProtocolError
from protocols.mqtt_topics import Topics
from protocols.osc_framing import FramingError, LengthDecoder, SlipDecoder, length_prefixed, slip
from protocols.phone_app import Address
from protocols.timecode import FrameRate, Timecode
from stage.config import ActorSection, Config, ControlSection, RecordSection, TimecodeSection
from stage.config import LiveLinkInputSection as LiveLinkInput
from stage.config import VmcInputSection as VmcInput
from stage.control.desk import ControlDesk
from stage.inputs.listeners import TimecodeListener
from stage.inputs.open_reader import open_reader
from stage.outputs.open_stream import open_stream
from stage.probing.inspector import Inspector
from stage.probing.livelink_inspector import LiveLinkInspector
from stage.probing.mqtt_inspector import MqttInspector
from stage.probing.osc_inspector import OscInspector
from stage.probing.vmc_inspector import VmcInspector
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import random_pose

SOURCE = ("127.0.0.1", 50000)
START_NS = 1_790_000_000_000_000_000
WORDS = tuple(
    struct.pack(">I", word)
    for word in (
        0,
        1,
        2,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFFF,
        0x7FC00000,
        0x7F800000,
        0xFF800000,
        0x3F800000,
        0x2C666666,
    )
)
"""Numbers that parsers stumble over: extremes, infinities, not-a-number, type tags."""


class Target(NamedTuple):
    """A parser."""

    feed: Callable[[bytes], bool]
    """Whether it could use the bytes; raises nothing."""
    seeds: list[bytes]
    """What it should be able to use."""


def mutations(seeds: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """Inputs without end: seeds with a few things wrong, two spliced, or nothing but noise."""
    while True:
        kind = chance.random()
        if kind < 0.03:
            yield chance.randbytes(chance.randrange(600))
            continue
        data = bytearray(chance.choice(seeds))
        if kind < 0.1:
            other = chance.choice(seeds)
            data = data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 8))):
            _spoil(data, chance)
        yield bytes(data[:4096])


def _spoil(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    word = at // 4 * 4
    match chance.randrange(8):
        case 0 if at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        case 1 if at < len(data):
            data[at] = chance.randrange(256)
        case 2 | 3:
            data[word : word + 4] = chance.choice(WORDS)
        case 4:
            del data[at : at + chance.choice((1, 4, 4, 8, 100))]
        case 5:
            data[at:at] = chance.randbytes(chance.choice((1, 4, 8)))
        case 6:
            data[word:word] = data[word : word + 4 * chance.randrange(1, 40)]
        case _:
            del data[at:]


def targets() -> dict[str, Target]:
    """All parsers, fresh."""
    packets = _osc_packets()
    faces = _live_link_packets()
    commands = [f"{path}\n".encode() + payload for path, payload in _mqtt_commands()]
    labels = [b"01:02:03:04", b"23:59:59;29", b"11:58:00;00", osc.message("/timecode", "s", "10:00:00:12")]
    words = _control_words()
    return {
        "osc": Target(_refusing(osc.parse), packets),
        "slip": Target(_slip(), [slip(packets[:3]), slip([b"\xc0\xdb" * 8]), *map(bytes, packets[:3])]),
        "length": Target(_lengths(), [length_prefixed(packets[:3]), length_prefixed([b"abcd"])]),
        "livelink": Target(_refusing(livelink.decode), faces),
        "vmc_input": Target(_reader(VmcInput(id="v", actor="anna", take=("face", "eyes", "head", "arms"))), packets),
        "livelink_input": Target(_reader(LiveLinkInput(id="l", actor="anna")), faces),
        "timecode_input": Target(_timecode_listener(), labels),
        "timecode_text": Target(_refusing(_timecode_text), [b"01:02:03:04 25", b"00:01:00;02 29.97df", b"1 60"]),
        "mqtt_command": Target(_refusing(_mqtt_command), commands),
        "control": Target(_control(), words),
        "probe_vmc": Target(_inspector(VmcInspector), packets),
        "probe_osc": Target(_inspector(OscInspector), [*packets, *words]),
        "probe_livelink": Target(_inspector(LiveLinkInspector), faces),
        "probe_mqtt": Target(_mqtt_inspector(), _mqtt_reports()),
        "bus": Target(_refusing(decode), _records()),
    }


def _refusing(parse: Callable[[bytes], object]) -> Callable[[bytes], bool]:
    def feed(data: bytes) -> bool:
        try:
            parse(data)
        except ProtocolError:
            return False
        return True

    return feed


def _slip() -> Callable[[bytes], bool]:
    decoder = SlipDecoder()

    def feed(data: bytes) -> bool:
        before = decoder.malformed
        decoder.feed(data)
        return decoder.malformed == before

    return feed


def _lengths() -> Callable[[bytes], bool]:
    decoders = [LengthDecoder()]

    def feed(data: bytes) -> bool:
        try:
            decoders[0].feed(data)
        except FramingError:  # the connection ends, another begins
            decoders[0] = LengthDecoder()
            return False
        return True

    return feed


def _reader(section: VmcInput | LiveLinkInput) -> Callable[[bytes], bool]:
    reader, times = open_reader(section), count(START_NS, 5_000_000)
    fine = ("datagrams", "faces", "bones")

    def feed(data: bytes) -> bool:
        before = sum(reader.counters.values()) - sum(reader.counters[name] for name in fine)
        reader.take(data, SOURCE, next(times))
        return sum(reader.counters.values()) - sum(reader.counters[name] for name in fine) == before

    return feed


def _timecode_listener() -> Callable[[bytes], bool]:
    listener, times = TimecodeListener(TimecodeSection(source="network")), count(START_NS, 5_000_000)
    return lambda data: len(list(listener.take(data, SOURCE, next(times)))) > 0


def _timecode_text(data: bytes) -> None:
    label, _, rate = data.decode("latin-1").partition(" ")
    Timecode.parse(label, FrameRate.parse(rate))


def _mqtt_command(data: bytes) -> None:
    path, _, payload = data.partition(b"\n")
    mqtt_commands.read_command(path.decode("utf-8", "replace"), payload, "k", "mqtt")


def _control() -> Callable[[bytes], bool]:
    config = Config(
        actors=(ActorSection(id="ada"),),
        outputs=(output_section("vmc", id="vmc-1", actors=("ada",)), output_section("livelink", actors=("ada",))),
        control=ControlSection(enabled=True),
        record=RecordSection(folder="/nowhere"),
    )
    seconds = count(0.0, 1.0)
    desk = ControlDesk(config, lambda: next(seconds))

    def feed(data: bytes) -> bool:
        refused = ("malformed", "refused", "unknown", "echoes")
        before = sum(desk.outgoing.counters[name] for name in refused)
        desk.take(data, Address(*SOURCE))
        desk.expire()
        for command in desk.outgoing.commands:
            decode(encode(command, 0, 0))  # what goes to the bus can be read there
        for outgoing in (desk.outgoing.commands, desk.outgoing.packets, desk.outgoing.news):
            outgoing.clear()
        return sum(desk.outgoing.counters[name] for name in refused) == before

    return feed


def _inspector(kind: Callable[[], Inspector]) -> Callable[[bytes], bool]:
    inspector, times = kind(), count(START_NS, 5_000_000)

    def feed(data: bytes) -> bool:
        before, now_ns = inspector.findings.count, next(times)
        inspector.take(data, SOURCE, now_ns)
        if now_ns % 5_000_000_000 == 0:
            inspector.report()
        return inspector.findings.count == before

    return feed


def _mqtt_inspector() -> Callable[[bytes], bool]:
    inspector, times = MqttInspector("stage/demo"), count(START_NS, 5_000_000)

    def feed(data: bytes) -> bool:
        before, now_ns = inspector.findings.count, next(times)
        topic, _, payload = data.partition(b"\n")
        inspector.take(topic.decode("utf-8", "replace"), payload, now_ns % 3 == 0, now_ns)
        if now_ns % 5_000_000_000 == 0:
            inspector.report(now_ns)
        return inspector.findings.count == before

    return feed


def _osc_packets() -> list[bytes]:
    performance = replace(random_pose(1, capture_ns=START_NS).performance, face=any_face(1))
    packets: list[bytes] = []
    kinds: list[tuple[str, dict[str, Any]]] = [("vmc", {"trace": True}), ("vmc", {"bundle": False})]
    kinds += [("osc", {}), ("osc", {"bundle": False})]
    for kind, options in kinds:
        stream = open_stream(output_section(kind, actor="anna", **options), "anna")
        datagrams = [bytes(datagram) for datagram in stream.frame(performance, START_NS)]
        packets += [*datagrams[:2], *datagrams[len(datagrams) // 2 :: 12], *datagrams[-3:]]
    packets.append(osc.bundle([osc.bundle([osc.message("/a/b", "ifsbh", 1, 2.0, "c", b"def", 5)])]))
    return packets


def _live_link_packets() -> list[bytes]:
    stream = open_stream(output_section("livelink", actor="anna"), "anna")
    whole = [bytes(d) for d in stream.face(face_performance(any_face(1), capture_ns=START_NS), START_NS, alone=True)]
    return [*whole, whole[0][:67]]


def _mqtt_commands() -> list[tuple[str, bytes]]:
    return [
        ("record/start", b'{"id": "7", "slate": "scene", "take": 3}'),
        ("record/stop", b""),
        ("slate", b'{"slate": "b", "take": 1}'),
        ("output/vmc-1/set", b'{"enabled": true, "actor": "anna", "rate": 30.5}'),
        ("output/vmc-1/enable", b'{"id": "x", "enabled": false}'),
        ("actor/anna/calibrate", b"{}"),
    ]


def _mqtt_reports() -> list[bytes]:
    topics = Topics("stage/demo")
    published = [
        topics.state(mqtt_payloads.StateReport("ready", "abc", START_NS)),
        topics.rig(),
        topics.actor("anna", mqtt_payloads.ActorReport("tracking", 1)),
        topics.camera("left", mqtt_payloads.CameraReport("running", 30.0, 4.0, 90, 0, START_NS)),
        topics.output("a", mqtt_payloads.OutputReport("vmc", True, "", 0.0, "udp", 30.0, 1, 0, "", START_NS)),
        topics.latency("solve", mqtt_payloads.LatencyReport(4.0, 9.0, 3, 30.0, False)),
        topics.pose(random_pose(1, actor="anna").performance, START_NS),
        topics.face(face_performance(any_face(), 1, capture_ns=START_NS), START_NS),
    ]
    return [publication.topic.encode() + b"\n" + publication.payload() for publication in published]


def _control_words() -> list[bytes]:
    values: dict[str, float | str] = {"s": "127.0.0.1", "i": 9000}
    words = [osc.message(address, tags, *[values[tag] for tag in tags]) for address, tags in phone_app.REQUESTS.items()]
    words += [
        osc.message(address, tags, *["a" if tag == "s" else 1 for tag in tags])
        for address, tags in phone_app.ANSWERS.items()
    ]
    own = [("record/start", "si", ("a", 1)), ("record/stop", "", ()), ("slate", "s", ("b",)), ("status", "", ())]
    own += [("output/vmc-1/enable", "i", (0,)), ("output/vmc-1/rate", "f", (30.0,)), ("actor/ada/calibrate", "", ())]
    return [*words, *(osc.message(f"/stage/{word}", tags, *arguments) for word, tags, arguments in own)]


def _records() -> list[bytes]:
    performance = replace(random_pose(1).performance, face=any_face(1))
    return [encode(record, 1, START_NS) for record in (performance, face_performance(any_face(2)))]
