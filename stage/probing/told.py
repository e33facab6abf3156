"""What a probe tells: lines of text, and a file for programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from stage.probing.inspector import InspectionReport


def write_report(report: InspectionReport, path: Path) -> None:
    """All of it, as JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def latency_told(report: InspectionReport) -> list[str]:
    """How late it comes, if that can be told."""
    latency = report.timing.latency
    return [] if latency is None else [f"latency p50 {latency.p50_ms:.1f} ms, p99 {latency.p99_ms:.1f} ms"]


def faults_told(report: InspectionReport) -> str:
    """How much is wrong."""
    return f"faults {sum(finding.count for finding in report.findings)}"


def rows_told(rows: Mapping[str, str]) -> list[str]:
    """Names and texts in two columns."""
    width = max(map(len, rows))
    return [f"{name:<{width}}  {text}" for name, text in rows.items()]


def findings_told(report: InspectionReport) -> list[str]:
    """What is wrong, or that nothing is."""
    if not report.findings:
        return ["nothing is wrong with it"]
    lines = ["what is wrong:"]
    for finding in report.findings:
        example = f" (such as {finding.example})" if finding.example else ""
        lines.append(f"  {finding.count} x {finding.fault}{example}")
    return lines
