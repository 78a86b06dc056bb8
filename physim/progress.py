"""A bar for whatever lasts longer than two seconds, on a terminal or as plain lines."""

from __future__ import annotations

import sys
import time

PATIENCE = 2.0
EVERY = 15.0


class Progress:
    """`with Progress(total, "simulating") as bar: ... bar.advance()`; silent when the work is short."""

    def __init__(self, total: int, label: str, show: bool = True):
        self.total, self.label, self.show = total, label, show
        self.done, self.started, self.bar, self.said = 0, time.monotonic(), None, -EVERY

    def __enter__(self):
        return self

    def advance(self, count: int = 1) -> None:
        """Count finished pieces; the bar appears after two seconds."""
        self.done += count
        elapsed = time.monotonic() - self.started
        if not self.show or elapsed < PATIENCE:
            return
        if sys.stderr.isatty():
            self._terminal()
        elif elapsed - self.said > EVERY and self.done < self.total:
            self.said = elapsed
            print(f"{self.label}: {self.done}/{self.total} ({elapsed:.0f} s)", file=sys.stderr, flush=True)

    def _terminal(self):
        if self.bar is None:
            from rich.console import Console
            from rich.progress import Progress as Bar

            self.bar = Bar(console=Console(stderr=True), transient=True)
            self.task = self.bar.add_task(self.label, total=self.total)
            self.bar.start()
        self.bar.update(self.task, completed=self.done)

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.stop()
