"""What obstore cannot do in a bucket: uploads that nobody finishes, large copies, addresses that name a file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

PIECE = 256 << 20  # bytes of a copy in parts
COPIES = 8  # parts under way


def unfinished(boto: Any, bucket: str, prefix: str) -> Iterator[tuple[str, datetime, str]]:
    """Key, moment and id of every multipart upload that was begun and neither completed nor aborted."""
    from botocore.exceptions import ClientError

    pages = boto.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    try:
        for page in pages:
            for upload in page.get("Uploads", ()):
                yield upload["Key"], upload["Initiated"], upload["UploadId"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NotImplemented", "MethodNotAllowed", "501", "405"):
            raise  # a store that cannot list them clears them away itself


def abort(boto: Any, bucket: str, key: str) -> int:
    """Gives up every upload of this very key; how many there were."""
    found = [upload for name, _, upload in unfinished(boto, bucket, key) if name == key]
    for upload in found:
        boto.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    return len(found)


def copy(boto: Any, bucket: str, source: str, target: str) -> None:
    """In parts, beside each other, by the store itself; aborted when one fails."""
    from boto3.s3.transfer import TransferConfig

    how = TransferConfig(multipart_threshold=PIECE, multipart_chunksize=PIECE, max_concurrency=COPIES)
    boto.copy({"Bucket": bucket, "Key": source}, bucket, target, Config=how)


def address(boto: Any, bucket: str, key: str, seconds: int, disposition: str) -> str:
    """Signed: whoever has it may read this object until it is over."""
    wanted = {"Bucket": bucket, "Key": key, "ResponseContentDisposition": disposition}
    return str(boto.generate_presigned_url("get_object", Params=wanted, ExpiresIn=seconds))
