"""How a bucket is reached, as the environment says it; and what is read ahead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from samzip.errors import BadSetting, StorageFailed
from samzip.storage.s3.client import access, bucket, failed, told
from samzip.storage.s3.reading import PIECE, pieces

NONE = {"HOME": "/nonexistent"}


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        ({}, None),
        ({"AWS_ENDPOINT_URL": "https://a", "AWS_ENDPOINT_URL_S3": "https://b/"}, "https://b"),
        ({"AWS_ENDPOINT_URL": "https://a", "AWS_S3_ENDPOINT_URL": "https://sams"}, "https://a"),
        ({"AWS_S3_ENDPOINT_URL": "https://sams"}, "https://sams"),
    ],
)
def test_aws_names_of_the_endpoint_come_before_sams(environ: Mapping[str, str], endpoint: str | None) -> None:
    assert access(NONE | environ).endpoint == endpoint


def test_aws_names_of_the_region_come_before_sams() -> None:
    assert access(NONE | {"AWS_S3_REGION_NAME": "sams"}).region == "sams"
    assert access(NONE | {"AWS_S3_REGION_NAME": "sams", "AWS_DEFAULT_REGION": "default"}).region == "default"
    assert access(NONE | {"AWS_DEFAULT_REGION": "default", "AWS_REGION": "region"}).region == "region"
    assert access(NONE).region is None


def test_the_bucket_is_in_the_path_unless_the_environment_says_otherwise() -> None:
    assert not access(NONE).is_virtual
    assert not access(NONE | {"AWS_S3_ADDRESSING_STYLE": "path"}).is_virtual
    assert access(NONE | {"AWS_S3_ADDRESSING_STYLE": "virtual"}).is_virtual
    assert access(NONE | {"AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true"}).is_virtual


def test_aws_files_count_only_where_the_environment_has_no_key(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[default]\n")
    home = {"HOME": str(tmp_path)}
    assert access(home).has_profile
    assert not access(home | {"AWS_ACCESS_KEY_ID": "AKID"}).has_profile
    assert access(NONE | {"AWS_PROFILE": "sam"}).has_profile
    assert not access(NONE).has_profile


def test_aws_file_of_authorities_comes_before_the_one_of_openssl() -> None:
    assert access(NONE).authorities is None
    assert access(NONE | {"SSL_CERT_FILE": "/a"}).authorities == "/a"
    assert access(NONE | {"SSL_CERT_FILE": "/a", "AWS_CA_BUNDLE": "/b"}).authorities == "/b"


@pytest.mark.parametrize("content", [None, b"not one"])
def test_a_file_of_authorities_that_has_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    bundle = tmp_path / "authorities.pem"
    if content:
        bundle.write_bytes(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    with pytest.raises(BadSetting, match=r"authorities\.pem is no file with certificates"):
        bucket("b")


def test_an_endpoint_without_a_scheme_is_refused() -> None:
    with pytest.raises(BadSetting, match=r"https://s3\.example\.com"):
        access(NONE | {"AWS_ENDPOINT_URL": "minio:9000"})


def test_an_error_is_told_in_one_line_without_its_chain_of_causes() -> None:
    assert told(ValueError("PUT failed\n\nDebug source:\nGeneric { ... }")) == "PUT failed"
    assert told(ValueError()) == "ValueError"


def test_a_small_object_is_read_as_a_whole_and_a_large_one_in_pieces_of_one_version() -> None:
    assert [(piece.begin, piece.end, piece.etag) for piece in pieces("k", 10, "e")] == [(0, 10, None)]
    assert [(piece.begin, piece.end, piece.etag) for piece in pieces("k", 2 * PIECE + 1, "e", first=1)] == [
        (PIECE, 2 * PIECE, "e"),
        (2 * PIECE, 2 * PIECE + 1, "e"),
    ]


def test_who_gave_no_keys_is_told_so_and_not_what_the_machines_own_address_answered() -> None:
    answered = OSError("Generic S3 error: Error performing PUT http://169.254.169.254/latest/api/token: timed out")
    found = failed("s3://bucket/prefix/a.zip", answered)
    assert str(found).startswith("s3://bucket/prefix/a.zip: no keys are set (AWS_ACCESS_KEY_ID, AWS_PROFILE)")
    assert "the keys and their rights" in found.advice
    assert found.exit_code == StorageFailed.exit_code


def test_an_error_has_the_servers_words_and_not_its_xml() -> None:
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>'
        "<Message>Not &quot;yours&quot;</Message><RequestId>1</RequestId></Error>"
    )
    error = RuntimeError(f"PUT http://s3/b/k: 403 Forbidden: {xml}\n\nDebug source:\nGeneric")
    assert told(error) == 'PUT http://s3/b/k: 403 Forbidden: AccessDenied: Not "yours"'
    assert told(RuntimeError("500: <Error><Other/></Error>")) == "500: <Error><Other/></Error>"
    assert told(RuntimeError("")) == "RuntimeError"


def test_an_endpoint_with_a_password_is_refused_and_not_shown() -> None:
    with pytest.raises(BadSetting, match="no name and password in it") as refused:
        access(NONE | {"AWS_ENDPOINT_URL": "u:GEHEIM@s3.example.com"})
    assert "GEHEIM" not in str(refused.value)


@pytest.mark.parametrize(
    ("cause", "why"),
    [
        ("error: InvalidCertificate(\n  UnknownIssuer", "its certificate is not one that this host trusts"),
        ("error: InvalidMessage(\n  InvalidContentType", "it does not speak TLS"),
        ('Os { code: 111, message: "Connection refused" }', "Connection refused"),
        ('error: "failed to lookup address information"', "failed to lookup address information"),
    ],
)
def test_what_kept_a_connection_from_being_made_is_told(cause: str, why: str) -> None:
    error = ValueError(f"HTTP error: error sending request\n\nDebug source:\nGeneric {{ {cause} }}")
    assert told(error).startswith(f"HTTP error: error sending request ({why}")
