"""The names inside an archive: what any Windows, macOS or Linux tool can extract, and no two of them alike.

Sources of the rules:
- Microsoft, "Naming Files, Paths, and Namespaces": reserved characters, device names, no trailing dot or space;
  its MAX_PATH of 260 counts UTF-16 units, so every length here does too (a character outside the BMP counts 2).
- Linux NAME_MAX: a component takes at most 255 bytes, here of UTF-8.
- Unicode UAX #15 (normalization), UAX #44 Default_Ignorable_Code_Point (characters that nobody sees),
  UTR #36 (spoofing by bidirectional controls).
- APPNOTE 4.4.17 (ZIP): '/' separates, no drive letter, no leading slash.
"""

from __future__ import annotations

import re
import unicodedata

ENTRY_LIMIT = 150  # of a full path in the archive: leaves 110 of MAX_PATH to the customer's own folder
COMPONENT_BYTES = 255  # of UTF-8

# "<Empresa>/Equipos/<codigo>/Comprobaciones/Documentos_Generales/<file>.<ext>" is the deepest tree that takes
# a customer's own file names. Its fixed text is 46 characters long, so that 34 remain for the file.
COMPANY_LIMIT = 40
CODE_LIMIT = 30
EXTENSION_LIMIT = 16

FILE_FALLBACK = "documento"
FOLDER_FALLBACK = "sin_nombre"

_RESERVED = frozenset('<>:"/\\|?*')
# UAX #44: default ignorable, yet not in category Cf. Selectors and fillers would make two names look the same.
_INVISIBLE = frozenset(
    map(
        chr,
        [
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0000, 0xE1000),
        ],
    )
)
# Digits 0 and superscripts included; CLOCK$ is one on older Windows. Spaces before the dot do not help.
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|CLOCK\$|(?:COM|LPT)[0-9¹²³]) *(?:\..*)?", re.I | re.S)


def clean(text: str, *, limit: int, fallback: str) -> str:
    """One path component from whatever a person typed: a folder's name, or a file's with its extension.

    `limit` is in UTF-16 units, at least 1. `fallback`, itself a clean name, stands for a text of which nothing is left.
    """
    name = cut(_scrub(text), limit)
    return (cut(f"_{name}", limit) if _DEVICE.fullmatch(name) else name) or fallback


def folder_name(text: str, ending: str, *, limit: int) -> str:
    """Like `clean`, with `ending` at the end, which is clean itself and never shortened.

    Raises ValueError when `limit` leaves no room for anything before it.
    """
    return _component(_scrub(text) or FOLDER_FALLBACK, "", ending, limit)


def cut(text: str, units: int, octets: int = COMPONENT_BYTES) -> str:
    """The start of `text` in at most `units` UTF-16 units and `octets` bytes of UTF-8; no dot or space at its end."""
    if text.isascii():
        return text[: max(0, min(units, octets))].rstrip(" .")
    kept = 0
    for character in text:
        units -= 1 + (character > "\uffff")
        octets -= len(character.encode())
        if units < 0 or octets < 0:
            break
        kept += 1
    return text[:kept].rstrip(" .")


def length(text: str) -> int:
    """In UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def fold(text: str) -> str:
    """Equal for two names that some file system takes for one: NTFS, APFS, HFS+, ext4 with casefold.

    It joins more than any single one of them does (ß with ss, ı and İ with i): that only costs a " (2)".
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text)
    # Upper case first: NTFS compares upper-cased names, and some letters share only that ('ı' and 'i').
    folded = unicodedata.normalize("NFD", decomposed.upper().casefold())
    return folded.replace("i\u0307", "i")


class NameAllocator:
    """Gives every entry of one archive its path. The same requests in the same order get the same paths.

    Files and folders share one name space. A folder that nobody asked for exists once something is put into it.
    """

    def __init__(self, limit: int = ENTRY_LIMIT) -> None:
        self._limit = limit
        self._files: set[str] = set()  # folded full paths
        self._folders: set[str] = {""}
        self._next: dict[tuple[str, int], int] = {}  # (folded path, width of the number) -> first number not yet tried

    def folder(self, parent: str, name: str, *, limit: int) -> str:
        """Reserve a new folder in `parent` ("" at the top); returns its full path.

        `limit` is of its name, in UTF-16 units. Raises ValueError when `parent` is a file or leaves no room.
        """
        scrubbed = _scrub(name) or FOLDER_FALLBACK
        path = self._free(parent, scrubbed, "", limit)
        self._folders.add(fold(path))
        return path

    def file(self, folder: str, stem: str, extension: str) -> str:
        """Reserve a file; returns its full path. `extension` has no dot and may be empty.

        `folder` is a result of folder(), or such a result with fixed, clean components added. Raises ValueError when it
        is a file or leaves no room.
        """
        ending = cut(_scrub(extension), EXTENSION_LIMIT)
        path = self._free(folder, _scrub(stem) or FILE_FALLBACK, f".{ending}" if ending else "", self._limit)
        self._files.add(fold(path))
        return path

    def _free(self, parent: str, stem: str, ending: str, limit: int) -> str:
        self._enter(parent)
        start = f"{parent}/" if parent else ""
        room = min(limit, self._limit - length(start))
        first = start + _component(stem, "", ending, room)
        if self._is_free(first):
            return first
        # Two names that differ only where the number needs the room share a counter: it is kept by what is left of
        # them, separately for one digit, two digits ... Each number is then tried once, however many names clash.
        for width in range(1, 10):
            sample = start + _component(stem, f" ({10 ** (width - 1)})", ending, room)
            counter = fold(sample), width
            number = self._next.get(counter, max(2, 10 ** (width - 1)))
            while number < 10**width:
                path = start + _component(stem, f" ({number})", ending, room)
                number += 1
                if self._is_free(path):
                    self._next[counter] = number
                    return path
            self._next[counter] = number
        raise ValueError(f"no free name for {stem!r} in {parent!r}")

    def _is_free(self, path: str) -> bool:
        key = fold(path)
        return key not in self._files and key not in self._folders

    def _enter(self, folder: str) -> None:
        """Make `folder` and all above it folders, so that no file ever takes one of their names."""
        key = fold(folder)
        if key in self._folders:
            return
        if key in self._files:
            raise ValueError(f"{folder!r} is a file in this archive")
        self._enter(folder.rpartition("/")[0])
        self._folders.add(key)


def _component(stem: str, number: str, ending: str, room: int) -> str:
    """stem + number + ending in at most `room` units: only the stem is ever shortened."""
    tail = number + ending
    units, octets = room - length(tail), COMPONENT_BYTES - len(tail.encode())
    kept = cut(stem, units, octets)
    if _DEVICE.fullmatch(kept + tail):
        kept = cut(f"_{kept}", units, octets)
    if not kept:
        raise ValueError(f"no room for a name that ends in {tail!r}: {room} characters")
    return kept + tail


def _scrub(text: str) -> str:
    """NFC and without anything forbidden, but of any length and perhaps a device name."""
    if text.isascii() and text.isalnum():
        return text
    # Decomposed while characters are judged: '≮' is '<' with a stroke, and a tool that decomposes would see the '<'.
    judged = "".join(map(_judge, unicodedata.normalize("NFD", text)))
    # A leading dot would hide the file on macOS and Linux, and '..' climbs out.
    return re.sub(" {2,}", " ", unicodedata.normalize("NFC", judged)).strip(" .")


def _judge(character: str) -> str:
    """What stands for a character: itself, a space, "_", or nothing."""
    if character in _RESERVED:
        return "_"
    if character in _INVISIBLE:
        return ""
    category = unicodedata.category(character)
    if category == "Cf":  # zero-width, bidirectional controls, soft hyphen
        return ""
    if category[0] == "Z" or character in "\t\n\v\f\r\x85":
        return " "
    # Controls and lone surrogates. Private use: Cygwin and WSL map it to the reserved characters. Unassigned,
    # noncharacters included: UAX #15 keeps a text normalized in later versions only if all of it is assigned.
    return "_" if category[0] == "C" else character
