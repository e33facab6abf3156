"""`python -m benchmarks` runs all benchmarks, one after the other; `--list` names them.

A benchmark is a module of this package with a `main`; the first line of its docstring says what
it claims.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent


def benchmarks() -> dict[str, str]:
    """Name and claim of every benchmark; nothing is imported."""
    found = {}
    for path in sorted(_FOLDER.glob("*.py")):
        module = ast.parse(path.read_text())
        has_main = any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in module.body)
        if has_main and not path.name.startswith("_"):
            found[path.stem] = (ast.get_docstring(module) or "").partition("\n")[0]
    return found


def run(arguments: list[str]) -> int:
    """Lists or runs; the status is that of the first benchmark that failed to run."""
    known = benchmarks()
    if arguments == ["--list"]:
        width = max(map(len, known), default=0)
        for name, claim in known.items():
            print(f"{name:{width}}  {claim}")
        return 0
    unknown = [name for name in arguments if name not in known]
    if len(unknown) > 0:
        print(f"benchmarks: error: no benchmark {unknown[0]!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    statuses = [
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=_FOLDER.parent, check=False).returncode
        for name in arguments or known
    ]
    return next((status for status in statuses if status != 0), 0)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
