from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from protocols.show import MAX_TAKE
from stage.takes.names import numbers, safe_name, take_name

EVIL = [
    "",
    ".",
    "..",
    "../../etc/passwd",
    "a/b",
    "a\\b",
    "CON",
    "nul.txt",
    "\0",
    "a\0b",
    "-rf",
    "~",
    "a" * 500,
    "日本",
    "é",
]


@given(st.text(max_size=200) | st.sampled_from(EVIL), st.integers(1, MAX_TAKE))
@example("../..", 1)
@example("\N{FULLWIDTH SOLIDUS}a\N{FULLWIDTH FULL STOP}", 1)
def test_a_name_is_never_more_than_a_name(slate: str, number: int) -> None:
    name = take_name(slate, number)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*_\d{3,6}", name) and len(name) <= 71
    assert numbers(slate, [f"{name}.mcap", "other_999.mcap", name]) == {number}
    assert numbers(slate, [f"{name}_anna.csv".upper()]) == {number}


def test_names_say_what_they_can() -> None:
    assert take_name("scene 12B", 3) == "scene_12B_003"
    assert take_name("Schloß, außen", 1) == "Schlo_auen_001"
    assert take_name("élève", 1000) == "eleve_1000"
    assert safe_name("../etc/passwd") == "etc_passwd"
    assert safe_name("日本") == "slate" and safe_name("?", "actor") == "actor"


def test_numbers_of_other_slates_do_not_count() -> None:
    files = ["a_001.mcap", "a_1_002.mcap", "ab_003.mcap", "a_004_anna.csv", "a_5.mcap", "a_006", "b_a_007.mcap"]
    assert numbers("a", files) == {1, 4}
    assert numbers("a_1", files) == {2}
