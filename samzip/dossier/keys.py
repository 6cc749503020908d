"""The names of published archives: in storage, and as a customer saves them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from samzip.dossier.names import COMPONENT_BYTES, clean, cut

FOLDER = "zip_requests"
TEMPORARY_SUFFIX = ".samzip-part"  # the one of samzip.storage, which this layer may not import; a test compares

# What tries whether a store can be written, under names that are always the same: a kill may leave one.
PROBES = WRITE_TEST, CLUSTER_TEST, DOCTOR_CLUSTER, DOCTOR_WRITTEN, DOCTOR_RENAMED = tuple(
    f"{FOLDER}/{name}{TEMPORARY_SUFFIX}"
    for name in ("write-test", "cluster", "doctor-cluster", "doctor-written", "doctor-renamed")
)

_COMPANY_LIMIT = 60  # in a download's name
_CODES_LIMIT = 30
_NO_CODE = "SinCodigo"
_NO_LETTERS = "SinLetras"  # nor digits: signs alone, or pictures
_CODE_LIMIT = 14  # of one code in it: two and a hyphen fit

# The numbers are written as Python writes them: no sign, no leading zero, at most those of a bigint.
_NUMBER = r"([1-9]\d{0,18})"
_KEY = re.compile(rf"{FOLDER}/{_NUMBER}/(\d{{8}}_\d{{6}})_parte_{_NUMBER}_req_{_NUMBER}\.zip", re.ASCII)
_TOKEN_DIGITS = 12
_TEMPORARY = re.compile(rf"(.+\.zip)\.[0-9a-f]{{{_TOKEN_DIGITS}}}{re.escape(TEMPORARY_SUFFIX)}", re.ASCII | re.DOTALL)
_STAMP = "%Y%m%d_%H%M%S"


@dataclass(frozen=True, slots=True)
class ArchiveKey:
    """What the storage key of an archive tells."""

    company_id: int
    part: int  # from 1
    request_id: int  # the newest of the requests that it served
    at: datetime  # naive, local: a name has no room for a zone


def archive_key(company_id: int, part: int, request_id: int, at: datetime) -> str:
    """Where an archive is published, as SAM names it. `at` is local time. Raises ValueError for a number below 1."""
    key = f"{FOLDER}/{company_id}/{at.strftime(_STAMP)}_parte_{part}_req_{request_id}.zip"
    if parse_key(key) is None:
        raise ValueError(f"{key!r} is not the key of an archive")
    return key


def parse_key(key: str) -> ArchiveKey | None:
    """None for every name that neither samzip nor SAM gives to a published archive: nobody may delete such a file."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    company_id, stamp, part, request_id = match.groups()
    try:
        at = datetime.strptime(stamp, _STAMP)  # noqa: DTZ007 -- see ArchiveKey.at
    except ValueError:
        return None
    return ArchiveKey(int(company_id), int(part), int(request_id), at)


def temporary_key(key: str, token: str) -> str:
    """Where an archive is written before it is published. `token` (hexadecimal) is its claim's: a worker that outlives
    its run never writes into the file of the next attempt."""
    return f"{key}.{token[:_TOKEN_DIGITS]}{TEMPORARY_SUFFIX}"


def final_key(temporary: str) -> str | None:
    """Under which name that archive is to be published; None for a name that `temporary_key` did not make."""
    match = _TEMPORARY.fullmatch(temporary)
    return match[1] if match and parse_key(match[1]) else None


def is_temporary(key: str) -> bool:
    """Whether `key` is an archive of samzip that is not yet published, or never will be, or what tried the store."""
    return key in PROBES or final_key(key) is not None


def download_name(company: str, part: int, parts: int, first_code: str, last_code: str, at: datetime) -> str:
    """The file name that a customer sees, at most 255 bytes of UTF-8. `at` is local time.

    SAM_Equipos_CERTIBOY_S.A.S_P1de2_EQ001-035_20261124_1509.zip; the last part ends in _COMPLETO.zip.
    """
    fields = []
    if parts > 1:
        fields = [f"P{part}de{parts}", code_range(first_code, last_code)]
    fields.append(f"{at:%Y%m%d_%H%M}")
    if parts > 1 and part == parts:
        fields.append("COMPLETO")
    tail = "".join(f"_{field}" for field in fields if field) + ".zip"
    name = "SAM_Equipos_" + clean(company, limit=_COMPANY_LIMIT, fallback="Empresa").replace(" ", "_")
    return cut(name, COMPONENT_BYTES, COMPONENT_BYTES - len(tail.encode())) + tail


def code_range(first: str, last: str) -> str:
    """EQ001-035 for EQ-001 and EQ-035, in at most 30 characters; empty when the codes have neither letter nor digit.

    One end that has neither is SinLetras, or SinCodigo if it is empty: the other alone would look like a part of one
    instrument.
    """
    ends = first, last
    first, last = map(_compact, ends)
    if first == last:
        return _fit(first, _CODES_LIMIT)
    first, last = (_compact(code) or (_NO_LETTERS if code.strip() else _NO_CODE) for code in ends)
    word = _word(first)
    if word and word == _word(last) and len(first) > len(word) < len(last):
        last = last[len(word) :][-_CODE_LIMIT:]  # the word is shown once
        return f"{_fit(first, _CODES_LIMIT - 1 - len(last))}-{last}"
    return f"{_fit(first, _CODE_LIMIT)}-{_fit(last, _CODE_LIMIT)}"


def _compact(code: str) -> str:
    """Letters and digits only; a code is as long as its column in SAM allows, hence the wide limit."""
    return "".join(filter(str.isalnum, clean(code, limit=COMPONENT_BYTES, fallback="")))


def _word(code: str) -> str:
    """The letters before the first digit."""
    match = re.match(r"[^\W\d_]*", code)
    return match[0] if match else ""


def _fit(code: str, limit: int) -> str:
    """Shorten the word, since the number tells instruments apart."""
    number = code[len(_word(code)) :][-limit:]
    return _word(code)[: limit - len(number)] + number
