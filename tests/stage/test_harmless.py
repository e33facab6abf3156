from __future__ import annotations

import pytest

from stage.harmless import harmless


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("caf\u00e9, 100 %", "caf\u00e9, 100 %"),
        ("a line\n\tand another", "a line\n\tand another"),
        ("\x1b[2Jgone\x07", "\ufffd[2Jgone\ufffd"),
        ("\x9bm \u202eback \udcff\r", "\ufffdm \ufffdback \ufffd\ufffd"),
    ],
)
def test_nothing_that_a_terminal_obeys(text: str, shown: str) -> None:
    assert harmless(text) == shown
