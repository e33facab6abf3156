from __future__ import annotations

from protocols.messages import Heartbeat
from stage.supervision.facts import FactTeller


def test_every_fact_is_told_once_when_it_is_new() -> None:
    told: list[tuple[str, str, str]] = []
    teller = FactTeller(lambda *message: told.append(message))

    def hear(worker: str, **facts: str) -> None:
        teller.hear(Heartbeat(worker, 1, 0, "running", 0.0, 0.0, 0, {}, {}, facts))

    hear("landmarks", engine="openvino", precision="bf16")
    hear("landmarks", engine="openvino", precision="bf16")
    hear("solve", engine="torch")
    hear("landmarks", engine="other", threads="1")
    hear("console", page="http://127.0.0.1:8765", browsers="0")
    assert told == [
        ("info", "landmarks", "engine openvino, precision bf16"),
        ("info", "solve", "engine torch"),
        ("info", "landmarks", "threads 1"),
    ]
