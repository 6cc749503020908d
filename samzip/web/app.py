"""Makes the WSGI application: wires settings to database, archives, links and the counting of clicks."""

from __future__ import annotations

import os
import weakref
from typing import Any

from flask import Flask, Response, has_request_context, request
from werkzeug.routing import BaseConverter

from samzip.database import Database, open_database
from samzip.errors import BadSetting
from samzip.settings import Settings, load
from samzip.storage import open_store
from samzip.web import api, page, problems
from samzip.web.bodies import receive
from samzip.web.clicks import Clicks
from samzip.web.hook import Hook, Url
from samzip.web.links import Links
from samzip.web.rates import Rates
from samzip.web.writes import Writes

BODY_LIMIT = 16 * 1024  # bytes; the largest body that makes sense has some 200
PATIENCE_S = 3  # for the database, while a person waits
SECRET_LENGTH = 16  # characters


class _Id(BaseConverter):
    """A positive number that fits a bigint; any other spelling of it is no address."""

    regex = r"[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value)


def create_app(settings: Settings | None = None) -> Flask:
    """The hook as a WSGI application, to be served by itself or mounted in another.

    It connects to the database only when it is called, and may be made before a server forks its workers. Settings are
    read from the environment and samzip.toml unless given. Raises BadSetting.
    """
    settings = settings or load({}, os.environ)
    _require_secrets(settings)
    database = open_database(settings.database_url, patience_s=PATIENCE_S, keep_open=True)
    app = assemble(settings, database)
    _leave_to_the_parent(app.extensions["samzip"])
    return app


def assemble(settings: Settings, database: Database) -> Flask:
    """The application on an open database."""
    app = Flask("samzip.web", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=BODY_LIMIT, MAX_FORM_MEMORY_SIZE=BODY_LIMIT)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.converters["id"] = _Id
    app.url_map.merge_slashes = False
    problems.install(app)
    app.before_request(lambda: receive(request))
    app.register_blueprint(api.blueprint)
    app.register_blueprint(page.blueprint)
    app.extensions["samzip"] = Hook(
        settings=settings,
        database=database,
        archives=open_store(settings.archive_root),
        writes=Writes(database),
        links=Links(settings.web_secret),
        clicks=Clicks(Rates(app, settings, database), settings.part_size, settings.history),
        url=_urls(app, settings),
    )
    app.after_request(_harden)
    return app


def _urls(app: Flask, settings: Settings) -> Url:
    adapter = app.url_map.bind("localhost")

    def url(endpoint: str, **values: Any) -> str:
        base = settings.web_url or (request.url_root.rstrip("/") if has_request_context() else "")
        return base + adapter.build(endpoint, values)

    return url


def _harden(response: Response) -> Response:
    """For every answer; a page that needs more allows it itself."""
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")  # addresses are credentials
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers.setdefault("Cache-Control", "no-store")
    return response


def _require_secrets(settings: Settings) -> None:
    for name, values in (("web_tokens", settings.web_tokens), ("web_secret", settings.web_secret)):
        if not values or min(map(len, values)) < SECRET_LENGTH:
            raise BadSetting(
                f"{name} (from {settings.sources[name]}): the web hook needs {SECRET_LENGTH} characters or more each; "
                'make one with: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
            )


def _leave_to_the_parent(hook: Hook) -> None:
    """A forked worker must neither talk on its parent's connections, nor close them, nor wait for its threads."""
    engine, writes = weakref.ref(hook.database.engine), weakref.ref(hook.writes)
    parents: list[object] = []  # nothing collects them, which would close them

    def forget() -> None:
        if (mine := engine()) is not None:
            parents.append(mine.pool)
            mine.dispose(close=False)
        if (waiting := writes()) is not None:
            waiting.begin_anew()

    os.register_at_fork(after_in_child=forget)
