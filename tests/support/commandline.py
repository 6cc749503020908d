"""samzip's command lines in files that are not Python."""

from __future__ import annotations

from collections.abc import Sequence

import click

from samzip.cli import group


def unknown_words(words: Sequence[str]) -> list[str]:
    """Of `words` after `samzip`: a command or options that there are not."""
    command = group.get_command(click.Context(group), words[0])
    if command is None:
        return list(words[:1])
    known = {flag for it in command.params for flag in (*it.opts, *it.secondary_opts)} | {"-h", "--help"}
    return [word for word in words[1:] if word.startswith("-") and word not in known]
