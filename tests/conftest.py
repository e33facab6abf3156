"""What every test gets: few threads, and a cache of its own only where it asks for one."""

from __future__ import annotations

import os

# Before any numerical library is imported: tests run beside each other on few cores.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
# The libraries in use report nothing to anybody.
os.environ.setdefault("OPENVINO_TELEMETRY", "0")
