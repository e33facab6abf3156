from __future__ import annotations

from msgspec.structs import replace

from protocols.messages import Event
from stage.console.status import EVENTS, SHOW_SILENT_S, SILENT_S, StageStatus
from tests.stage.console.samples import heartbeat, performance
from tests.stage.control.show import output_state, recorder_state
from tests.stage.outputs.faces import face


def test_another_process_is_a_restart() -> None:
    status = StageStatus()
    for pid in (1, 1, 2, 2, 3):
        status.take_heartbeat(heartbeat("solve", pid=pid))
    assert status.workers["solve"].restarts == 2


def test_a_worker_falls_silent_and_speaks_again() -> None:
    now = [0.0]
    status = StageStatus(lambda: now[0])
    assert status.state_of("solve") == "silent"
    status.take_heartbeat(heartbeat("solve", state="waiting"))
    assert status.alive("solve") and status.state_of("solve") == "waiting"
    now[0] += SILENT_S
    assert not status.alive("solve") and status.state_of("solve") == "silent"
    status.take_heartbeat(heartbeat("solve"))
    assert status.state_of("solve") == "running"


def test_losses_and_errors_are_told_apart() -> None:
    status = StageStatus()
    counters = {"items": 100, "frame_gaps": 2, "frames_dropped": 3, "decode_errors": 4, "skipped": 5}
    status.take_heartbeat(heartbeat("solve", counters=counters))
    assert (status.workers["solve"].lost, status.workers["solve"].errors) == (5, 4)


def test_the_newest_events_are_kept() -> None:
    status = StageStatus()
    for number in range(EVENTS + 3):
        status.take_event(Event("solve", number, "info", str(number)))
    assert [event.at_ns for event in status.events] == list(range(3, EVENTS + 3))


def test_an_actor_is_as_the_last_performance_says() -> None:
    status = StageStatus()
    status.take_performance(performance(state="tracking"), 0.9)
    status.take_performance(performance(state="holding"), 0.2)
    actor = status.actors["ada"]
    assert (actor.state, actor.confidence, actor.cameras) == ("holding", 0.2, ("left", "right"))


def test_the_body_s_face_is_looked_at_only_while_no_face_camera_speaks() -> None:
    now = [0.0]
    status = StageStatus(lambda: now[0])
    slow = replace(performance(actor="anna"), face=face("holding"))
    status.take_performance(slow, 1.0)
    assert status.faces["anna"].face.state == "holding"
    status.take_face("anna", face())
    status.take_performance(slow, 1.0)
    assert status.faces["anna"].face.state == "tracking"
    now[0] += 1.0
    status.take_performance(slow, 1.0)
    assert status.faces["anna"].face.state == "holding"
    now[0] += SILENT_S + 0.1
    status.forget_faces()
    assert status.faces == {}


def test_the_strongest_shapes_come_first() -> None:
    status = StageStatus()
    status.take_face("anna", face(MouthFunnel=0.25, JawOpen=0.5))
    assert [shape[:2] for shape in status.faces["anna"].strongest[:2]] == [("JawOpen", 0.5), ("MouthFunnel", 0.25)]


def test_outputs_and_recorder_fall_silent() -> None:
    now = [0.0]
    status = StageStatus(lambda: now[0])
    assert status.recorder_state is None and status.output_of("vmc-1") is None
    status.take_recorder(recorder_state(take=7))
    status.take_output(output_state("vmc-1", rate_hz=59.0))
    assert (recorder := status.recorder_state) is not None and recorder.take == 7
    assert (output := status.output_of("vmc-1")) is not None and output.rate_hz == 59.0
    now[0] += SHOW_SILENT_S
    assert status.recorder_state is None and status.output_of("vmc-1") is None


def test_what_a_worker_says_twice_in_a_row_is_shown_once() -> None:
    status = StageStatus()
    for worker, text in (("record", "recording"), ("record", "recording"), ("solve", "recording"), ("record", "ended")):
        status.take_event(Event(worker, 0, "info", text))
    assert [event.worker for event in status.events] == ["record", "solve", "record"]
