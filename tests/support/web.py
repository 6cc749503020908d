"""The web hook on a small world: an application that shares the world's database and its movable clock."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from samzip.web.app import assemble
from samzip.web.callers import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from tests.support.world import World

TOKEN = "a-token-of-the-tests"
OTHER_TOKEN = "another-token-of-the-tests"
SECRET = "a-secret-of-the-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Web:
    """Calls as services and browsers make them."""

    world: World
    app: Flask

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def click(self, user: str = "CERTIBOY", company: int | None = None, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post("/requests", json={"user": user, "company": company}, headers=BEARER | named)

    def clicked(self, user: str = "CERTIBOY", company: int | None = None) -> dict[str, Any]:
        """The answer to a click that is accepted."""
        response = self.click(user, company)
        assert response.status_code == 202, response.text
        return body(response)

    def signed(
        self,
        method: str,
        path: str,
        content: bytes = b"",
        *,
        token: str = TOKEN,
        at: int | None = None,
        sent_path: str | None = None,
        sent_content: bytes | None = None,
    ) -> TestResponse:
        """A call that is signed instead of carrying a token. What is sent is what is signed, unless it is given."""
        stamp = int(time.time()) if at is None else at
        headers = {TIMESTAMP_HEADER: str(stamp), SIGNATURE_HEADER: sign(token, stamp, method, path, content)}
        data = content if sent_content is None else sent_content
        return self.client.open(
            sent_path or path, method=method, data=data, headers=headers, content_type="application/json"
        )

    def status(self, accepted: dict[str, Any]) -> dict[str, Any]:
        response = self.client.get(accepted["status_url"])
        assert response.status_code == 200, response.text
        return body(response)

    def published(self, user: str = "CERTIBOY") -> dict[str, Any]:
        """The status of a click that a run has served."""
        accepted = self.clicked(user)
        self.world.run()
        return self.status(accepted)


def make_web(world: World, **changes: Any) -> Web:
    """`changes` are settings as the program has them, not as they are written."""
    settings = replace(world.settings, **{"web_tokens": (TOKEN, OTHER_TOKEN), "web_secret": (SECRET,), **changes})
    app = assemble(settings, world.database)
    app.testing = False  # errors become answers, as they do for customers
    return Web(world, app)


def body(response: TestResponse) -> dict[str, Any]:
    value = json.loads(response.get_data())
    assert isinstance(value, dict)
    return value


def code(response: TestResponse) -> tuple[int, str]:
    """Status and code of a problem document, which must be whole."""
    assert response.mimetype == "application/problem+json", response.text
    document = body(response)
    assert document["status"] == response.status_code
    assert document["type"] == f"urn:samzip:problem:{document['code']}"
    assert document["title"]
    assert document["detail"]
    assert "Traceback" not in response.text
    return response.status_code, document["code"]
