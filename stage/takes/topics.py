"""What of the bus goes into a take, and who publishes it."""

from __future__ import annotations

from stage.config import Config
from stage.readers import readers
from stage.surfaces import BROADCAST, EXECUTORS, MQTT, RECEIVE, RECORD, SOLVE, mqtt_outputs, receives, surfaces


def recorded_topics(config: Config) -> dict[str, tuple[str, ...]]:
    """Per publisher, the topics of a take.

    Left out is what follows from the rest: meshes and predictions, and the workers' signs of life. Commands are not
    among them: the recorder hears those anyway.
    """
    captures = [f"capture.{camera.id}" for camera in config.cameras]
    topics: dict[str, list[str]] = {
        SOLVE: ["performance.", "face.", "step.", "keyframe."],
        BROADCAST: ["output."],
        RECORD: ["recorder"],
        **{reader: ["landmarks."] for reader in readers(config)},
        **{capture: ["frame."] for capture in captures},
    }
    if mqtt_outputs(config):
        topics[MQTT] = ["output."]
    if receives(config):
        topics[RECEIVE] = ["external.", "timecode"]
    for surface in surfaces(config):
        topics.setdefault(surface, [])
    return {
        worker: (*wanted, "event.", "reply.") if worker in EXECUTORS else (*wanted, "event.")
        for worker, wanted in topics.items()
    }
