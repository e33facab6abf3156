from __future__ import annotations

import json
from importlib import resources

import pytest
from jsonschema import Draft202012Validator, ValidationError

from protocols.mqtt_commands import Request
from protocols.mqtt_payloads import Alarm, GazeReport, Report
from protocols.mqtt_schemas import SCHEMAS, schema_of_topic, schema_text
from tests.protocols.test_mqtt_topics import tree


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_files_are_those_of_the_records(name: str) -> None:
    """After a change of a record: python -m protocols.mqtt_schemas."""
    text = resources.files("protocols.schemas").joinpath(f"{name}.json").read_text("utf-8")
    assert text == schema_text(name)
    Draft202012Validator.check_schema(json.loads(text))


def test_every_file_and_every_record_is_known() -> None:
    files = {entry.name for entry in resources.files("protocols.schemas").iterdir() if entry.name.endswith(".json")}
    assert files == {f"{name}.json" for name in SCHEMAS}
    records = {*Report.__subclasses__(), *Request.__subclasses__()} - {Alarm, GazeReport}  # those two are parts
    assert set(SCHEMAS.values()) == records


def test_what_is_published_fits_its_schema() -> None:
    for publication, path, _, _ in tree():
        schema = json.loads(schema_text(schema_of_topic(path)))
        Draft202012Validator(schema).validate(json.loads(publication.payload()))


def test_what_does_not_fit_does_not() -> None:
    pose = next(json.loads(publication.payload()) for publication, path, _, _ in tree() if path.endswith("/pose"))
    validator = Draft202012Validator(json.loads(schema_text("pose")))
    pose["joints"].pop()
    with pytest.raises(ValidationError):
        validator.validate(pose)


def test_topics_that_no_stage_publishes() -> None:
    for path in ("", "rigs", "actor/anna", "actor/anna/state/x", "camera", "command/record/start", "latency/a/b"):
        assert schema_of_topic(path) == ""
