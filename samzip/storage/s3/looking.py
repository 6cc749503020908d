"""Looks at many objects: by listing their folders where that is the smaller number of requests, one by one elsewhere.

A LIST tells of up to 1,000 objects, and costs as much money as a dozen HEADs at AWS. SAM keeps an instrument's
documents, some twenty, in one folder. A folder that holds far more than what is asked for is given up, and its rest
looked at one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError

from samzip.storage import Stat
from samzip.storage.s3.client import in_order, start
from samzip.storage.s3.reading import stat_of

if TYPE_CHECKING:
    from obstore.store import S3Store

REQUESTS = 64  # under way
LIST_FROM = 4  # objects of a folder; fewer are looked at one by one
FOLDER_DEPTH = 2  # below the root: documentos/EQ-001
WANTED_SHARE = 100  # of 1,000 listed objects, so many must be asked for, but one page is always read

Found = Stat | Exception


def look(bucket: S3Store, root: str, names: Collection[str]) -> dict[str, Found]:
    """By name, what each object is, or obstore's error; FileNotFoundError is one that is certainly not there."""
    folders = defaultdict(set)
    for name in names:
        folders["/".join(name.split("/")[:-1][:FOLDER_DEPTH])].add(name)
    found: dict[str, Found] = {}
    listed = [(folder, wanted) for folder, wanted in folders.items() if folder and len(wanted) >= LIST_FROM]
    for future in in_order(lambda item: start(_listed(bucket, root, *item)), listed, REQUESTS):
        found |= future.result()
    left = [name for name in names if name not in found]
    looked = in_order(lambda name: start(_looked_at(bucket, root + name)), left, REQUESTS)
    found |= {name: future.result() for name, future in zip(left, looked, strict=True)}
    return found


async def _listed(bucket: S3Store, root: str, folder: str, wanted: Iterable[str]) -> dict[str, Found]:
    """Those that are not in it have to be looked at one by one."""
    missing = {root + name: name for name in wanted}
    pages = 1 + len(missing) // WANTED_SHARE
    found: dict[str, Found] = {}
    try:
        async for page in obstore.list(bucket, root + folder, chunk_size=1000):
            for meta in page:
                if name := missing.pop(meta["path"], None):
                    found[name] = stat_of(meta)
            pages -= 1
            if not missing or not pages:
                return found
    except BaseError:  # not allowed, or the folder holds a name that obstore does not take
        return found
    return found | {name: FileNotFoundError(name) for name in missing.values()}


async def _looked_at(bucket: S3Store, key: str) -> Found:
    try:
        return stat_of(await obstore.head_async(bucket, key))
    except Exception as error:  # noqa: BLE001 -- who asked judges it
        return error
