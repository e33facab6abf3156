from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stage.supervision import relay
from stage.supervision.relay import LineRelay


def test_lines_are_put_together_from_chunks() -> None:
    shown: list[str] = []
    lines = LineRelay(shown.append)
    for chunk in (b"on", b"e\ntw", b"o\r\n\n", b"three"):
        lines.feed(chunk)
    assert shown == ["one", "two"]
    lines.close()
    assert shown == ["one", "two", "three"]


def test_a_flood_is_counted_instead_of_shown() -> None:
    shown: list[str] = []
    now_s = [0.0]
    lines = LineRelay(shown.append, clock=lambda: now_s[0])
    lines.feed(b"".join(b"line %d\n" % number for number in range(1000)))
    assert len(shown) == relay._BURST_LINES
    assert lines.tail[-1] == "line 999"
    now_s[0] = 60.0
    lines.feed(b"calm again\n")
    assert shown[-2:] == [f"({1000 - relay._BURST_LINES} more lines)", "calm again"]


def test_an_endless_line_is_cut() -> None:
    shown: list[str] = []
    lines = LineRelay(shown.append)
    for _ in range(100):
        lines.feed(b"x" * 100)
    assert all(len(line) <= relay._LINE_BYTES for line in shown)
    assert len(lines._partial) <= relay._LINE_BYTES


@given(st.lists(st.binary(max_size=2000), max_size=20))
def test_any_bytes_are_taken(chunks: list[bytes]) -> None:
    shown: list[str] = []
    lines = LineRelay(shown.append)
    for chunk in chunks:
        lines.feed(chunk)
    lines.close()
    assert len(shown) <= relay._BURST_LINES + 1
