from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message_builder import OscMessageBuilder

from protocols import osc, phone_app
from protocols.phone_app import Address
from protocols.show import CommandReply, SetOutput, StartRecording
from stage.command_book import PATIENCE_S
from stage.config import ActorSection, Config, ControlSection, RecordSection
from stage.control.desk import ControlDesk
from tests.sections import output_section
from tests.stage.control.show import output_state, recorder_reply, recorder_state

REMOTE = Address("127.0.0.1", 5000)
STRANGER = Address("192.168.1.66", 5000)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def config_of(folder: Path = Path("/takes"), **control: Any) -> Config:
    livelinks = [output_section("livelink", id=f"face-{n}", port=11111 + n, actors=("ada",)) for n in (0, 1)]
    return Config(
        actors=(ActorSection(id="ada"),),
        outputs=(output_section("vmc", id="vmc-1", actors=("ada",)), *livelinks),
        control=ControlSection(enabled=True, **control),
        record=RecordSection(folder=str(folder)),
    )


def taken(desk: ControlDesk) -> list[tuple[Address, osc.Message]]:
    """The packets that wait, taken out."""
    packets = [(packet.target, osc.parse(packet.data)) for packet in desk.outgoing.packets]
    desk.outgoing.packets.clear()
    assert all(isinstance(message, osc.Message) for _, message in packets)
    return packets  # type: ignore[return-value]


def test_a_word_becomes_a_command_and_its_reply_an_answer() -> None:
    desk = ControlDesk(config_of())
    desk.take(osc.message("/stage/output/vmc-1/enable", "i", 0), REMOTE)
    (command,) = desk.outgoing.commands
    assert command == SetOutput(command.id, "control", "vmc-1", enabled=False)
    assert taken(desk) == []
    desk.hear(CommandReply(command.id, "control", "broadcast", True, "vmc-1 is off"))
    arguments = ("/stage/output/vmc-1/enable", 1, "vmc-1 is off")
    assert taken(desk) == [(REMOTE, osc.Message("/stage/reply", "sis", arguments))]


def test_an_unknown_output_is_answered_by_who_knows_all_of_them() -> None:
    desk = ControlDesk(config_of())
    desk.take(osc.message("/stage/output/nobody/enable", "i", 1), REMOTE)
    desk.hear(CommandReply(desk.outgoing.commands[0].id, "control", "broadcast", False, 'no output "nobody"'))
    assert taken(desk)[0][1].arguments == ("/stage/output/nobody/enable", 0, 'no output "nobody"')


def test_nobody_waits_for_ever() -> None:
    clock = Clock()
    desk = ControlDesk(config_of(), clock)
    desk.take(osc.message("/stage/record/stop", ""), REMOTE)
    desk.expire()
    assert taken(desk) == []
    clock.now_s = PATIENCE_S + 0.1
    desk.expire()
    ((target, message),) = taken(desk)
    assert target == REMOTE and message.arguments[:2] == ("/stage/record/stop", 0)


def test_the_end_of_a_take_names_its_files(tmp_path: Path) -> None:
    desk = ControlDesk(config_of(tmp_path))
    desk.take(osc.message("/stage/record/stop", ""), REMOTE)
    (stop,) = desk.outgoing.commands
    files = "\n".join(str(tmp_path / name) for name in ("forest_003.mcap", "forest_003_ada.csv", "../other"))
    desk.hear(stop)
    desk.hear(recorder_reply(stop.id, timecode="10:00:05:00", files=files))
    replies = [message.arguments for _, message in taken(desk)]
    assert replies == [("/stage/record/stop", 1, "done", "forest_003.mcap", "forest_003_ada.csv")]


def test_replies_go_to_the_send_target_too() -> None:
    desk = ControlDesk(config_of())
    desk.take(phone_app.message("/OSCSetSendTarget", "127.0.0.1", 7000), REMOTE)
    desk.outgoing.packets.clear()
    desk.take(osc.message("/stage/status", ""), REMOTE)
    assert [target for target, _ in taken(desk)] == [REMOTE, Address("127.0.0.1", 7000)]


def test_a_fault_of_the_recorder_is_told_unasked_and_once() -> None:
    desk = ControlDesk(config_of())
    desk.hear(recorder_state(fault="too early: nobody is there to be told"))
    desk.take(osc.message("/stage/record/start", ""), REMOTE)
    assert taken(desk) == []
    for fault in ("", "", "the disk is full", "the disk is full", ""):
        desk.hear(recorder_state(fault=fault))
    ((target, message),) = taken(desk)
    assert (target, message.address) == (REMOTE, "/stage/recorder/state") and "the disk is full" in message.arguments


def test_status_tells_of_recorder_and_outputs() -> None:
    desk = ControlDesk(config_of())
    desk.hear(recorder_state())
    desk.hear(output_state("vmc-1"))
    desk.take(osc.message("/stage/status", ""), REMOTE)
    assert [message.address for _, message in taken(desk)] == [
        "/stage/recorder/state",
        "/stage/output/vmc-1/state",
        "/stage/reply",
    ]


@pytest.mark.parametrize(
    ("datagram", "counter"),
    [
        (b"", "malformed"),
        (b"/stage/record/start", "malformed"),
        (osc.message("/stage/record/start", "")[:-4], "malformed"),
        (osc.message("/stage/record/begin", ""), "refused"),
        (osc.message("/RecordStart", "s", "forest"), "refused"),
        (osc.message("/Reboot", ""), "unknown"),
        (osc.message("/RecordStartConfirm", "s", "00:00:00:00"), "echoes"),
    ],
)
def test_what_is_not_obeyed_is_counted(datagram: bytes, counter: str) -> None:
    desk = ControlDesk(config_of())
    desk.take(datagram, REMOTE)
    assert desk.outgoing.counters[counter] == 1 and len(desk.outgoing.commands) == 0
    assert len(desk.outgoing.news) == (counter != "echoes")


def test_a_wrong_word_of_ours_is_answered_and_one_of_the_app_is_not() -> None:
    desk = ControlDesk(config_of())
    desk.take(osc.message("/stage/record/begin", ""), REMOTE)
    ((target, message),) = taken(desk)
    assert target == REMOTE and message.arguments[:2] == ("/stage/record/begin", 0)
    desk.take(osc.message("/RecordStart", "f", 1.0), REMOTE)
    assert taken(desk) == []


def test_strangers_are_not_heard() -> None:
    desk = ControlDesk(config_of())
    for _ in range(100):
        desk.take(osc.message("/stage/record/start", ""), STRANGER)
    assert desk.outgoing.counters == {"foreign": 100}
    assert len(desk.outgoing.news) == 1 and STRANGER.host in desk.outgoing.news[0].text
    assert len(desk.outgoing.commands) == 0 and taken(desk) == []


def test_an_allow_list_lets_others_in() -> None:
    desk = ControlDesk(config_of(host="0.0.0.0", allow=("192.168.1.0/24",)))
    desk.take(osc.message("/stage/record/start", ""), STRANGER)
    desk.take(osc.message("/stage/record/start", ""), Address("10.0.0.1", 5000))
    assert len(desk.outgoing.commands) == 1


def test_a_flood_is_obeyed_at_the_rate_and_counted() -> None:
    clock = Clock()
    desk = ControlDesk(config_of(rate=20.0), clock)
    for _ in range(5000):
        desk.take(osc.message("/stage/output/vmc-1/enable", "i", 1), REMOTE)
    assert len(desk.outgoing.commands) == 20 and desk.outgoing.counters["flooded"] == 4980
    assert len(desk.outgoing.news) == 1
    clock.now_s = 0.5
    for _ in range(100):
        desk.take(osc.message("/stage/output/vmc-1/enable", "i", 1), REMOTE)
    assert len(desk.outgoing.commands) == 30


def test_a_bundle_is_no_way_around_the_rate() -> None:
    desk = ControlDesk(config_of(rate=20.0))
    desk.take(osc.bundle([osc.message("/stage/record/stop", "")] * 500), REMOTE)
    assert len(desk.outgoing.commands) == 20


def test_a_bundle_for_later_is_obeyed_now() -> None:
    desk = ControlDesk(config_of())
    desk.take(osc.bundle([osc.message("/stage/record/start", "s", "forest")], timetag=2**63), REMOTE)
    assert isinstance(desk.outgoing.commands[0], StartRecording)


def test_answers_sent_back_to_us_are_not_answered() -> None:
    """Two stages that name each other as target, or one itself, would talk for ever."""
    desk = ControlDesk(config_of(rate=1000.0))
    desk.hear(output_state("vmc-1"))
    desk.hear(recorder_state())
    desk.take(osc.message("/stage/status", ""), REMOTE)
    desk.take(osc.message("/stage/wrong", ""), REMOTE)
    desk.take(phone_app.message("/BatteryQuery"), REMOTE)
    for packet in list(desk.outgoing.packets):
        desk.outgoing.packets.clear()
        desk.take(packet.data, REMOTE)
        assert taken(desk) == []


def test_what_python_osc_builds_is_understood() -> None:
    desk = ControlDesk(config_of())
    for address, *arguments in (
        ("/RecordStart", "forest", 3),
        ("/RecordStop",),
        ("/stage/output/vmc-1/enable", False),
        ("/stage/output/vmc-1/rate", 29.5),
        ("/stage/slate", "Wald \u00e4", 2),
    ):
        builder = OscMessageBuilder(address)
        for argument in arguments:
            builder.add_arg(argument)
        desk.take(builder.build().dgram, REMOTE)
    assert desk.outgoing.counters == {"messages": 5, "items": 5}


_words = st.sampled_from([*phone_app.REQUESTS, "/stage/status", "/stage/slate", "/stage/output/vmc-1/enable", "/x"])
_arguments = st.lists(
    st.one_of(
        st.tuples(st.just("s"), st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)),
        st.tuples(st.just("i"), st.integers(-(2**31), 2**31 - 1)),
        st.tuples(st.just("f"), st.floats(width=32)),
    ),
    max_size=3,
)


@given(said=st.lists(st.tuples(_words, _arguments), max_size=5), noise=st.binary(max_size=64))
def test_no_datagram_escapes_as_an_exception(said: list[tuple[str, list[tuple[str, Any]]]], noise: bytes) -> None:
    desk = ControlDesk(config_of(rate=1e6))
    packets = [osc.message(word, "".join(tag for tag, _ in a), *(value for _, value in a)) for word, a in said]
    for datagram in (*packets, osc.bundle(packets), noise, *(packet + noise for packet in packets)):
        desk.take(datagram, REMOTE)
    counters = desk.outgoing.counters
    assert counters["items"] == len(desk.outgoing.commands)
    assert all(target == REMOTE or target.host.startswith("127.") or target.host == "::1" for target, _ in taken(desk))


def test_no_folder_of_this_machine_is_told(tmp_path: Path) -> None:
    desk = ControlDesk(config_of(tmp_path))
    fault = f"{tmp_path} has 3 MB free; see {tmp_path}/scene_001.mcap"
    desk.hear(recorder_state(fault=fault))
    desk.hear(output_state("vmc-1", fault=f"avatar {tmp_path}/ada.vrm is damaged"))
    desk.take(osc.message("/stage/record/stop", ""), REMOTE)
    desk.hear(CommandReply(desk.outgoing.commands[0].id, "control", "record", False, fault))
    desk.take(osc.message("/stage/status", ""), REMOTE)
    told = [str(message.arguments) for _, message in taken(desk)]
    assert len(told) == 4 and not any(str(tmp_path.parent) in text for text in told)
    assert sum("scene_001.mcap" in text for text in told) == 2
