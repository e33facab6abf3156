from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocols import osc, phone_app
from protocols.phone_app import Address
from protocols.show import SetOutput, SetSlate, StartRecording, StopRecording
from stage.control import machine
from stage.control.desk import ControlDesk
from tests.stage.control.show import recorder_reply
from tests.stage.control.test_desk import REMOTE, config_of, taken

TARGET = Address("127.0.0.1", 7000)


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    (tmp_path / "forest_003").mkdir()
    for name in ("face.csv", "take.mcap"):
        (tmp_path / "forest_003" / name).write_text("content")
    (tmp_path / "other.csv").write_text("not named by the recorder")
    return tmp_path


def desk_of(folder: Path = Path("/takes"), **control: Any) -> ControlDesk:
    return ControlDesk(config_of(folder, **{"rate": 1000.0, **control}))


def say(desk: ControlDesk, word: str, *arguments: float | str) -> None:
    desk.take(phone_app.message(word, *arguments), REMOTE)


def answers(desk: ControlDesk) -> list[tuple[Address, str, tuple[osc.Argument, ...]]]:
    return [(target, message.address, message.arguments) for target, message in taken(desk)]


def switched(desk: ControlDesk) -> dict[str, bool | None]:
    commands = list(desk.outgoing.commands)
    desk.outgoing.commands.clear()
    return {command.output: command.enabled for command in commands if isinstance(command, SetOutput)}


def test_the_send_target_is_told_and_gets_the_answers_from_then_on() -> None:
    desk = desk_of()
    say(desk, "/ARSessionStart")
    assert answers(desk) == [(REMOTE, "/ARSessionStartConfirm", ())]
    say(desk, "/OSCSetSendTarget", *TARGET)
    say(desk, "/ARSessionStop")
    assert answers(desk) == [(TARGET, "/OSCSetSendTargetConfirm", ()), (TARGET, "/ARSessionStopConfirm", ())]


@pytest.mark.parametrize("port", [0, -1, 65536, 2**31 - 1])
@pytest.mark.parametrize("host", ["127.0.0.1"])
def test_a_port_that_is_none_is_no_target(host: str, port: int) -> None:
    desk = desk_of()
    say(desk, "/OSCSetSendTarget", host, port)
    assert answers(desk) == [] and desk.outgoing.counters["refused"] == 1


@pytest.mark.parametrize("host", ["8.8.8.8", "stage.example", "", "255.255.255.255", "127.0.0.1 "])
def test_a_third_party_is_never_a_target(host: str) -> None:
    desk = desk_of()
    say(desk, "/OSCSetSendTarget", host, 7000)
    say(desk, "/BatteryQuery")
    assert [target for target, _, _ in answers(desk)] == [REMOTE]
    assert desk.outgoing.counters["refused"] == 1 and "/OSCSetSendTarget" in desk.outgoing.news[0].text


def test_the_stage_itself_is_no_target() -> None:
    desk = desk_of(port=8100)
    say(desk, "/OSCSetSendTarget", "127.0.0.1", 8100)
    assert answers(desk) == [] and desk.outgoing.counters["refused"] == 1


def test_battery_and_heat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "battery_level", lambda: 0.5)
    monkeypatch.setattr(machine, "thermal_state", lambda: 2)
    desk = desk_of()
    say(desk, "/BatteryQuery")
    say(desk, "/ThermalsQuery")
    assert answers(desk) == [(REMOTE, "/Battery", (0.5,)), (REMOTE, "/Thermals", (2,))]


def test_slate_and_take() -> None:
    desk = desk_of()
    say(desk, "/Slate", "forest")
    say(desk, "/Take", 7)
    slate, take = desk.outgoing.commands
    assert slate == SetSlate(slate.id, "control", "forest", 0)
    assert take == SetSlate(take.id, "control", "", 7)
    assert answers(desk) == []


def test_a_take_from_start_to_transport(takes: Path) -> None:
    desk = desk_of(takes)
    say(desk, "/OSCSetSendTarget", *TARGET)
    say(desk, "/RecordStart", "forest", 3)
    (start,) = desk.outgoing.commands
    assert start == StartRecording(start.id, "control", "forest", 3)
    desk.hear(start)
    desk.outgoing.packets.clear()
    desk.hear(recorder_reply(start.id, timecode="10:00:00:00", take="forest_003", csv="", files=str(takes)))
    assert answers(desk) == [(TARGET, "/RecordStartConfirm", ("10:00:00:00",))]
    say(desk, "/RecordStop")
    stop = desk.outgoing.commands[-1]
    assert isinstance(stop, StopRecording)
    csv, mcap = (str(takes / "forest_003" / name) for name in ("face.csv", "take.mcap"))
    desk.hear(stop)
    desk.hear(recorder_reply(stop.id, timecode="10:00:05:00", take="forest_003", csv=csv, files=f"{csv}\n{mcap}"))
    assert answers(desk) == [(TARGET, "/RecordStopConfirm", ("10:00:05:00", "forest_003/face.csv", ""))]


def test_a_refused_take_is_not_confirmed_but_told() -> None:
    desk = desk_of()
    say(desk, "/RecordStart", "forest", 3)
    desk.hear(recorder_reply(desk.outgoing.commands[0].id, ok=False, timecode="10:00:00:00"))
    assert answers(desk) == []
    (news,) = desk.outgoing.news
    assert news.kind == "warning" and "/RecordStart" in news.text and "the disk is full" in news.text


def test_takes_of_others_are_confirmed_too() -> None:
    desk = desk_of()
    began = recorder_reply("1", surface="console", timecode="10:00:00:00")
    desk.hear(StartRecording("1", "console"))
    desk.hear(began)
    assert answers(desk) == [], "nobody has asked to be told"
    say(desk, "/OSCSetSendTarget", *TARGET)
    desk.outgoing.packets.clear()
    desk.hear(began)
    assert answers(desk) == [], "told once"
    desk.hear(StartRecording("1", "mqtt"))
    desk.hear(StartRecording("1", "console"))
    desk.hear(began)
    assert answers(desk) == [(TARGET, "/RecordStartConfirm", ("10:00:00:00",))]
    desk.hear(SetSlate("2", "console", "forest"))
    desk.hear(recorder_reply("2", surface="console", slate="forest"))
    assert answers(desk) == []


@pytest.mark.parametrize("slate", ["", "a" * 65, "a\nb", "\x1b[2J"])
def test_a_slate_that_is_no_name(slate: str) -> None:
    desk = desk_of()
    say(desk, "/Slate", slate)
    say(desk, "/RecordStart", slate, 1)
    assert len(desk.outgoing.commands) == 0 and desk.outgoing.counters["refused"] == 2
    assert all(news.text.isprintable() for news in desk.outgoing.news)


def ended(desk: ControlDesk, takes: Path) -> None:
    end(desk, str(takes / "forest_003" / "face.csv"))


def end(desk: ControlDesk, csv: str) -> None:
    desk.hear(StopRecording("end", "console"))
    desk.hear(recorder_reply("end", surface="console", timecode="10:00:05:00", csv=csv, files=csv))


class Started:
    """Stands in for the thread that sends."""

    def __init__(self) -> None:
        self.files: list[tuple[Path, Address]] = []

    def start(self, path: Path, target: Address) -> bool:
        self.files.append((path, target))
        return len(self.files) == 1


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    opened = Started()
    monkeypatch.setattr("stage.control.desk.Deliveries", lambda: opened)
    return opened


def test_a_named_file_is_sent_and_a_second_one_waits_its_turn(takes: Path, started: Started) -> None:
    desk = desk_of(takes)
    ended(desk, takes)
    say(desk, "/Transport", "127.0.0.1:9000", "forest_003/face.csv")
    assert started.files == [(takes / "forest_003" / "face.csv", Address("127.0.0.1", 9000))]
    say(desk, "/Transport", "127.0.0.1:9000", "forest_003/face.csv")
    assert desk.outgoing.counters["refused"] == 1


@pytest.mark.parametrize(
    "path",
    [
        "",
        "other.csv",
        "../../etc/passwd",
        "/etc/passwd",
        "forest_003/../other.csv",
        "forest_003/../forest_003/face.csv",
        "forest_003",
        "forest_003/take.mcap",
        "~/.ssh/id_rsa",
        "file:///etc/passwd",
    ],
)
def test_no_other_path_is_sent(takes: Path, started: Started, path: str) -> None:
    desk = desk_of(takes)
    ended(desk, takes)
    say(desk, "/Transport", "127.0.0.1:9000", path)
    say(desk, "/Transport", "127.0.0.1:9000", str(takes / "forest_003" / "face.csv"))
    assert started.files == [] and desk.outgoing.counters["refused"] == 2


@pytest.mark.parametrize(
    "where", ["8.8.8.8:80", "stage.example:80", "127.0.0.1", "127.0.0.1:0", ":80", "[::ffff:8.8.8.8]:80"]
)
def test_no_file_goes_to_a_third_party(takes: Path, started: Started, where: str) -> None:
    desk = desk_of(takes)
    ended(desk, takes)
    say(desk, "/Transport", where, "forest_003/face.csv")
    assert started.files == [] and desk.outgoing.counters["refused"] == 1


def test_a_file_outside_of_the_folder_of_takes_is_never_named(takes: Path, started: Started) -> None:
    desk = desk_of(takes / "forest_003")
    say(desk, "/OSCSetSendTarget", *TARGET)
    desk.outgoing.packets.clear()
    end(desk, str(takes / "other.csv"))
    assert answers(desk) == [(TARGET, "/RecordStopConfirm", ("10:00:05:00", "", ""))]
    say(desk, "/Transport", "127.0.0.1:9000", "../other.csv")
    assert started.files == []


def test_streams_are_switched_on_and_off() -> None:
    desk = desk_of()
    say(desk, "/LiveLinkStreamStop")
    assert switched(desk) == {"face-0": False, "face-1": False}
    say(desk, "/LiveLinkStreamStart")
    assert switched(desk) == {"face-0": True, "face-1": True}


def test_addresses_choose_among_the_configured_streams() -> None:
    desk = desk_of()
    say(desk, "/ClearAllLiveLinkAddresses")
    assert switched(desk) == {"face-0": False, "face-1": False}
    say(desk, "/LiveLinkStreamStart")
    assert switched(desk) == {} and desk.outgoing.counters["refused"] == 1
    say(desk, "/AddLiveLinkAddress", "127.0.0.1", 11112)
    assert switched(desk) == {"face-1": True}
    say(desk, "/LiveLinkStreamStop")
    assert switched(desk) == {"face-1": False}
    say(desk, "/AddLiveLinkAddress", "127.0.0.1", 11111)
    assert switched(desk) == {}, "not while streams are stopped"
    say(desk, "/LiveLinkStreamStart")
    assert switched(desk) == {"face-0": True, "face-1": True}


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 39539), ("127.0.0.2", 11111), ("8.8.8.8", 11111), ("x", 1)])
def test_no_new_destination_is_opened(host: str, port: int) -> None:
    desk = desk_of()
    say(desk, "/AddLiveLinkAddress", host, port)
    assert switched(desk) == {} and answers(desk) == []
    assert desk.outgoing.counters["refused"] == 1 and len(desk.outgoing.news) == 1


def test_subjects_are_named_by_the_stage() -> None:
    desk = desk_of()
    say(desk, "/LiveLinkSubject", "ada")
    assert desk.outgoing.counters["refused"] == 0
    say(desk, "/LiveLinkSubject", "somebody")
    assert desk.outgoing.counters["refused"] == 1 and "ada" in desk.outgoing.news[0].text


@pytest.mark.parametrize("word", ["/VideoDisplayOn", "/VideoDisplayOff"])
def test_the_display_is_none_of_our_business(word: str) -> None:
    desk = desk_of()
    say(desk, word)
    assert answers(desk) == [] and len(desk.outgoing.news) == 0 and len(desk.outgoing.commands) == 0


def test_the_send_target_is_told_of_the_end() -> None:
    desk = desk_of()
    say(desk, "/OSCSetSendTarget", *TARGET)
    desk.outgoing.packets.clear()
    desk.close()
    assert answers(desk) == [(TARGET, "/AppDeactivated", ())]
