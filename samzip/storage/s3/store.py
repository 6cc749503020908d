"""A store in an S3 bucket: AWS, Cloudflare R2, MinIO, Ceph. Its keys are the prefix, a slash, the name."""

from __future__ import annotations

import io
import posixpath
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

import obstore
from obstore.exceptions import PermissionDeniedError

from samzip.errors import StorageFailed
from samzip.storage import (
    ABSENT,
    FORBIDDEN,
    INVALID,
    OUTSIDE,
    TEMPORARY_SUFFIX,
    TOO_LONG,
    Held,
    MissingFile,
    Stat,
)
from samzip.storage.s3 import uploads
from samzip.storage.s3.client import asked, boto, bucket, failed, failing, in_order, start
from samzip.storage.s3.looking import look
from samzip.storage.s3.reading import PIECE, ObjectFile, Piece, Window, pieces, stat_of
from samzip.storage.s3.upload import Upload, Written
from samzip.units import parse_bucket

if TYPE_CHECKING:
    from obstore.store import S3Store as Bucket

R = TypeVar("R")
LONGEST_KEY = 1024  # bytes, at AWS
HEADS = 64  # requests under way
RECENT = 16 << 20  # bytes of documents that are kept for a moment: a photo is delivered first and drawn after that
LARGEST_COPY = 256 << 20  # bytes; more is copied in parts, beside each other: AWS copies no more than 5 GiB at once


class S3Store:
    """Objects below one prefix. A folder is nothing but the beginning of a name."""

    def __init__(self, url: str, is_over: Callable[[], bool]) -> None:
        self.url = url.rstrip("/")
        self._is_over = is_over
        self._bucket_name, prefix = parse_bucket(url)
        self._root = f"{prefix}/" if prefix else ""
        self._window: Window | None = None
        self._expected: dict[str, tuple[int, str]] = {}
        self._recent: OrderedDict[str, tuple[Stat, memoryview]] = OrderedDict()
        self._read_as: dict[str, str] = {}  # etags of what was read whole
        self._written: dict[str, Written] = {}

    @cached_property
    def _bucket(self) -> Bucket:
        return bucket(self._bucket_name)

    def stat(self, name: str) -> Stat:
        if name in self._recent:
            return self._recent[name][0]
        key = self._readable(name)
        try:
            return stat_of(self._ask(lambda: obstore.head(self._bucket, key)))
        except Exception as error:
            raise self._reading(error, name) from error

    def stat_many(self, names: Sequence[str]) -> list[Stat | str]:
        reasons: dict[str, str] = {}
        for name in set(names):
            try:
                self._readable(name)
            except MissingFile as missing:
                reasons[name] = missing.reason
        found = look(self._bucket, self._root, sorted(set(names) - reasons.keys()))
        for name, what in found.items():
            if isinstance(what, Exception):
                error = self._reading(what, name)
                if not isinstance(error, MissingFile):
                    raise error from what
                reasons[name] = error.reason
        return [reasons.get(name) or cast(Stat, found[name]) for name in names]

    def heads(self, wanted: Iterable[tuple[str, int]], length: int) -> Iterator[bytes | Exception]:
        items = list(wanted)
        requests = in_order(lambda item: start(self._head(*item, length)), items, HEADS)
        for (name, _), future in zip(items, requests, strict=True):
            try:
                yield future.result()
            except Exception as error:
                told = self._reading(error, name)
                if isinstance(told, StorageFailed):
                    raise told from error
                yield told

    def expect(self, documents: Iterable[tuple[str, int, str]]) -> None:
        known = list(documents)
        if self._window is not None:
            self._window.close()
        self._expected = {name: (size, etag) for name, size, etag in known}
        self._window = Window(
            self._bucket, (piece for name, size, etag in known for piece in pieces(self._root + name, size, etag))
        )

    def place(self, name: str) -> str:
        return f"s3://{self._bucket_name}/{posixpath.normpath(self._root + name)}"

    def open(self, name: str) -> BinaryIO:
        key = self._readable(name)
        if name in self._recent:
            return io.BytesIO(self._recent[name][1])
        if name in self._expected:
            (size, etag), window = self._expected[name], self._window
        else:
            found = self.stat(name)
            size, etag, window = found.size, found.etag, None
        file = ObjectFile(self._bucket, key, size, etag, lambda error: self._reading(error, name), window)
        if window is not None or size <= PIECE:
            piece = file.load()  # a document that is gone is missing now, not when it is half written
            if file.whole is not None:
                self._read_as[name] = file.whole.etag
                if window is not None:
                    self._keep(name, file.whole, piece)
        return cast(BinaryIO, file)

    def is_still(self, name: str, etag: str) -> bool:
        if name in self._read_as:
            return self._read_as[name] == etag
        if name in self._expected:  # in pieces, each of which is of that version
            return self._expected[name][1] == etag
        try:
            return self.stat(name).etag == etag
        except MissingFile:
            return False

    def create(self, name: str) -> BinaryIO:
        def done(written: Written) -> None:
            self._written[name] = written

        key = self._writable(name)
        return cast(BinaryIO, Upload(self._bucket, key, lambda error: failed(f"{self.url}/{name}", error), done))

    def held(self, name: str) -> Held | None:
        written = self._written.get(name)
        if written is None:
            return None
        found = self._found(name)
        if found is None or found.size != written.size:
            size = found.size if found else "no"
            raise StorageFailed(f"{self.url}/{name}: {written.size} bytes were sent, it holds {size}")
        return Held(written.size, written.sha256) if found.etag == written.etag else None

    def sync(self, name: str) -> None:
        self._writable(name)  # an upload that is complete lasts

    def publish(self, temporary: str, name: str) -> None:
        source, target = self._writable(temporary), self._writable(name)
        found = self._found(temporary)
        if found is None:
            raise StorageFailed(f"{self.url}/{temporary}: it is gone")
        with failing(f"{self.url}/{name}"):
            if found.size > LARGEST_COPY:
                self._ask(lambda: uploads.copy(boto(), self._bucket_name, source, target, found.size))
            else:
                self._ask(lambda: obstore.copy(self._bucket, source, target))
        copied = self._found(name)
        if copied is None or copied.size != found.size:
            raise StorageFailed(f"{self.url}/{name}: its copy has not the size of {temporary}")
        self._delete(temporary, source)

    def delete(self, name: str) -> bool:
        key = self._writable(name)
        there = self._found(name) is not None
        if there:
            self._delete(name, key)
        with failing(f"{self.url}/{name}"):  # it may be half sent, or half copied: nobody sees that, and it costs money
            there |= bool(self._ask(lambda: uploads.abort(boto(), self._bucket_name, key)))
        return there

    def list(self, prefix: str) -> Iterator[tuple[str, Stat]]:
        key = self._writable(prefix)
        with failing(f"{self.url}/{prefix}"):
            pages = obstore.list(self._bucket, key, chunk_size=1000)
            while (page := self._ask(lambda: next(pages, None))) is not None:
                for meta in page:
                    yield meta["path"].removeprefix(self._root), stat_of(meta)
            left = self._ask(lambda: list(uploads.unfinished(boto(), self._bucket_name, f"{key}/")))
            for half_sent, begun, upload in left:
                yield half_sent.removeprefix(self._root), Stat(0, begun, upload)

    def check_readable(self) -> None:
        with failing(self.url):
            root = self._root.rstrip("/") or None
            self._ask(lambda: next(iter(obstore.list(self._bucket, root, chunk_size=1)), None))

    def check_writable(self, prefix: str) -> None:
        name = f"{prefix}/write-test{TEMPORARY_SUFFIX}"
        key = self._writable(name)
        with failing(f"{self.url}/{prefix}"):
            self._ask(lambda: obstore.put(self._bucket, key, b"samzip", use_multipart=False))
            self._ask(lambda: obstore.delete(self._bucket, key))

    def has_folder(self, prefix: str) -> bool:
        return True

    def is_empty(self, prefix: str) -> bool:
        with failing(self.url):
            root = self._root.rstrip("/") or None
            found = self._ask(lambda: obstore.list_with_delimiter(self._bucket, root))
        folders = {folder.removeprefix(self._root).rstrip("/") for folder in found["common_prefixes"]}
        return not found["objects"] and folders <= {prefix}

    def address(self, name: str, seconds: int, disposition: str) -> str | None:
        with failing(f"{self.url}/{name}"):
            return uploads.address(boto(), self._bucket_name, self._writable(name), seconds, disposition)

    def _readable(self, name: str) -> str:
        if name.startswith(("/", "\\")) or ".." in name.split("/"):
            raise MissingFile(OUTSIDE)
        try:
            if len((self._root + name).encode()) > LONGEST_KEY:
                raise MissingFile(TOO_LONG)
        except UnicodeEncodeError as error:
            raise MissingFile(INVALID) from error
        if not is_name(name):
            raise MissingFile(INVALID)
        return self._root + name

    def _writable(self, name: str) -> str:
        if not is_name(name) or ".." in name.split("/"):
            raise StorageFailed(f"{name!r} is no name below {self.url}")
        return self._root + name

    def _reading(self, error: Exception, name: str) -> Exception:
        """What an error of obstore's means for who reads an object."""
        if isinstance(error, FileNotFoundError):
            return MissingFile(ABSENT)
        if isinstance(error, PermissionDeniedError):
            self.check_readable()  # a key that is no longer good is the store's trouble, not the document's
            return MissingFile(FORBIDDEN)
        if isinstance(error, ValueError):
            return MissingFile(INVALID)
        if isinstance(error, StorageFailed | OSError):
            return error
        return failed(f"{self.url}/{name}", error)

    async def _head(self, name: str, size: int, length: int) -> bytes:
        """A range of an empty object is an error."""
        if not size:
            return b""
        wanted = Piece(self._root + name, 0, min(size, length), "" if size > length else None)
        return bytes((await wanted.fetch(self._bucket))[0])

    def _found(self, name: str) -> Stat | None:
        """What a name of our own is now. Raises StorageFailed."""
        with failing(f"{self.url}/{name}"):
            try:
                return stat_of(self._ask(lambda: obstore.head(self._bucket, self._root + name)))
            except FileNotFoundError:
                return None

    def _delete(self, name: str, key: str) -> None:
        with failing(f"{self.url}/{name}"):
            self._ask(lambda: obstore.delete(self._bucket, key))

    def _ask(self, call: Callable[[], R]) -> R:
        return asked(call, self._is_over)

    def _keep(self, name: str, found: Stat, data: memoryview) -> None:
        self._recent[name] = found, data
        while sum(len(kept) for _, kept in self._recent.values()) > RECENT:
            self._recent.popitem(last=False)


def is_name(name: str) -> bool:
    """Whether obstore takes it: it knows no empty steps and no control characters."""
    return all(step not in ("", ".") for step in name.split("/")) and not any(c < " " or c == "\x7f" for c in name)
