"""samzip serve"""

from __future__ import annotations

from typing import Any

import click

from samzip.cli.frame import json_option, print_json, read_settings, takes_settings


@click.command("serve")
@click.option("--port", type=click.IntRange(0, 65535), default=8070, show_default=True, help="Port; 0: a free one.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; this host alone reaches it."
)
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes.")
@click.option(
    "--threads", type=click.IntRange(1, 1000), default=128, show_default=True, help="Calls that a process has in work."
)
@takes_settings("database_url", "archive_root", "state_dir", "web_url", "web_rate", "web_sendfile")
@json_option
def command(host: str, port: int, workers: int, threads: int, as_json: bool, **given: Any) -> None:
    """Serve the web hook: clicks from SAM, the page that follows them, signed downloads. Ends with SIGTERM.

    A web server with TLS belongs in front of it. It builds nothing: `samzip run` does. Needs the extra samzip[web].

    \b
    Examples:
      samzip serve --port 8070
      samzip serve --workers 4 --web-url https://sam.example.com/zip
    """
    from samzip.app import ready_database

    settings = read_settings(given)
    with ready_database(settings):
        pass  # better said now than at the first click
    server, create_app = _web()

    def ready(bound: int) -> None:
        address = f"http://{f'[{host}]' if ':' in host else host}:{bound}"
        if as_json:
            print_json({"address": address, "workers": workers})
        else:
            click.echo(f"Serving {address}")

    server(create_app(settings), host=host, port=port, workers=workers, threads=threads, ready=ready).run()


def _web() -> tuple[Any, Any]:
    """Raises BadSetting where the extra is not installed."""
    try:
        from samzip.web import create_app
        from samzip.web.server import Server
    except ModuleNotFoundError as error:
        from samzip.errors import BadSetting

        raise BadSetting(f"the web hook needs {error.name}: pip install 'samzip[web]'") from error
    return Server, create_app
