from __future__ import annotations

from stage.config import BodySection, CameraSection, Config, ConsoleSection, FaceSection, RecordSection
from stage.supervision.plan import plan_stage
from tests.sections import output_section

CONFIG = Config(
    cameras=(CameraSection(id="left", source="device:0"), CameraSection(id="right", source="device:1")),
    body=BodySection(threads=3, solve_threads=2),
)


def test_every_camera_has_a_capture_and_sources_come_last() -> None:
    plans = plan_stage(CONFIG)
    assert [plan.name for plan in plans] == [
        "solve",
        "landmarks",
        "broadcast",
        "record",
        "console",
        "capture.left",
        "capture.right",
    ]
    assert [plan.source for plan in plans] == [False] * 5 + [True] * 2
    assert {plan.name for plan in plans if plan.spare} == {"solve", "landmarks"}


def test_threads_are_those_of_the_config() -> None:
    threads = {plan.name: plan.environment["OMP_NUM_THREADS"] for plan in plan_stage(CONFIG)}
    assert threads["landmarks"] == "3" and threads["solve"] == "2" and threads["capture.left"] == "1"


def test_face_cameras_have_a_landmarks_worker_of_their_own() -> None:
    close = CameraSection(id="close", source="device:2", face_of="ann")
    config = Config(cameras=(*CONFIG.cameras, close), body=CONFIG.body, face=FaceSection(threads=4))
    plans = {plan.name: plan for plan in plan_stage(config)}
    faces = plans["landmarks.faces"]
    assert faces.module == plans["landmarks"].module == "workers.landmarks"
    assert faces.environment["OMP_NUM_THREADS"] == "4" and faces.spare
    assert plans["landmarks"].environment["OMP_NUM_THREADS"] == "3"
    assert faces.vital_group != plans["landmarks"].vital_group
    assert "landmarks" not in {plan.name for plan in plan_stage(Config(cameras=(close,)))}


def test_the_page_can_be_left_out() -> None:
    assert "console" not in {plan.name for plan in plan_stage(CONFIG, console=False)}
    without = Config(cameras=CONFIG.cameras, console=ConsoleSection(enabled=False))
    assert "console" not in {plan.name for plan in plan_stage(without)}


def test_the_recorder_stands_back_and_can_be_left_out() -> None:
    plans = {plan.name: plan for plan in plan_stage(CONFIG)}
    assert plans["record"].module == "workers.record" and 0 < plans["record"].niceness < plans["console"].niceness
    without = Config(cameras=CONFIG.cameras, record=RecordSection(enabled=False))
    assert "record" not in {plan.name for plan in plan_stage(without)}


def test_modules_can_be_given() -> None:
    plans = plan_stage(CONFIG, modules={"capture": "tests.a", "solve": "tests.b"})
    assert {plan.name: plan.module for plan in plans} == {
        "solve": "tests.b",
        "capture.left": "tests.a",
        "capture.right": "tests.a",
    }


def test_only_a_stage_with_mqtt_outputs_has_a_worker_for_them() -> None:
    config = Config(cameras=CONFIG.cameras, outputs=(output_section("vmc"), output_section("mqtt", id="house")))
    assert {plan.name: plan.module for plan in plan_stage(config)}["mqtt"] == "workers.mqtt"
    assert "mqtt" not in {plan.name for plan in plan_stage(CONFIG)}
