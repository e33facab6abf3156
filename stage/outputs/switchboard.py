"""The switchboard: which actor's performances go to which outputs, and how that is changed live.

An actor's outputs are served one after another, the actor that came first completely first: so the mean actor has
waited for half of a burst when its last datagram leaves, and not for nearly all of it. What every output of an actor
would do anew is done once, here: which source of the face counts, and who is to be served at all. Who comes together is
announced, so that what all need is reckoned at once (`stage.outputs.kept`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from protocols.messages import FacePerformance, Performance
from protocols.show import OutputState, SetOutput
from stage.config import Config, MqttSection, nearest
from stage.errors import OutputError
from stage.outputs.avatar_face import announce_faces
from stage.outputs.engine_output import EngineOutput
from stage.outputs.face_source import FaceSource
from stage.outputs.lane import Lane
from stage.outputs.rig_rotations import announce_bodies
from stage.outputs.wardrobe import Wardrobe
from stage.timecode import TimecodeClock

_LOOK_NS = 20_000_000
"""How often the outputs are asked for their states. They are few at a time, so that no performance waits for many."""

_MOST_STATES = 4


class Switchboard:
    """All outputs of a stage that go to engines."""

    def __init__(self, config: Config, timecode: TimecodeClock, now_ns: Callable[[], int]) -> None:
        """Opens the outputs.

        Args:
            config: The stage.
            timecode: Of the stage.
            now_ns: Tells stage time.

        Raises:
            UdpError: The system gives no socket.
        """
        actors = [actor.id for actor in config.actors]
        self._wardrobe = wardrobe = Wardrobe()
        self._now_ns = now_ns
        self._opened = ExitStack()
        self._outputs: dict[str, EngineOutput] = {}
        for section in config.outputs:
            if not isinstance(section, MqttSection):
                output = EngineOutput(section, actors, config.stage.rate, timecode, wardrobe)
                self._outputs[output.id] = output
                self._opened.callback(output.close)
        self._others = frozenset(section.id for section in config.outputs) - self._outputs.keys()
        self._faces = {actor: FaceSource() for actor in actors}
        self._routes = self._planned()
        self._asked = deque(self._outputs.values())
        self._look_ns = 0
        self._faults: dict[str, str] = {}

    @property
    def counters(self) -> Iterator[tuple[str, int]]:
        """The counts of every output, named by its id."""
        for output in self._outputs.values():
            for name, count in output.counters.items():
                yield f"{output.id}.{name}", count

    @property
    def facts(self) -> dict[str, str]:
        """Kind and receiver of every output."""
        return {output.id: output.fact for output in self._outputs.values()}

    def send(self, record: Performance | FacePerformance) -> None:
        """Sends a record to every output it is for; never blocks, never raises."""
        for _ in self.send_all((record,)):
            pass

    def send_all(self, records: Sequence[Performance | FacePerformance]) -> Iterator[Performance | FacePerformance]:
        """Sends what has come together, likewise.

        Yields:
            Each record, when its last datagram has left.
        """
        now_ns = self._now_ns
        heard = [self._heard(record) for record in records if record.actor in self._faces]
        if len(heard) > 1:
            bodies = [record for record, _ in heard if isinstance(record, Performance)]
            announce_bodies(bodies)
            announce_faces([record.face for record, _ in heard if record.face is not None])
            self._wardrobe.announce(bodies)
        for record, alone in heard:
            for output, lane in self._routes[record.actor]:
                if isinstance(record, Performance):
                    output.send_body(lane, record, now_ns())
                else:
                    output.send_face(lane, record, now_ns(), alone=alone)
            yield record

    def _heard(self, record: Performance | FacePerformance) -> tuple[Performance | FacePerformance, bool]:
        """A record as it is to be sent, and whether it is a face that is alone."""
        source, now_ns = self._faces[record.actor], self._now_ns()
        if isinstance(record, FacePerformance):
            return record, source.heard_face(now_ns)
        return source.heard_body(record, now_ns), False

    def answers_for(self, output: str) -> bool:
        """Whether a command for an output is to be answered from here: it is ours, or nobody's."""
        return output not in self._others

    def change(self, wish: SetOutput) -> tuple[str, dict[str, str]]:
        """Carries a command out.

        Returns:
            What is so now: in words, and for programs.

        Raises:
            OutputError: No such output, or it cannot be as asked; then nothing has changed.
        """
        output = self._outputs.get(wish.output)
        if output is None:
            known = sorted([*self._outputs, *self._others])
            raise OutputError(
                f'no output "{wish.output}"; {nearest(wish.output, known)}' if known else "this stage has no outputs"
            )
        output.change(wish)
        self._routes = self._planned()
        self._asked.remove(output)
        self._asked.appendleft(output)
        self._look_ns = 0
        return output.text, output.facts

    def states(self) -> Iterator[OutputState]:
        """The states to publish now: of outputs that have changed, and of each once a second."""
        now_ns = self._now_ns()
        if now_ns < self._look_ns:
            return
        self._look_ns = now_ns + _LOOK_NS
        spoken = 0
        for _ in range(len(self._asked)):
            output = self._asked[0]
            self._asked.rotate(-1)
            if (state := output.news(now_ns)) is not None:
                yield state
                spoken += 1
            if spoken >= _MOST_STATES:
                return

    def news(self) -> Iterator[tuple[str, str]]:
        """Events since the last call, kind and text: outputs that fail or work again; at first what cannot be shown."""
        for output in self._outputs.values():
            fault, before = output.fault, self._faults.get(output.id)
            self._faults[output.id] = fault
            if before is None:
                yield from (("warning", f"output {output.id}: {note}") for note in output.notes)
            if bool(fault) != bool(before) and output.enabled:
                yield "warning" if fault else "info", f"output {output.id}: {fault or 'works again'}"

    def close(self) -> None:
        """Closes all outputs."""
        self._opened.close()

    def _planned(self) -> dict[str, tuple[tuple[EngineOutput, Lane], ...]]:
        """Per actor, its outputs in the order of the stage.toml."""
        outputs = self._outputs.values()
        return {
            actor: tuple((output, output.lanes[actor]) for output in outputs if actor in output.lanes)
            for actor in self._faces
        }
