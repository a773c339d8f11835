"""What each stage of a run takes, seen by the very process that does it: seconds, memory, bytes, messages."""

from __future__ import annotations

import pickle
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from measure import INTERVAL

from mixer.processes import _settle_in


@dataclass
class Stage:
    """What a stage took."""

    name: str
    records: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    """Bytes of private memory of the process, its code and libraries too."""
    read: int = 0
    """Bytes of files; what is mapped does not count."""
    written: int = 0
    messages: int = 0
    sent: int = 0
    """Bytes of tasks."""
    answered: int = 0
    """Bytes of results."""


def now() -> Stage:
    """Say what this process took until now."""
    counted = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return Stage(
        "", wall=time.perf_counter(), cpu=time.process_time(), read=int(counted["rchar"]), written=int(counted["wchar"])
    )


def held() -> int:
    """Give the private memory of this process now, in bytes."""
    lines = Path("/proc/self/status").read_bytes().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(b"RssAnon"))


def add(stage: Stage, took: Stage, sign: int = 1) -> None:
    """Add to a stage what another took of time and files."""
    for name in ("wall", "cpu", "read", "written"):
        setattr(stage, name, getattr(stage, name) + sign * getattr(took, name))


class Meter:
    """Tells the stages of this process apart."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self._stage: Stage | None = None
        self._began = now()
        threading.Thread(target=self._look, daemon=True).start()

    def at(self, name: str, records: int = 0) -> Stage:
        """End a stage and begin the next, of which so many records are known."""
        self.end()
        stage = self._stage = Stage(name, records)
        self.stages.append(stage)
        self._began = now()
        return stage

    def end(self) -> None:
        """End a stage, if there is one."""
        if self._stage is not None:
            here, last, self._stage = now(), self._stage, None
            last.peak = max(last.peak, held())
            add(last, here)
            add(last, self._began, -1)

    def done(self) -> list[dict[str, Any]]:
        """End the last stage and give all, as plain values."""
        self.end()
        return [asdict(stage) for stage in self.stages]

    def _look(self) -> None:
        while True:
            stage = self._stage
            if stage is not None:
                stage.peak = max(stage.peak, held())
            time.sleep(INTERVAL)


class Engine:
    """An engine of one other process, or of none that answers as it is told; a stage begins with its first task."""

    count = 1

    def __init__(self, meter: Meter, answer: Callable[[Any, Any], Any] | None = None) -> None:
        self._meter, self._answer = meter, answer
        self._pool = None if answer else ProcessPoolExecutor(1, get_context("spawn"), initializer=_settle_in)
        self._stages: dict[str, Stage] = {}
        self.tasks: list[Stage] = []
        """What the tasks took of the other process, all of a kind together."""

    def call(self, function: Any, argument: Any, *, about: str, inline: bool = False) -> Callable[[], Any]:
        """See processes.Engine."""
        name = function.__name__
        if name not in self._stages:
            self._stages[name] = self._meter.at(name)
            self.tasks.append(Stage(name))
        stage, task = self._stages[name], next(each for each in self.tasks if each.name == name)
        stage.messages += 1
        stage.sent += len(pickle.dumps((function, argument)))
        if self._pool is not None:
            ready = self._pool.submit(metered, function, argument).result
        else:
            assert self._answer is not None
            given = self._answer(function, argument)

            def ready() -> tuple[Any, Stage]:
                return given, Stage(name)

        def result() -> Any:
            answer, took = ready()
            stage.answered += len(pickle.dumps(answer))
            task.peak = max(task.peak, took.peak)
            add(task, took)
            return answer

        return result

    def submit(self, task: Any, *, inline: bool = False) -> Callable[[], Any]:
        """See processes.Engine."""
        raise NotImplementedError(f"nothing is converted here: {task}")

    def settle(self) -> None:
        """See processes.Engine."""

    def close(self) -> None:
        """End the other process."""
        if self._pool is not None:
            self._pool.shutdown()


_METER: deque[Meter] = deque(maxlen=1)


def metered(function: Callable[[Any], Any], argument: Any) -> tuple[Any, Stage]:
    """Do a task, and say what it took of the process that does it."""
    if not _METER:
        _METER.append(Meter())
    meter = _METER[0]
    stage = meter.at(function.__name__)
    answer = function(argument)
    meter.end()
    return answer, stage
