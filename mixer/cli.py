"""The command line: parse, call, print, exit code. Everything else is elsewhere.

Results go to standard output, progress and errors to standard error. Exit codes: 0 done (`diff`: the same), 1 data,
shortage or integrity (`diff`: different), 2 command line or recipe text, 130 Ctrl-C.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import click

from mixer import __version__
from mixer.commands import (
    cache,
    check,
    dedup,
    embed,
    export,
    fetch,
    media,
    mixing,
    options,
    report,
    sample,
    slurm,
    sources,
)
from mixer.errors import MixerError


class _Commands(click.Group):
    """Turns our errors into one line and an exit code, whatever command raised them."""

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        # One core gathers records; polars' threads would only take turns with it.
        os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, len(os.sched_getaffinity(0)) - 1)))
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _stop)
        try:
            return super().invoke(ctx)
        except MixerError as error:
            for line in str(error).splitlines():
                options.complain(f"{click.style('error:', fg='red')} {line}")
            ctx.exit(error.exit_code)
        except BrokenPipeError:  # whoever read our output has enough: click ends without a word
            raise
        except OSError as error:  # a full disk, a folder that may not be written: the system's word on the user's files
            said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            options.complain(f"{click.style('error:', fg='red')} {said}")
            ctx.exit(1)
        except KeyboardInterrupt as stopped:
            resumed = ctx.invoked_subcommand in ("embed", "fetch")
            options.complain(f"stopped; {'run again to go on' if resumed else 'nothing was changed'}")
            ctx.exit(stopped.args[0] if stopped.args else 130)


def _stop(number: int, _frame: object) -> None:
    """End on a signal as on Ctrl-C: workers settle, nothing stays behind."""
    raise KeyboardInterrupt(128 + number)


CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@click.group(cls=_Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="mixer")
def main() -> None:
    """Turn published vision-language datasets into one reproducible training mix."""


for _command in (
    mixing.build, mixing.plan, mixing.verify, mixing.diff, sources.convert, sources.sources, sources.schema, cache.cache,
    check.check, dedup.dedup, embed.embed, media.media, media.repair, report.report, sample.sample,
    slurm.slurm, export.export, export.handoff, fetch.fetch,
):  # fmt: skip
    main.add_command(_command)

if __name__ == "__main__":
    main()
