"""A probe's summary in lines of text."""

from __future__ import annotations

from collections.abc import Mapping

from stage.probing.inspector import InspectionReport


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
