from __future__ import annotations

from typing import Any

from protocols import osc
from protocols.phone_app import Address
from protocols.playback import PlayerState
from stage.control import words
from stage.control.outgoing import Outgoing
from stage.control.status import SILENT_S, ShowStatus
from tests.stage.control.show import output_state, recorder_state

HERE = Address("127.0.0.1", 9000)


def messages(status: ShowStatus) -> dict[str, osc.Message]:
    outgoing = Outgoing(recorder=True)
    status.send(outgoing, HERE)
    parsed: list[Any] = [osc.parse(packet.data) for packet in outgoing.packets]
    return {message.address: message for message in parsed}


def test_without_news_there_is_little_to_say() -> None:
    assert messages(ShowStatus()) == {}
    assert ShowStatus().summary == "0 of 0 outputs on, no recorder"


def test_the_newest_word_of_everybody() -> None:
    status = ShowStatus()
    status.take(output_state("vmc-1", enabled=True))
    status.take(output_state("vmc-1", enabled=False))
    status.take(output_state("osc-2", enabled=True, rate_hz=59.5, fault="away"))
    status.take(recorder_state(recording=True, at_ns=12_500_000_000, began_ns=10_000_000_000, free_bytes=5_000_000_000))
    said = messages(status)
    assert all(words.is_answer(address) for address in said)
    assert said["/stage/output/vmc-1/state"].arguments[0] == 0
    assert said["/stage/output/osc-2/state"].arguments == (1, "vmc", "", 59.5, "127.0.0.1:39539", "away")
    assert said["/stage/recorder/state"].tags == "siifsfsfifi"
    assert said["/stage/recorder/state"].arguments == ("forest", 3, 1, 2.5, "", 5.0, "", -1.0, 0, 0.0, 0)
    assert status.summary == "1 of 2 outputs on, recording: forest take 3"


def test_what_is_unknown_is_said_so() -> None:
    status = ShowStatus()
    status.take(recorder_state(free_bytes=-1))
    assert messages(status)["/stage/recorder/state"].arguments == ("forest", 3, 0, 0.0, "", -1.0, "", -1.0, 0, 0.0, 0)


def test_silence_is_a_fault() -> None:
    now_s = [0.0]
    status = ShowStatus(lambda: now_s[0])
    status.take(output_state("vmc-1"))
    status.take(recorder_state(fault="slow"))
    now_s[0] = SILENT_S
    status.take(recorder_state(fault="slow"))
    said = messages(status)
    assert "broadcast" in str(said["/stage/output/vmc-1/state"].arguments[5])
    assert said["/stage/recorder/state"].arguments[6] == "slow"


def test_where_a_replay_is() -> None:
    status = ShowStatus()
    take = ("scene_001", "", "performances", True, 2.5, 10.0, 0.0, 10.0, 0.5, False, "10:00:02:12")
    status.take(PlayerState(1, *take))
    said = messages(status)["/stage/player/state"]
    assert said.tags == "ssifffiss"
    assert said.arguments == ("scene_001", "", 1, 2.5, 10.0, 0.5, 0, "10:00:02:12", "")
    assert words.is_answer("/stage/player/state")
    assert status.summary == "0 of 0 outputs on, playing: scene_001 at 2.50 s"
