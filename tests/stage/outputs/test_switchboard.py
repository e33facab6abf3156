from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from protocols import osc
from protocols.show import SetOutput
from protocols.udp import UdpReceiver
from stage.avatars import Avatar, built_in
from stage.config import ActorSection, Config, TimecodeSection
from stage.errors import OutputError
from stage.outputs import engine_output
from stage.outputs.switchboard import Switchboard
from stage.timecode import TimecodeClock
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import REST_JOINTS, other_body, random_pose

START_NS = 1_700_000_000_000_000_000
MS = 1_000_000


class Board:
    """A switchboard at a time of its own."""

    def __init__(self, *sections: Any) -> None:
        self.now_ns = START_NS
        config = Config(actors=(ActorSection(id="anna"), ActorSection(id="ben")), outputs=sections)
        self.board = Switchboard(config, TimecodeClock(TimecodeSection(), START_NS), lambda: self.now_ns)

    def body(self, actor: str = "anna", at_ms: int = 0) -> None:
        self.now_ns = START_NS + at_ms * MS
        posed = random_pose(1, actor=actor, capture_ns=self.now_ns)
        self.board.send(replace(posed.performance, face=any_face()))

    def face(self, actor: str = "anna", at_ms: int = 0) -> None:
        self.now_ns = START_NS + at_ms * MS
        self.board.send(face_performance(any_face(), actor=actor, capture_ns=self.now_ns))

    def change(self, output: str, **wishes: Any) -> tuple[str, dict[str, str]]:
        return self.board.change(SetOutput("1", "console", output, **wishes))

    def states(self, at_ms: int) -> list[str]:
        self.now_ns = START_NS + at_ms * MS
        return [state.id for state in self.board.states()]


@pytest.fixture
def boards() -> Iterator[Any]:
    opened: list[Board] = []

    def make(*sections: Any) -> Board:
        opened.append(Board(*sections))
        return opened[-1]

    yield make
    for each in opened:
        each.board.close()


@pytest.fixture
def engine() -> Iterator[UdpReceiver]:
    with UdpReceiver("127.0.0.1", 0, timeout_s=0.2) as opened:
        yield opened


def addresses(receiver: UdpReceiver) -> list[str]:
    """The addresses of everything that has arrived, runs of one address as one."""
    found: list[str] = []
    while (received := receiver.receive()) is not None:
        for message in osc.messages(osc.parse(received[0])):
            if found[-1:] != [message.address]:
                found.append(message.address)
    return found


FACE = ["/VMC/Ext/Bone/Pos", "/VMC/Ext/Blend/Val", "/VMC/Ext/Blend/Apply"]
CLOSING = ["/VMC/Ext/OK", "/VMC/Ext/T"]


def test_a_body_beside_a_live_stream_of_faces_carries_no_stale_face(boards: Any, engine: UdpReceiver) -> None:
    board = boards(output_section("vmc", id="engine", actor="anna", port=engine.port))
    board.face(at_ms=0)
    board.body(at_ms=5)
    board.face(at_ms=16)
    board.body(at_ms=300)
    root, bones = "/VMC/Ext/Root/Pos", "/VMC/Ext/Bone/Pos"
    assert addresses(engine) == [*FACE, *CLOSING, root, bones, *CLOSING, *FACE, root, *FACE, *CLOSING]


def test_each_output_gets_its_actor_s(boards: Any) -> None:
    board = boards(
        output_section("vmc", id="a", actor="anna"),
        output_section("osc", id="all"),
        output_section("livelink", id="b", actor="ben"),
        output_section("vmc", id="off", actor="ben", enabled=False),
    )
    for number in range(3):
        board.body("anna", at_ms=100 * number)
        board.body("ben", at_ms=100 * number)
        board.body("stranger", at_ms=100 * number)
    counts = dict(board.board.counters)
    assert {name: counts[f"{name}.frames"] for name in ("a", "all", "b", "off")} == {"a": 3, "all": 6, "b": 3, "off": 0}
    board.change("off", enabled=True)
    board.change("all", actor="ben")
    board.body("anna", at_ms=400)
    board.body("ben", at_ms=400)
    counts = dict(board.board.counters)
    assert {name: counts[f"{name}.frames"] for name in ("a", "all", "b", "off")} == {"a": 4, "all": 7, "b": 4, "off": 1}


def test_who_answers(boards: Any) -> None:
    board = boards(output_section("osc", id="engine"), output_section("mqtt", id="house"))
    assert board.board.answers_for("engine")
    assert board.board.answers_for("nobody")
    assert not board.board.answers_for("house")
    with pytest.raises(OutputError, match='no output "hose"; did you mean "house"'):
        board.change("hose", enabled=True)
    with pytest.raises(OutputError, match="no outputs"):
        boards().change("engine", enabled=True)


def with_broken_avatar(**options: Any) -> Any:
    return replace(output_section("vmc", id="engine", actor="anna", **options), avatar="/no/such.vrm")


def test_an_avatar_that_cannot_be_read_is_told_at_the_start_even_while_off(boards: Any) -> None:
    for section in (with_broken_avatar(), with_broken_avatar(enabled=False)):
        [(kind, text)] = list(boards(section).board.news())
        assert kind == "warning" and "engine" in text and "such.vrm" in text


def test_an_avatar_that_cannot_be_read_costs_its_own_output_only(boards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    board = boards(with_broken_avatar(), output_section("vmc", id="other", actor="anna"))
    board.body()
    counts = dict(board.board.counters)
    assert (counts["engine.frames"], counts["other.frames"]) == (0, 1)
    with pytest.raises(OutputError, match=r"such\.vrm"):
        board.change("engine", enabled=True)
    monkeypatch.setattr("stage.outputs.wardrobe.read_avatar", lambda _: built_in(REST_JOINTS))
    board.change("engine", enabled=True)
    board.body(at_ms=100)
    assert dict(board.board.counters)["engine.frames"] == 1


def test_an_avatar_is_read_once_whoever_wears_it(boards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Path] = []

    def read(path: Path) -> Avatar:
        reads.append(path)
        return built_in(REST_JOINTS)

    monkeypatch.setattr("stage.outputs.wardrobe.read_avatar", read)
    sections = [replace(output_section("vmc", id=f"o{n}", actor="anna"), avatar="/a.vrm") for n in range(2)]
    board = boards(*sections)
    board.change("o0", actor="ben")
    board.change("o1", enabled=False)
    board.change("o1", enabled=True)
    board.body("ben")
    assert dict(board.board.counters)["o0.frames"] == 1
    assert reads == [Path("/a.vrm")]


def test_states_are_few_at_a_time_and_nobody_is_left_out(boards: Any) -> None:
    board = boards(*[output_section("osc", id=f"o{number}") for number in range(10)])
    said = [board.states(20 * step) for step in range(49)]
    assert max(map(len, said)) == 4
    assert sorted(name for names in said for name in names) == sorted(f"o{number}" for number in range(10))
    assert board.states(5 + 20 * 48) == []
    board.change("o7", rate=5.0)
    assert board.states(6 + 20 * 48) == ["o7"]


def test_news_are_told_once(boards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise OSError("not found")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    board = boards(output_section("osc", id="engine", host="no.such.host"))
    assert list(board.board.news()) == []
    board.body()
    ((kind, text),) = board.board.news()
    assert (kind, text.partition(";")[0]) == ("warning", "output engine: host no.such.host is not found")
    assert list(board.board.news()) == []


def test_what_is_switched_off_does_not_work_again(boards: Any) -> None:
    board = boards(output_section("osc", id="engine"))
    board.board.send(replace(random_pose(1, actor="anna").performance, rotations=b""))
    assert [kind for kind, _ in board.board.news()] == ["warning"]
    board.body(at_ms=100)
    assert list(board.board.news()) == [("info", "output engine: works again")]
    board.board.send(replace(random_pose(1, actor="anna").performance, rotations=b""))
    assert [kind for kind, _ in board.board.news()] == ["warning"]
    board.change("engine", enabled=False)
    assert list(board.board.news()) == []


class Recorder:
    """A sender that keeps what it is given."""

    fault = ""
    target = "recorder"

    def __init__(self, _: Any = None) -> None:
        self.counters: dict[str, int] = {}
        self.frames: list[list[bytes]] = []

    def send(self, datagrams: Sequence[bytes | memoryview]) -> bool:
        self.frames.append([bytes(datagram) for datagram in datagrams])
        return True

    def close(self) -> None:
        pass


def arrival(number: int) -> list[Any]:
    """What comes at once: two actors of other builds, one with a face camera, in the third of which one is broken."""
    capture_ns = START_NS + number * 16 * MS
    anna, ben = (
        random_pose(2 * number + seed, actor=actor, capture_ns=capture_ns, rest_joints=rest).performance
        for seed, actor, rest in ((0, "anna", REST_JOINTS), (1, "ben", other_body(1)))
    )
    if number == 3:
        ben = replace(ben, rotations=bytes(len(ben.rotations)))
    camera = face_performance(any_face(50 + number), actor="ben", capture_ns=capture_ns)
    return [replace(anna, face=any_face(number)), camera, replace(ben, face=any_face(20 + number))]


def test_what_comes_together_is_sent_as_if_one_by_one(boards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    recorders: list[Recorder] = []
    monkeypatch.setattr(engine_output, "open_sender", lambda _: recorders.append(Recorder()) or recorders[-1])
    sections = [
        output_section("vmc", id=f"{kind}-{actor}", actor=actor, blends=(kind,), jaw="open")
        for kind in ("arkit", "vrm0")
        for actor in ("anna", "ben")
    ]
    sections += [output_section("livelink", id="face"), output_section("osc", id="osc", names="manny", axes="unreal")]
    together, one_by_one = boards(*sections), boards(*sections)
    for number in range(6):
        for board in (together, one_by_one):
            board.now_ns = START_NS + number * 16 * MS
        sent = list(together.board.send_all(arrival(number)))
        assert [(type(record), record.actor) for record in sent] == [
            (type(record), record.actor) for record in arrival(number)
        ]
        for record in arrival(number):
            one_by_one.board.send(record)
    ours, theirs = recorders[: len(sections)], recorders[len(sections) :]
    assert all(len(recorder.frames) >= 5 for recorder in ours)
    assert [recorder.frames for recorder in ours] == [recorder.frames for recorder in theirs]
    assert dict(together.board.counters) == dict(one_by_one.board.counters)
    assert dict(together.board.counters)["osc.refused"] == 1
