"""The JSON Schemas (2020-12) of all MQTT payloads: made of the records, kept as files in `protocols/schemas`.

The files are for others: for validators, code generators and people. A test keeps them in step with the records;
`python -m protocols.mqtt_schemas` writes them anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from protocols import mqtt_commands as commands
from protocols import mqtt_payloads as payloads

FOLDER = Path(__file__).parent / "schemas"

SCHEMAS: Mapping[str, type[msgspec.Struct]] = {
    "state": payloads.StateReport,
    "stage": payloads.StageReport,
    "rig": payloads.RigReport,
    "actor-state": payloads.ActorReport,
    "pose": payloads.PoseReport,
    "face": payloads.FaceReport,
    "camera": payloads.CameraReport,
    "output": payloads.OutputReport,
    "recorder": payloads.RecorderReport,
    "player": payloads.PlayerReport,
    "timecode": payloads.TimecodeReport,
    "latency": payloads.LatencyReport,
    "alarm": payloads.AlarmReport,
    "alarms": payloads.AlarmsReport,
    "reply": payloads.ReplyReport,
    "command-record-start": commands.RecordStart,
    "command-record-stop": commands.RecordStop,
    "command-slate": commands.Slate,
    "command-mark": commands.MarkNow,
    "command-playback": commands.Playback,
    "command-output-set": commands.OutputSet,
    "command-output-enable": commands.OutputEnable,
    "command-actor-calibrate": commands.ActorCalibrate,
}
"""Per file, without its ending, the record of the payload."""

_FORMS = {
    ("$state",): "state",
    ("stage",): "stage",
    ("rig",): "rig",
    ("actor", "*", "state"): "actor-state",
    ("actor", "*", "face_state"): "actor-state",
    ("actor", "*", "pose"): "pose",
    ("actor", "*", "face"): "face",
    ("camera", "*"): "camera",
    ("output", "*"): "output",
    ("recorder",): "recorder",
    ("player",): "player",
    ("timecode",): "timecode",
    ("latency", "*"): "latency",
    ("alarm", "*"): "alarm",
    ("alarms",): "alarms",
    ("reply",): "reply",
}
_TWO_LEVELS = 2


def schema_of_topic(path: str) -> str:
    """Which schema the payloads of a topic have.

    Args:
        path: The topic from behind the prefix.

    Returns:
        A key of `SCHEMAS`; "" for a topic that no stage publishes.
    """
    levels = path.split("/")
    if len(levels) >= _TWO_LEVELS:
        levels[1] = "*"
    return _FORMS.get(tuple(levels), "")


def schema_text(name: str) -> str:
    """A schema as it stands in its file."""
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{name}.json"}
    schema |= msgspec.json.schema(SCHEMAS[name])
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=2).decode() + "\n"


def main() -> None:
    """Writes the files."""
    for name in SCHEMAS:
        (FOLDER / f"{name}.json").write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
