"""The words and numbers of the page, as HTML. Everything that came over the bus is escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from protocols.playback import PlayerState
from protocols.show import OutputState, RecorderState
from stage.config import AnyOutputSection, CameraSection, LatencySection
from stage.console.colours import BAD, GOOD, POOR
from stage.console.colours import LEGS as LEG_COLOURS
from stage.console.history import FACE_TOTAL, LEGS, LatencyHistory
from stage.console.status import ActorStatus, FaceStatus, StageStatus
from stage.readers import BODY_READER, FACE_READER
from stage.surfaces import REPLAY, SOLVE, rests

STYLE = f"""<style>
.st {{ padding: 0 14px; font-size: 12px; line-height: 1.5; color: #c3ccd6; font-variant-numeric: tabular-nums; }}
.st table {{ width: 100%; border-collapse: collapse; }}
.st th {{ font-weight: 500; color: #75808d; text-align: right; padding: 0 0 3px 8px; }}
.st td {{ text-align: right; padding: 2px 0 2px 8px; border-top: 1px solid #2b3037; white-space: nowrap; }}
.st th:first-child, .st td:first-child {{ text-align: left; padding-left: 0; white-space: normal; }}
.st .dim {{ color: #75808d; }}
.st .good {{ color: {GOOD}; }} .st .poor {{ color: {POOR}; }} .st .bad {{ color: {BAD}; }}
.st .dot {{ display: inline-block; width: 7px; height: 7px; border-radius: 50%; margin-right: 8px;
           background: currentColor; vertical-align: 1px; }}
.st .key {{ display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 8px; }}
.st .figures {{ display: flex; gap: 14px; padding: 6px 0 2px; }}
.st .figure b {{ display: block; font-size: 23px; line-height: 1.15; font-weight: 600; color: #f0f4f8; }}
.st .figure b small {{ font-size: 12px; font-weight: 400; color: #75808d; margin-left: 3px; }}
.st .bar {{ display: inline-block; width: 64px; height: 5px; border-radius: 3px; background: #2b3037; }}
.st .bar i {{ display: block; height: 5px; border-radius: 3px; background: currentColor; }}
.st .below {{ margin: -4px 0 8px; }}
.st .event {{ padding: 2px 0; border-top: 1px solid #2b3037; overflow-wrap: anywhere; }}
</style>"""

_STATE_CLASSES = {"running": "good", "tracking": "good", "waiting": "poor", "starting": "poor", "holding": "poor"}
_STATE_CLASSES |= {"silent": "bad", "finished": "dim", "standby": "dim", "fading": "poor", "absent": "dim"}
_SURE, _UNSURE = 0.7, 0.4


def figures(status: StageStatus, history: LatencyHistory, budget: LatencySection) -> str:
    """The three numbers an operator looks for first: rate, usual and worst latency."""
    by = REPLAY if REPLAY in status.workers and SOLVE not in status.workers else SOLVE
    rate = status.workers[by].heartbeat.rate_hz if status.alive(by) else math.nan
    p50, p99 = history.recent_ms("total", 50), history.recent_ms("total", 99)
    shown = [
        ("played" if by == REPLAY else "solved", _number(rate, 1), "fps", ""),
        ("latency p50", _number(p50, 0), "ms", ""),
        ("latency p99", _number(p99, 0), "ms", "bad" if p99 > budget.total_ms else ""),
    ]
    if (faces := history.rate_hz(FACE_TOTAL)) > 0.0:
        shown.insert(1, ("faces", _number(faces, 1), "fps", ""))
    cells = [
        f'<div class="figure"><b class="{kind}">{value}<small>{unit}</small></b><span class="dim">{name}</span></div>'
        for name, value, unit, kind in shown
    ]
    return _block(f'<div class="figures">{"".join(cells)}</div>')


def legs(history: LatencyHistory, budget: LatencySection) -> str:
    """Median and 99th percentile per leg over the last seconds, red above the budget."""
    rows = []
    for leg in LEGS:
        p50, p99 = history.recent_ms(leg, 50), history.recent_ms(leg, 99)
        limit = getattr(budget, f"{leg}_ms", math.nan)
        key = f'<i class="key" style="background:rgb{LEG_COLOURS[leg]}"></i>{leg}'
        rows.append(
            [key, _number(p50, 1), _coloured(_number(p99, 1), "bad" if p99 > limit else ""), _dim(_number(limit, 0))]
        )
    if history.rate_hz(FACE_TOTAL) > 0.0:
        p50, p99 = history.recent_ms(FACE_TOTAL, 50), history.recent_ms(FACE_TOTAL, 99)
        worst = _coloured(_number(p99, 1), "bad" if p99 > budget.face_total_ms else "")
        rows.append(["face cameras, total", _number(p50, 1), worst, _dim(f"{budget.face_total_ms:.0f}")])
    return _block(_table(["leg, ms", "p50", "p99", "budget"], rows))


def workers(status: StageStatus, cameras: Sequence[CameraSection], *, replaying: str = "") -> str:
    """A row per camera and per other worker: state, rate, age of its input, losses, restarts.

    A replay has neither cameras nor who reads them; `replaying` is then the source of what is played, else "".
    """
    if replaying:
        solver = ("solve",) if replaying == "landmarks" else ()
        names = dict.fromkeys((REPLAY, *solver, *_WORKERS[1:], *status.workers))
        return _block(_table(["worker", *_COLUMNS], [_worker_row(status, name, name) for name in names]))
    sources = [f"capture.{camera.id}" for camera in cameras]
    wide = any(not camera.face_of for camera in cameras) or len(cameras) == 0
    close = any(camera.face_of for camera in cameras)
    expected = [*([BODY_READER] if wide else []), *([FACE_READER] if close else []), *_WORKERS]
    others = [*expected, *(name for name in status.workers if name not in (*sources, *expected))]
    return _block(
        _table(["camera", *_COLUMNS], [_worker_row(status, name, name.partition(".")[2]) for name in sources])
        + "<div style='height:10px'></div>"
        + _table(["worker", *_COLUMNS], [_worker_row(status, name, name) for name in others])
    )


_WORKERS = ("solve", "broadcast", "console")
_COLUMNS = ("rate", "age ms", "lost", "restarts")


def _worker_row(status: StageStatus, name: str, title: str) -> list[str]:
    state = status.state_of(name)
    colour = "dim" if rests(name, state) else _STATE_CLASSES.get(state, "poor")
    label = f'<span class="{colour}" title="{escape(state)}"><i class="dot"></i></span>'
    label += escape(title)
    if state != "running":
        label += _dim(f" {escape(state)}")
    known = status.workers.get(name)
    if known is None:
        return [label, *[_dim("–")] * len(_COLUMNS)]
    beat = known.heartbeat
    age = _number(beat.age_ms, 1) if beat.age_ms >= 0 else _dim("–")
    restarts = _coloured(str(known.restarts), "poor" if known.restarts else "dim")
    errors = _coloured(f" +{known.errors} err", "bad") if known.errors else ""
    lost = _coloured(str(known.lost), "" if known.lost else "dim") + errors
    return [label, _number(beat.rate_hz, 1), age, lost, restarts]


def actors(status: StageStatus) -> str:
    """Per actor the body, both hands and the face, each how sure and by which cameras; then each face's shapes."""
    if not status.actors and not status.faces:
        return _block(_dim("nobody on stage yet"))
    rows = []
    for name in dict.fromkeys((*status.actors, *status.faces)):
        if (actor := status.actors.get(name)) is not None:
            rows += [_part_row(name, actor.state, actor.confidence, actor.cameras), *_hand_rows(actor)]
        if (face := status.faces.get(name)) is not None:
            title = _dim("face") if actor is not None else f"{escape(name)} {_dim('face')}"
            rows.append(_part_row(title, face.face.state, face.confidence, face.face.cameras, escaped=True))
    table = _table(["actor", "state", "confidence", "cameras"], rows)
    return _block(table + "".join(_strongest(face) for face in status.faces.values()))


def _hand_rows(actor: ActorStatus) -> list[list[str]]:
    """None while no hand has been seen."""
    if max(actor.hands) <= 0.0:
        return []
    return [
        [_dim(f"{side} hand"), "", _bar(sure), ""] for side, sure in zip(("left", "right"), actor.hands, strict=True)
    ]


def _part_row(
    name: str, state: str, confidence: float, cameras: tuple[str, ...], *, escaped: bool = False
) -> list[str]:
    seen = f'<span title="{escape(", ".join(cameras))}">{len(cameras)}</span>'
    state = _coloured(escape(state), _STATE_CLASSES.get(state, "poor"))
    return [name if escaped else escape(name), state, _bar(confidence), seen]


def _bar(confidence: float) -> str:
    width = round(100 * min(max(confidence, 0.0), 1.0)) if math.isfinite(confidence) else 0
    return f"{_stripe(width, confidence)} {width} %"


def _stripe(width: int, confidence: float) -> str:
    """A bar of `width` percent in the colour of a confidence."""
    kind = "good" if confidence >= _SURE else "poor" if confidence >= _UNSURE else "bad"
    return f'<span class="bar {kind}"><i style="width:{width}%"></i></span>'


def _strongest(face: FaceStatus) -> str:
    """The strongest shapes of a face, how strong as length and how sure as colour."""
    rows = []
    for name, value, sure in face.strongest:
        width = round(100 * min(max(value, 0.0), 1.0)) if math.isfinite(value) else 0
        rows.append([_dim(name), f"{_stripe(width, sure)} {_number(value, 2)}"])
    return f"<div style='height:8px'></div>{_table([f'{escape(face.actor)}, strongest shapes', ''], rows)}"


def events(status: StageStatus, now_ns: int) -> str:
    """The newest events, newest first, with how long ago they were."""
    kinds = {"warning": "poor", "error": "bad"}
    rows = [
        f'<div class="event"><span class="dim">{_ago(now_ns - event.at_ns)} · {escape(event.worker)}</span><br>'
        f'<span class="{kinds.get(event.kind, "")}">{escape(event.text)}</span></div>'
        for event in reversed(status.events)
    ]
    return _block("".join(rows) or _dim("nothing to tell"))


def output(section: AnyOutputSection, state: OutputState | None) -> str:
    """What an output does, in a line, and what is wrong with it in another."""
    if state is None:
        where = f"{section.kind} to {escape(section.host)} port {section.port}"
        return _below(f"{_dim(where)} · {_coloured('silent', 'bad')}")
    parts = [state.kind, escape(state.target), escape(state.actor) or "all actors"]
    parts.append(f"{state.rate_hz:.1f} Hz" if state.enabled else "off")
    parts += [f"at most {state.rate:g} Hz"] if state.rate > 0.0 else []
    line = _dim(" · ".join(parts))
    if state.lost > 0:
        line += _coloured(f" · {state.lost} lost", "poor")
    return _below(line, state.fault)


def recorder(state: RecorderState | None, now_ns: int) -> str:
    """What the recorder does, in a line, and what is wrong with it in another."""
    if state is None:
        return _below(_coloured("the recorder is silent", "bad"))
    free = _dim(_room(state)) if state.free_bytes >= 0 else ""
    if state.recording:
        elapsed = f'<b class="bad">● {_duration(now_ns - state.began_ns)}</b>'
        frames = f", {state.frames:,} frames" if state.frames > 0 else ""
        marks = f", {state.marks} mark{'s' if state.marks > 1 else ''}" if state.marks > 0 else ""
        parts = [elapsed, escape(state.name), _dim(f"{state.records:,} records{frames}{marks}")]
    else:
        parts = [_dim(f"last: {escape(state.name)}") if state.name else _dim("no take yet")]
        parts += [_dim(f"{state.pre_roll_s:.1f} s pre-roll")] if state.pre_roll_s > 0 else []
    lost = [_coloured(f"{state.lost} lost", "bad")] if state.lost > 0 else []
    lost += [_coloured(f"{state.dropped_frames} frames dropped", "bad")] if state.dropped_frames > 0 else []
    line = " · ".join(part for part in (*parts, *lost, free) if part)
    return _below(line, state.fault)


def player(state: PlayerState | None) -> str:
    """What the player does: take, timecode and position, and what is wrong."""
    if state is None:
        return _below(_coloured("the player is silent", "bad"))
    name = escape(state.take) + (f" · {escape(state.track)}" if state.track else "")
    what = {"landmarks": " · landmarks solved again", "frames": " · frames solved again"}.get(state.source, "")
    speed = f" · {state.speed:g} x" if state.speed != 1.0 else ""
    cut = ""
    if state.begin_s > 0.0 or state.end_s < state.seconds - 1e-3:
        cut = f" · {state.begin_s:.2f} to {state.end_s:.2f} s"
    doing = _coloured("playing" if state.playing else "paused", "good" if state.playing else "poor")
    time = f"<b>{escape(state.timecode)}</b> · " if state.timecode else ""
    position = f"{time}{state.position_s:.2f} of {state.seconds:.2f} s"
    return _below(f"{name}{_dim(what)}<br>{doing} · {position}{_dim(speed + cut)}", state.fault)


def _room(state: RecorderState) -> str:
    free = f"{state.free_bytes / 1e9:.0f} GB free"
    hours, minutes = state.minutes_left / 60, state.minutes_left
    if minutes < 0:
        return free
    if hours >= 100:
        return f"{free}, days"
    return f"{free}, {hours:.0f} h" if hours >= 10 else f"{free}, {minutes:.0f} min"


def _below(line: str, fault: str = "") -> str:
    """A line below the element that it explains, and what is wrong."""
    wrong = f"<br>{_coloured(escape(fault), 'bad')}" if fault else ""
    return _block(f'<div class="below">{line}{wrong}</div>')


def _duration(ns: int) -> str:
    minutes, seconds = divmod(max(0, ns // 1_000_000_000), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}" if minutes >= 60 else f"{minutes}:{seconds:02d}"


def _block(content: str) -> str:
    return f'<div class="st">{content}</div>'


def _table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def _dim(text: str) -> str:
    return _coloured(text, "dim")


def _coloured(text: str, kind: str) -> str:
    return f'<span class="{kind}">{text}</span>' if kind else text


def _ago(ns: int) -> str:
    seconds = max(0, ns // 1_000_000_000)
    if seconds < 60:
        return f"{seconds} s ago"
    return f"{seconds // 60} min ago" if seconds < 3600 else f"{seconds // 3600} h ago"
