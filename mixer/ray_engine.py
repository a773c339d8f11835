"""The engine on a Ray cluster: every task is a Ray task. The nodes share the raw files and the store at the same paths.

Ray runs a task again when its node dies; what a dead task left is written over. Nothing passes through Ray's own store
but names of files and receipts.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from mixer.converting import Receipt
from mixer.errors import MixerError
from mixer.extras import need
from mixer.tasks import Task, run

A = TypeVar("A")
R = TypeVar("R")
RETRIES = 5
"""How often a task may lose its worker."""


class RayEngine:
    """Runs tasks on the nodes of a cluster, or, without an address, on this machine's cores through Ray."""

    def __init__(self, address: str | None = None) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self._ray: Any = need("ray", "ray")
        self._address = address
        self._running: list[Any] = []
        self.count = 1

    def __enter__(self) -> Self:
        """Join the cluster. Raises MixerError where there is none."""
        try:
            self._ray.init(
                address=self._address or "local",
                include_dashboard=None if self._address else False,
                log_to_driver=False,
                logging_level="error",
                runtime_env={"env_vars": {"POLARS_MAX_THREADS": "1"}},
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise MixerError(f"ray {self._address}: {str(error).splitlines()[0]}; is the cluster up?") from error
        self.count = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ray.shutdown()

    def submit(self, task: Task, *, inline: bool = False) -> Callable[[], Receipt]:
        """See processes.Engine."""
        return self.call(run, task, about=str(task.path), inline=inline)

    def call(self, function: Callable[[A], R], argument: A, *, about: str, inline: bool = False) -> Callable[[], R]:
        """See processes.Engine."""
        if inline:
            return lambda: function(argument)
        reference = self._ray.remote(function).options(max_retries=RETRIES).remote(argument)
        self._running.append(reference)

        def result() -> R:
            try:
                value: R = self._ray.get(reference)
                self._running.remove(reference)
            except self._ray.exceptions.RayTaskError as error:  # the task's own error, wrapped with its traceback
                raise error.cause from None
            except self._ray.exceptions.RayError as error:
                raise MixerError(
                    f"{about}: {RETRIES + 1} workers in a row were lost while working on it "
                    f"({type(error).__name__}), perhaps for lack of memory"
                ) from None
            return value

        return result

    def settle(self) -> None:
        """See processes.Engine."""
        if not self._running:
            return
        # To cancel a task that ends at this moment can bring Ray down, so those that have ended are left alone.
        _, running = self._ray.wait(self._running, num_returns=len(self._running), timeout=0)
        for reference in running:
            self._ray.cancel(reference)
        if running:
            self._ray.wait(running, num_returns=len(running))
        self._running.clear()
