from __future__ import annotations

from protocols.mqtt_payloads import LatencyReport
from protocols.show import OutputState
from stage.mqtt.alarms import SILENCE_S, START_S, AlarmBook, failing_outputs, late_legs, silent_workers, waiting_cameras


def test_the_list_is_told_once_and_again_when_it_changes() -> None:
    book = AlarmBook()
    first = book.update([], 1)
    assert first is not None and first.alarms == []
    assert book.update([], 2) is None
    two = book.update([("recorder", "disk full"), ("output/a", "away")], 3)
    assert two is not None and [alarm.about for alarm in two.alarms] == ["recorder", "output/a"]
    other = book.update([("recorder", "disk gone")], 4)
    assert other is not None
    assert [(alarm.text, alarm.since_ns) for alarm in other.alarms] == [("disk gone", 3)]
    cleared = book.update([], 5)
    assert cleared is not None and cleared.alarms == []
    back = book.update([("recorder", "disk gone")], 6)
    assert back is not None and back.alarms[0].since_ns == 6


def test_workers_that_should_speak() -> None:
    def wrong(silences_s: dict[str, float | None], running_s: float) -> list[str]:
        return [about for about, _ in silent_workers(silences_s, running_s)]

    assert wrong({"solve": 0.3, "record": None, "console": None}, 1.0) == []
    assert wrong({"solve": SILENCE_S + 1, "record": None, "console": None}, START_S + 1) == [
        "worker/solve", "worker/record",
    ]  # fmt: skip
    assert wrong({"console": SILENCE_S + 1}, 1.0) == ["worker/console"]


def test_outputs_that_are_off_have_no_faults() -> None:
    def state(enabled: bool, fault: str) -> OutputState:
        return OutputState("engine", "vmc", "broadcast", 0, enabled, "", 0.0, "", 0.0, 0, 0, fault)

    assert list(failing_outputs([state(True, "no route"), state(False, "no route"), state(True, "")])) == [
        ("output/engine", "no route")
    ]


def test_legs_and_cameras() -> None:
    latencies = {"solve": LatencyReport(4.0, 9.0, 3, 5.0, True), "send": LatencyReport(1.0, 2.0, 3, 5.0, False)}
    assert list(late_legs(latencies)) == [("latency/solve", "p99 is 9 ms, its budget 5 ms")]
    assert [about for about, _ in waiting_cameras({"left": "waiting", "right": "running"})] == ["camera/left"]
