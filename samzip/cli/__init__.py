"""The command line: one module for each command, loaded only when it is called."""

from __future__ import annotations

import importlib
import signal
import sys

import click

from samzip import __version__
from samzip.cli.frame import JSON_FLAG, fail, open_streams, print_json, wants_json
from samzip.errors import SamzipError, UsageProblem, as_told

INTERRUPTED = 130
COMMANDS = {
    "init": "Create the tables, or adopt SAM's database.",
    "demo-data": "Fill an empty database and media folder with a sample company.",
    "request": "Ask for a company's archive, as a click does.",
    "run": "Build and publish what was asked for.",
    "status": "Show the queue, runs and archives.",
    "show": "Tell the story of one request.",
    "cancel": "Stop a request that waits or is being built.",
    "retry": "Put a failed, expired or cancelled request back into the queue.",
    "verify": "Re-read published archives against their checksums.",
    "purge": "Remove what nobody needs: orphans, leftovers, old requests.",
    "serve": "Serve the web hook: clicks, the page that follows them, downloads.",
    "doctor": "Tell what may keep samzip from working here, and what to do about it.",
    "config": "Show every setting and where it comes from.",
    "install-units": "Put services, timers and settings into place, with the paths of this host.",
    "selftest": "Kill real runs on this machine and check that nothing was lost.",
    "completion": "Print what makes a shell complete commands and options.",
    "man": "Print the manual page.",
}


class _Commands(click.Group):
    """Knows the commands' names; imports the module of the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"samzip.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """A setting stands behind the command that it is for."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            from samzip.options import OPTIONS  # for a mistake only

            if error.option_name in ("--config", *(option.flag for option in OPTIONS)):
                name = error.option_name
                hint = f"{name} belongs behind the command: samzip status {name} ..."
                raise click.UsageError(hint, ctx) from error
            raise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            import difflib  # for a mistake only

            near = difflib.get_close_matches(name, COMMANDS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"There is no command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """With --json, a usage error is an object on stderr like any other. Ctrl-C ends with 130, whenever it comes."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("samzip: interrupted", err=True)
            sys.exit(INTERRUPTED)
        except click.UsageError as error:
            if ctx.obj == JSON_FLAG:
                raise UsageProblem(error.format_message()) from error
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    if context.obj == JSON_FLAG:
        from samzip.doctor.versions import versions

        print_json(versions())
    else:
        click.echo(f"samzip {__version__}")
    context.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
@click.option(JSON_FLAG, "as_json", is_flag=True, help="With --version: also those of Python and libraries, as JSON.")
def group(as_json: bool) -> None:
    """Turn clicks on "Descargar ZIP" into archives that a company can download.

    A first day: samzip init, samzip demo-data, samzip request --user CERTIBOY, samzip run.
    Every command takes every setting as a flag, and ignores what it has no use for; `samzip config` lists them.
    """
    if as_json:
        raise click.UsageError("--json belongs behind the command: samzip status --json")


def main(args: list[str] | None = None) -> None:
    """Runs a command and exits with its code; an error is advice, never a traceback."""
    arguments = sys.argv[1:] if args is None else args
    as_json = wants_json(arguments)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as __main__ left it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    open_streams()
    try:
        group.main(args=arguments, prog_name="samzip", standalone_mode=True, obj=JSON_FLAG if as_json else None)
    except SamzipError as error:
        fail(error, as_json=as_json)
    except Exception as error:
        if "debug" in arguments:  # as in --log-level debug: whoever asks for it gets the traceback
            raise
        fail(as_told(error), as_json=as_json)
