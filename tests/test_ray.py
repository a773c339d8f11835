"""Slow: a cluster of two nodes on this machine gives the bytes of one process, also when one of them dies half-way.

`make ray` installs what it needs and runs it; without Ray it is skipped. Nodes are two addresses of the loopback
network, each with a core of its own, as far as Ray knows.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import files_of, recipe, write_talk
from test_parts import EVERY_OUTPUT, draw_media
from test_slices import LEAVES

from mixer import build, conversion, partitioning

pytest.importorskip("ray", reason="no Ray here: `make ray` installs it")
pytestmark = pytest.mark.filterwarnings("ignore")

from mixer.ray_engine import RayEngine  # noqa: E402 - only where there is Ray

HEAD, SECOND = "127.0.0.2", "127.0.0.3"


def start(*arguments):
    """Start a node, which lives on."""
    command = [str(Path(sys.executable).with_name("ray")), "start", "--num-cpus", "1", "--disable-usage-stats"]
    env = {**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    subprocess.run([*command, *arguments], env=env, check=True, capture_output=True)


def kill(*words):
    """Kill the processes whose command line holds all words, and count them."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if int(path.parent.name) != os.getpid() and all(word in line for word in words):
                os.kill(int(path.parent.name), signal.SIGKILL)
                found += 1
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.fixture
def address(monkeypatch):
    """Start two nodes; give the cluster's address."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with socket.socket() as free:
        free.bind((HEAD, 0))
        port = free.getsockname()[1]
    start("--head", "--node-ip-address", HEAD, "--port", str(port), "--include-dashboard=false")
    start("--address", f"{HEAD}:{port}", "--node-ip-address", SECOND)
    yield f"{HEAD}:{port}"
    kill(f"{HEAD}:{port}")
    kill("gcs_server", str(port))


@pytest.fixture
def built(tmp_path, cache, monkeypatch):
    """Build for all targets with one process; give what builds again, and the files.

    When it builds again, spans, runs and buckets are small.
    """
    write_talk(tmp_path, "one", 900)
    write_talk(tmp_path, "two", 700, start=600)
    media = draw_media(tmp_path / "media", [f"{part}/{number}.jpg" for part in "ab" for number in range(1300)])
    path = recipe(tmp_path, sources=LEAVES, output=EVERY_OUTPUT)
    made = files_of(build(path, tmp_path / "direct" / "mix", media=media, cache=tmp_path / "first store").path)
    for module, name, value in (
        (conversion, "SPAN", 10_000),
        (conversion, "SMALL", 0),
        (partitioning, "SMALL", 0),
        (partitioning, "SHARE", 1),
    ):
        monkeypatch.setattr(module, name, value)

    def again(workers):
        return files_of(build(path, tmp_path / "mix", media=media, cache=cache, workers=workers, memory=30_000).path)

    return again, made


@pytest.mark.parametrize("count", [1, 2, 4])
def test_processes(built, count):
    """One, two and four processes of this machine."""
    again, made = built

    assert again(count) == made


def test_two_nodes(built, address):
    """Everything is done by tasks of a cluster."""
    again, made = built

    with RayEngine(address) as engine:
        assert engine.count == 2
        assert again(engine) == made


class Losing(RayEngine):
    """Loses its second node after so many tasks."""

    left = 0
    killed = 0

    def call(self, *arguments, **named):
        """See processes.Engine."""
        given = super().call(*arguments, **named)
        self.left -= 1
        if not self.left:
            time.sleep(0.5)  # by now it runs some
            self.killed = kill("raylet/raylet", SECOND, self._address)
        return given


@pytest.mark.parametrize("left", [5, 31])
def test_a_node_dies(built, address, left):
    """While sources are converted, and while the mix is put in slices: what it did, or had begun, is done again."""
    again, made = built

    with Losing(address) as engine:
        engine.left = left
        assert again(engine) == made
        assert engine.killed == 1
