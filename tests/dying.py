"""Runs the command line and kills itself right before its n-th change of the disk: python dying.py N ARGUMENT...

With N = 0 it lives, and prints the number of changes it made as its last line. A write is cut in half by the kill.
"""

from __future__ import annotations

import os
import signal
import sys

from mixer import atomic

LAST = int(sys.argv[1])
done = 0


def step():
    """Count one change of the disk; die at the chosen one."""
    global done  # noqa: PLW0603 - one counter for the process
    done += 1
    if done == LAST:
        os.kill(os.getpid(), signal.SIGKILL)


def mortal(function):
    """Make a system call one that the process may die before."""

    def call(*arguments, **named):
        step()
        return function(*arguments, **named)

    return call


def half_write(self, block, whole=atomic.DurableFile.write):
    """Write a block in two steps, so that a kill can fall between."""
    step()
    whole(self, bytes(block[: len(block) // 2]))
    step()
    whole(self, bytes(block[len(block) // 2 :]))


for name in ("fsync", "rename", "replace", "mkdir", "unlink", "rmdir"):
    setattr(os, name, mortal(getattr(os, name)))
atomic.exchange = mortal(atomic.exchange)
atomic.DurableFile.write = half_write

if __name__ == "__main__":
    from mixer.cli import main

    main(sys.argv[2:], standalone_mode=False)
    print(done)
