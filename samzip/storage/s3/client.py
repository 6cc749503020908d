"""How a bucket is reached: endpoint, region, path style and credentials, as AWS' tools take them from the environment.

obstore moves the bytes. boto3 does what obstore cannot: find and abort multipart uploads, copy more than 5 GiB, sign an
address that names the file, and read AWS' own profiles. It is imported when one of these is needed.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from obstore.exceptions import BaseError

from samzip.errors import BadSetting, BucketFailed, SamzipError
from samzip.storage import is_patient
from samzip.threads import Abandoned, awaited, in_thread

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Store

T = TypeVar("T")
R = TypeVar("R")

ROLE = "169.254.169.254"  # where a machine of AWS asks for the keys of its role
RETRY: RetryConfig = {  # exponential, with jitter; it counts from a request's beginning
    "max_retries": 8,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=10), "base": 2},
}
WORKER_RETRY: RetryConfig = {  # 10 to 30 s: a server may restart
    **RETRY,
    "max_retries": 14,
    "backoff": {"init_backoff": timedelta(milliseconds=500), "max_backoff": timedelta(seconds=5), "base": 2},
}
REQUEST: ClientConfig = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=60)}
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_S3_ENDPOINT_URL")  # the last one is SAM's
ANSWER = re.compile(r"(?:<\?xml[^>]*\?>)?\s*<Error\b.*</Error>")
CAUSES = {  # in obstore's chain of them
    "CaUsedAsEndEntity": "its certificate is an authority's own (CA:TRUE), which is none for a server",
    "InvalidCertificate": "its certificate is not one that this host trusts: AWS_CA_BUNDLE names a file of authorities",
    "InvalidContentType": "it does not speak TLS: is its address http://?",
    "InvalidMessage": "it does not speak TLS: is its address http://?",
}
SYSTEM_SAYS = re.compile(r'(?:message|error): "([^"]+)"')
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_S3_REGION_NAME")


@dataclass(frozen=True, slots=True)
class Access:
    """What the environment says."""

    endpoint: str | None  # None: AWS' own
    region: str | None
    is_virtual: bool  # the bucket is part of the host's name
    has_profile: bool  # credentials are in AWS' files, which obstore does not read
    authorities: str | None  # a file of those who sign certificates; None: the system's


def access(environ: Mapping[str, str]) -> Access:
    """Raises BadSetting."""
    endpoint = next((environ[name] for name in ENDPOINTS if environ.get(name)), None)
    if endpoint and "@" in endpoint:
        raise BadSetting("an S3 endpoint has no name and password in it: those are AWS_ACCESS_KEY_ID and its secret")
    if endpoint and not endpoint.startswith(("https://", "http://")):
        raise BadSetting(f"{endpoint}: an S3 endpoint is an address such as https://s3.example.com")
    region = next((environ[name] for name in REGIONS if environ.get(name)), None)
    virtual = environ.get("AWS_S3_ADDRESSING_STYLE") or environ.get("AWS_VIRTUAL_HOSTED_STYLE_REQUEST") or ""
    home = environ.get("HOME", "/")
    files = (
        environ.get("AWS_SHARED_CREDENTIALS_FILE") or f"{home}/.aws/credentials",
        environ.get("AWS_CONFIG_FILE") or f"{home}/.aws/config",
    )
    has_files = bool(environ.get("AWS_PROFILE")) or any(os.access(file, os.R_OK) for file in files)
    return Access(
        endpoint=endpoint.rstrip("/") if endpoint else None,
        region=region,
        is_virtual=virtual.lower() in ("virtual", "true", "1"),
        has_profile=has_files and not environ.get("AWS_ACCESS_KEY_ID"),
        authorities=environ.get("AWS_CA_BUNDLE") or environ.get("SSL_CERT_FILE") or None,
    )


def bucket(name: str) -> S3Store:
    """obstore's client of a bucket; one for each process, so that connections are kept. Raises BadSetting."""
    return _bucket(name, access(os.environ), os.environ.get("AWS_ACCESS_KEY_ID"), os.getpid(), is_patient())


@cache
def _bucket(name: str, found: Access, _key: str | None, _process: int, patient: bool) -> S3Store:
    from obstore.store import S3Store

    options: dict[str, Any] = {"virtual_hosted_style_request": found.is_virtual}
    endpoint = found.endpoint
    region = found.region
    if found.has_profile:
        from obstore.auth.boto3 import Boto3CredentialProvider

        session = _session()
        options["credential_provider"] = Boto3CredentialProvider(session)
        region = region or session.region_name
        endpoint = endpoint or _endpoint(session)
    if endpoint:
        scheme, _, host = endpoint.partition("://")
        options["endpoint"] = f"{scheme}://{name}.{host}" if found.is_virtual else endpoint
    try:
        with _trusting(found.authorities):
            return S3Store(
                name,
                region=region or "us-east-1",
                retry_config=WORKER_RETRY if patient else RETRY,
                client_options={**REQUEST, "allow_http": (endpoint or "").startswith("http://")},
                **options,
            )
    except (BaseError, ValueError) as error:
        raise BadSetting(f"s3://{name}: {told(error)}") from error


@contextmanager
def _trusting(authorities: str | None) -> Iterator[None]:
    """obstore knows no AWS_CA_BUNDLE. It reads SSL_CERT_FILE, which is others', too, when it makes a client.

    Raises BadSetting.
    """
    if authorities and not _has_certificates(authorities):
        raise BadSetting(f"AWS_CA_BUNDLE, SSL_CERT_FILE: {authorities} is no file with certificates (PEM)")
    before = os.environ.get("SSL_CERT_FILE")
    if authorities is None or authorities == before:
        yield
        return
    os.environ["SSL_CERT_FILE"] = authorities
    try:
        yield
    finally:
        del os.environ["SSL_CERT_FILE"]
        if before is not None:
            os.environ["SSL_CERT_FILE"] = before


def _has_certificates(path: str) -> bool:
    try:
        return b"-----BEGIN CERTIFICATE-----" in Path(path).read_bytes()
    except OSError:
        return False


def _session() -> Any:
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        session = boto3.Session()
        if session.get_credentials() is None:
            raise BadSetting("AWS' files name no credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret")
        return session
    except BotoCoreError as error:
        raise BadSetting(f"AWS' files: {error}") from error


def _endpoint(session: Any) -> str | None:
    """The one that AWS' files name; None: AWS' own."""
    endpoint = str(session.client("s3").meta.endpoint_url)
    return None if endpoint.endswith((".amazonaws.com", ".amazonaws.com.cn")) else endpoint


def boto() -> Any:
    """boto3's client, for what obstore cannot do. Raises BadSetting."""
    return _boto(access(os.environ), os.environ.get("AWS_ACCESS_KEY_ID"), os.getpid())


@cache
def _boto(found: Access, _key: str | None, _process: int) -> Any:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "virtual" if found.is_virtual else "path"},
        retries={"mode": "standard", "max_attempts": 5},
        connect_timeout=5,
        # The stores that only resemble AWS' know no other checksums than they must.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        session = boto3.Session()
        region = found.region or session.region_name or "us-east-1"
        trusted = {"verify": found.authorities} if found.authorities else {}
        return session.client("s3", endpoint_url=found.endpoint, region_name=region, config=config, **trusted)
    except (BotoCoreError, ValueError) as error:
        raise BadSetting(f"S3: {error}") from error


def told(error: BaseException) -> str:
    """An error of obstore's in one line: it adds its whole chain of causes below, and quotes the server's XML."""
    text, _, causes = str(error).partition("Debug source")
    text = " ".join(text.split())
    system = SYSTEM_SAYS.search(causes)
    why = next((words for cause, words in CAUSES.items() if cause in causes), system and system[1])
    if why and why not in text:
        text += f" ({why})"
    return ANSWER.sub(_answer, text) or type(error).__name__


def _answer(found: re.Match[str]) -> str:
    """Code and message of an error as S3's servers tell it; what has neither stays as it is."""
    parts = (re.search(f"<{name}>(.*?)</{name}>", found[0]) for name in ("Code", "Message"))
    return ": ".join(unescape(part[1]) for part in parts if part) or found[0]


def failed(url: str, error: BaseException) -> BucketFailed:
    why = told(error)
    if ROLE in why:
        why = f"no keys are set (AWS_ACCESS_KEY_ID, AWS_PROFILE), and this machine has no role that gives any: {why}"
    return BucketFailed(f"{url}: {why}")


@contextmanager
def failing(url: str) -> Iterator[None]:
    """Turns whatever obstore and boto3 raise into StorageFailed."""
    try:
        yield
    except SamzipError:
        raise
    except Exception as error:
        raise failed(url, error) from error


def asked(call: Callable[[], R], is_over: Callable[[], bool]) -> R:
    """What `call` returns. It is made in a thread of its own: neither obstore nor boto3 lets a signal through while a
    server does not answer, for up to REQUEST's minute. Raises BucketFailed when nobody waits for the answer any more;
    what was asked for may happen all the same.
    """
    try:
        return awaited(in_thread(call, "s3 call"), is_over)
    except Abandoned:
        raise BucketFailed("the bucket did not answer before the run had to end") from None


def start(work: Coroutine[Any, Any, R]) -> Future[R]:
    """Begins a request in the background. Its thread holds up nobody's exit."""
    return asyncio.run_coroutine_threadsafe(work, _loop(os.getpid()))


@cache
def _loop(_process: int) -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="s3", daemon=True).start()
    return loop


def in_order(begin: Callable[[T], Future[R]], items: Iterable[T], limit: int) -> Iterator[Future[R]]:
    """Each item's request, in the items' order, `limit` of them under way."""
    begun: deque[Future[R]] = deque()
    try:
        for item in items:
            begun.append(begin(item))
            if len(begun) >= limit:
                yield begun.popleft()
        while begun:
            yield begun.popleft()
    finally:
        for future in begun:
            future.cancel()
