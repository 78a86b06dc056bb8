"""Where and with what a benchmark was measured."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import subprocess
from pathlib import Path


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def facts() -> dict:
    """Processor, vector units, cores, load, versions, commit and date."""
    from physim.store import versions

    known = versions()
    model, flags = processor()
    return {
        "processor": model,
        "avx2": "avx2" in flags,
        "avx512": "avx512f" in flags,
        "cores": cores(),
        "load_before": round(os.getloadavg()[0], 2),
        "versions": {name: version for name, version in known["versions"].items() if version} | {"g++": compiler()},
        "commit": known["commit"],
        "date": datetime.date.today().isoformat(),
    }


def processor() -> tuple[str, set[str]]:
    """Model name and feature flags, as far as the system states them."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine(), set()
    fields = {}
    for line in info.read_text().splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    return fields.get("model name", platform.machine()), set(fields.get("flags", "").split())


def compiler() -> str | None:
    """Version of g++, None without one."""
    if not shutil.which("g++"):
        return None
    return subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, check=False).stdout.strip()
