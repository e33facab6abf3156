from __future__ import annotations

from protocols.show import SetOutput
from stage.errors import OutputError
from stage.outputs.orders import carried_out


class Board:
    def answers_for(self, output: str) -> bool:
        return output != "theirs"

    def change(self, wish: SetOutput) -> tuple[str, dict[str, str]]:
        if wish.actor == "nobody":
            raise OutputError("no such actor")
        return "done", {"output": wish.output}


def test_a_command_has_one_outcome_and_one_that_answers() -> None:
    assert carried_out(Board(), SetOutput("1", "console", "ours")) == (True, "done", {"output": "ours"})
    assert carried_out(Board(), SetOutput("2", "console", "ours", actor="nobody")) == (False, "no such actor", {})
    assert carried_out(Board(), SetOutput("3", "console", "theirs")) is None
