"""samzip completion"""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print what makes a shell complete samzip's commands and options.

    \b
    Examples:
      samzip completion bash > /etc/bash_completion.d/samzip
      samzip completion zsh > "${fpath[1]}/_samzip"
      samzip completion fish > ~/.config/fish/completions/samzip.fish
    """
    from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

    from samzip.cli import group

    kind = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}[shell]
    # The base class's: bash's own first asks the bash of this host for its version.
    click.echo(ShellComplete.source(kind(group, {}, "samzip", "_SAMZIP_COMPLETE")))
