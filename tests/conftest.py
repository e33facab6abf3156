"""What every test gets: few threads, and property tests without a stopwatch."""

from __future__ import annotations

import os

from hypothesis import settings

# Before any numerical library is imported: tests run beside each other on few cores.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# How long one example takes says more about the machine's other work than about the code.
settings.register_profile("stage", deadline=None)
settings.load_profile("stage")
