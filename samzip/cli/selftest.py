"""samzip selftest"""

from __future__ import annotations

import random
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from samzip.cli.frame import json_option, print_json, read_settings, takes_settings

if TYPE_CHECKING:
    from samzip.selftest.rounds import Killed, Result

INTERRUPTED = 130


@click.command("selftest")
@click.option(
    "--kills", type=click.IntRange(1, 10_000), default=25, show_default=True, help="Runs to kill; each takes about 2 s."
)
@click.option("--seed", type=click.IntRange(0), help="Repeats a test that printed this number. Default: a new one.")
@takes_settings("archive_root", "media_root", "state_dir", "jobs")
@json_option
def command(kills: int, seed: int | None, as_json: bool, **given: Any) -> None:
    """Kill real runs on this machine and check that nothing was lost.

    It makes a small company with a database of its own in the state folder and lets real runs publish its archives
    into a new folder on your archive storage, or below a new name in your bucket. Runs are killed with SIGKILL at
    moments spread over their whole length; after each the next run must put everything right. Your own database,
    documents and archives are neither read nor changed. What the test makes (its name begins with samzip-selftest-)
    goes when it ends, or with a test a minute later where it was killed.

    Counted are requests that were lost (after the next run neither delivered, nor waiting, nor failed with a reason),
    archives that were torn when anyone could see them, parts built twice, and files or rows left over.

    Exit codes: 0 all four are zero and everything was delivered, 1 not so, 12 storage.

    \b
    Example:
      samzip selftest --kills 100
    """
    from samzip.selftest.arena import open_arena
    from samzip.selftest.rounds import run_rounds

    settings = read_settings(given)
    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    try:
        with _ended_by_signals(), open_arena(settings, random.Random(chosen)) as arena:  # noqa: S311 -- a repeatable test
            if not as_json:
                click.echo(f"Killing {kills} runs; seed {chosen}; archives in {arena.archives.url}.")
            result = run_rounds(arena, kills, chosen, (lambda _: None) if as_json else _tell)
    except KeyboardInterrupt:
        click.echo("samzip: interrupted; what may be left of it goes with the next test", err=True)
        sys.exit(INTERRUPTED)
    code = 1 if result.broken or result.undelivered else 0
    if as_json:
        print_json({"seed": chosen, **_counts(result), "broken": result.broken.words(), "exit": code})
    else:
        _show(result)
    sys.exit(code)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """So that the folders go then, too: SIGTERM, and SIGHUP of a terminal that is gone, unless nohup is in front."""

    def end(number: int, _frame: FrameType | None) -> None:
        for other in heard:  # a terminal that closes sends several
            signal.signal(other, signal.SIG_IGN)
        sys.exit(128 + number)

    heard = [it for it in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(it) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(killed: Killed) -> None:
    state = "broken" if killed.broken else "ok"
    click.echo(f"kill {killed.number:>{len(str(killed.kills))}} of {killed.kills}  after {killed.after:.2f} s  {state}")


def _show(result: Result) -> None:
    click.echo(f"An undisturbed run takes {result.undisturbed:.2f} s.")
    for name, count in _counts(result).items():
        click.echo(f"{name.replace('_', ' '):<12}{count:>6}")
    for words in result.broken.words():
        click.echo(f"  {words}")
    if result.undelivered:
        click.echo(f"  not delivered: {result.undelivered}; the last run was not killed and should have")


def _counts(result: Result) -> dict[str, int]:
    broken = result.broken
    return {
        "kills": result.kills,
        "requests": sum(result.requests.values()),
        "delivered": result.requests["delivered"],
        "waiting": result.requests["waiting"],
        "failed": result.requests["failed"],
        "lost": len(broken.lost),
        "torn": len(broken.torn),
        "twice": len(broken.twice),
        "left_over": len(broken.left_over),
    }
