"""Engines run tasks, which name files; receipts come back. This one is a process, or a pool of them.

Whatever runs a task, and in whatever order they end, the bytes are the same: conversion.py accepts receipts from left to
right, and a task that is run again writes what it wrote.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from mixer.converting import Receipt
from mixer.errors import MixerError
from mixer.tasks import Task, run

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

A = TypeVar("A")
R = TypeVar("R")
_PR_SET_PDEATHSIG = 1


def available_cores() -> int:
    """Count the cores this process may run on."""
    return len(os.sched_getaffinity(0))


class Engine(Protocol):
    """What runs tasks."""

    @property
    def count(self) -> int:
        """How many run at once."""
        ...

    def submit(self, task: Task, *, inline: bool = False) -> Callable[[], Receipt]:
        """Start a task, and give the call that waits for its receipt. `inline` runs it here, when it is waited for."""
        ...

    def call(self, function: Callable[[A], R], argument: A, *, about: str, inline: bool = False) -> Callable[[], R]:
        """Start a function of a module on an argument, both small pickles, and give the call that waits for its result.

        `about` names what it works on, should its process die.
        """
        ...

    def settle(self) -> None:
        """Drop the tasks that have not begun and wait for those that have: nothing is written after this."""
        ...


@contextmanager
def running(workers: int | Engine) -> Iterator[Engine]:
    """Give an engine: so many processes, ended on leaving, or one that its caller runs and ends."""
    if isinstance(workers, int):
        with Workers(workers) as started:
            yield started
    else:
        yield workers


class Workers:
    """Runs tasks on `count` processes, started when first needed; with one, in this process."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None
        self._running: list[Future[Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, task: Task, *, inline: bool = False) -> Callable[[], Receipt]:
        """See Engine."""
        return self.call(run, task, about=str(task.path), inline=inline)

    def call(self, function: Callable[[A], R], argument: A, *, about: str, inline: bool = False) -> Callable[[], R]:
        """See Engine."""
        if inline or self.count == 1:
            return lambda: function(argument)
        if self._pool is None:
            from concurrent.futures import ProcessPoolExecutor
            from multiprocessing import get_context

            # Workers are spawned: polars, which this process may hold, is not safe to fork.
            self._pool = ProcessPoolExecutor(self.count, get_context("spawn"), initializer=_settle_in)
        future = self._pool.submit(function, argument)
        self._running.append(future)

        def result() -> R:
            from concurrent.futures.process import BrokenProcessPool

            try:
                return future.result()
            except BrokenProcessPool:
                raise MixerError(
                    f"{about}: a worker process died while working on it, perhaps for lack of memory; "
                    "try again with fewer --workers"
                ) from None

        return result

    def settle(self) -> None:
        """See Engine."""
        from concurrent.futures import wait

        for future in self._running:
            future.cancel()
        wait(self._running)
        self._running.clear()


def _settle_in() -> None:
    """Leave Ctrl-C, which reaches every process of the terminal, to the driver; use one thread a process."""
    from multiprocessing import parent_process

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:  # Linux: a worker never outlives a driver that was killed
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        driver = parent_process()
        if driver is not None and os.getppid() != driver.pid:  # it died before we asked
            os._exit(1)
    os.environ["POLARS_MAX_THREADS"] = "1"
