"""What obstore cannot do in a bucket: uploads that nobody finishes, large copies, addresses that name a file."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from samzip.storage.s3.client import in_order
from samzip.threads import in_thread

PIECE = 256 << 20  # bytes of a copy in parts
COPIES = 8  # parts under way
# A store that cannot list them clears them away itself; one that never had any may say that there is none of that name.
UNLISTED = ("NotImplemented", "MethodNotAllowed", "501", "405", "NoSuchUpload")


def unfinished(boto: Any, bucket: str, prefix: str) -> Iterator[tuple[str, datetime, str]]:
    """Key, moment and id of every multipart upload that was begun and neither completed nor aborted."""
    from botocore.exceptions import ClientError

    pages = boto.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    try:
        for page in pages:
            for upload in page.get("Uploads", ()):
                yield upload["Key"], upload["Initiated"], upload["UploadId"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in UNLISTED:
            raise


def abort(boto: Any, bucket: str, key: str) -> int:
    """Gives up every upload of this very key; how many there were."""
    found = [upload for name, _, upload in unfinished(boto, bucket, key) if name == key]
    for upload in found:
        boto.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    return len(found)


def copy(boto: Any, bucket: str, source: str, target: str, size: int) -> None:
    """In parts, beside each other, by the store itself; aborted when one fails. boto3's own copy would hold up the exit
    of a process that no longer waits for it."""
    target_is: Any = {"Bucket": bucket, "Key": target}
    upload = boto.create_multipart_upload(**target_is, ContentType="application/zip")["UploadId"]

    def part(number: int) -> dict[str, Any]:
        begin = (number - 1) * PIECE
        span = f"bytes={begin}-{min(begin + PIECE, size) - 1}"
        from_there = {"CopySource": {"Bucket": bucket, "Key": source}, "CopySourceRange": span}
        done = boto.upload_part_copy(**target_is, **from_there, UploadId=upload, PartNumber=number)
        return {"ETag": done["CopyPartResult"]["ETag"], "PartNumber": number}

    begun: list[Future[dict[str, Any]]] = []

    def begin(number: int) -> Future[dict[str, Any]]:
        begun.append(in_thread(partial(part, number), f"copy {number}"))
        return begun[-1]

    numbers = range(1, -(-size // PIECE) + 1)
    try:
        parts = [future.result() for future in in_order(begin, numbers, COPIES)]
        boto.complete_multipart_upload(**target_is, UploadId=upload, MultipartUpload={"Parts": parts})
    except BaseException:
        wait(begun)  # a part that is under way may outlive an abort
        with suppress(Exception):  # what went wrong first is told; the next run aborts what is left
            boto.abort_multipart_upload(**target_is, UploadId=upload)
        raise


def address(boto: Any, bucket: str, key: str, seconds: int, disposition: str) -> str:
    """Signed: whoever has it may read this object until it is over."""
    wanted = {"Bucket": bucket, "Key": key, "ResponseContentDisposition": disposition}
    return str(boto.generate_presigned_url("get_object", Params=wanted, ExpiresIn=seconds))
