"""States and replies as workers send them, for tests of those who control a show."""

from __future__ import annotations

from typing import Any

from protocols.show import CommandReply, OutputState, RecorderState


def output_state(name: str, **changed: Any) -> OutputState:
    values: dict[str, Any] = {
        "id": name,
        "kind": "vmc",
        "worker": "broadcast",
        "at_ns": 0,
        "enabled": True,
        "actor": "",
        "rate": 0.0,
        "target": "127.0.0.1:39539",
        "rate_hz": 30.0,
        "frames": 0,
        "lost": 0,
        "fault": "",
    }
    return OutputState(**{**values, **changed})


def recorder_state(**changed: Any) -> RecorderState:
    values: dict[str, Any] = {
        "at_ns": 0,
        "recording": False,
        "slate": "forest",
        "take": 3,
        "began_ns": 0,
        "name": "",
        "records": 0,
        "lost": 0,
        "free_bytes": 10**12,
    }
    return RecorderState(**{**values, **changed})


def recorder_reply(key: str = "", surface: str = "control", ok: bool = True, **facts: str) -> CommandReply:
    return CommandReply(key, surface, "record", ok, "done" if ok else "the disk is full", facts)
