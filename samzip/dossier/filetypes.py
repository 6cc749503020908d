"""What a document really is: the extension that opens it, from its first bytes where its stored name lies.

Signatures: ISO 32000-1 7.5.2 (PDF), the JFIF, PNG and TIFF 6.0 specifications, RFC 9649 (WebP),
ISO/IEC 14496-12 (ftyp), APPNOTE 4.3 (ZIP), ECMA-376 part 2 (OOXML), ODF 1.2 part 3 (mimetype),
[MS-CFB] (OLE), RFC 1952 (gzip).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Set

# Bytes of a document that are needed. Word pads the first entries of its files, so that the one that tells what it is
# starts near byte 1,800; an editor's comment comes before <svg>. Everything else is known after 1,031.
HEAD_BYTES = 4096

_PDF_JUNK = 1024  # bytes that may precede the header, as Acrobat accepts them
_PDF = re.compile(rb"%PDF-\d\.\d")

_WORD = {"docx", "docm", "dotx", "dotm"}
_EXCEL = {"xlsx", "xlsm", "xltx", "xltm", "xlsb", "xlam"}
_SLIDES = {"pptx", "pptm", "potx", "potm", "ppsx", "ppsm"}
_FOLDERS = ((b"word/", "docx", _WORD), (b"xl/", "xlsx", _EXCEL), (b"ppt/", "pptx", _SLIDES))
_OPEN_DOCUMENT = {"odt": "text", "ods": "spreadsheet", "odp": "presentation", "odg": "graphics"}
_OFFICE = {*_WORD, *_EXCEL, *_SLIDES, *_OPEN_DOCUMENT}
_OTHER_ZIP = {"zip", "jar", "apk", "epub", "kmz", "vsdx", "xps", "oxps", "3mf", "cbz", "ott", "ots", "otp"}
_OTHER_ZIP |= {"key", "pages", "numbers"}  # of Apple
_OLD_OFFICE = {"doc", "dot", "xls", "xlt", "xla", "ppt", "pps", "pot", "msg", "msi", "vsd", "pub", "mpp", "wps"}

# Content that starts with these bytes -> (default extension, all that may stand for it).
_STARTS: tuple[tuple[bytes, str, Set[str]], ...] = (
    (b"%PDF-", "pdf", {"pdf", "ai"}),
    (b"\xff\xd8\xff", "jpg", {"jpg", "jpeg", "jpe", "jfif"}),
    (b"\x89PNG\r\n\x1a\n", "png", {"png", "apng"}),
    (b"GIF87a", "gif", {"gif"}),
    (b"GIF89a", "gif", {"gif"}),
    (b"II*\0", "tif", {"tif", "tiff", "dng", "nef", "arw", "cr2"}),  # cameras' raw formats are TIFF
    (b"MM\0*", "tif", {"tif", "tiff", "dng", "nef", "arw", "cr2"}),
    (b"II+\0", "tif", {"tif", "tiff"}),
    (b"MM\0+", "tif", {"tif", "tiff"}),
    (b"7z\xbc\xaf\x27\x1c", "7z", {"7z"}),
    (b"Rar!\x1a\x07", "rar", {"rar", "cbr"}),
    (b"\x1f\x8b", "gz", {"gz", "tgz", "svgz", "emz"}),
    (rb"{\rtf", "rtf", {"rtf", "doc"}),  # Word writes RTF into .doc and reads it there
)
_RIFF = {b"WEBP": "webp", b"WAVE": "wav", b"AVI ": "avi"}
_BRANDS: tuple[tuple[re.Pattern[bytes], str, Set[str]], ...] = (  # the major brand of an ISO media file
    (re.compile(rb"hei[cxms]|hev[cxms]|mif1|msf1"), "heic", {"heic", "heif", "hif", "avif"}),
    (re.compile(rb"avi[fs]"), "avif", {"avif"}),
    (re.compile(rb"qt  "), "mov", {"mov", "qt"}),
    (re.compile(rb"M4A "), "m4a", {"m4a"}),
    (re.compile(rb"3g.."), "3gp", {"3gp", "3g2", "mp4"}),
    (re.compile(rb"...."), "mp4", {"mp4", "m4v", "m4a", "mov"}),
)
_BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}  # bytes of the second header: "BM" alone also starts words
_STREAMS = {"WordDocument": "doc", "Workbook": "xls", "Book": "xls", "PowerPoint Document": "ppt", "__nameid": "msg"}

_MARKUP = {
    # Office opens a page or an XML workbook that is named .xls, and many web applications export just that.
    "html": {"html", "htm", "xhtml", "shtml", "xml", "xls", "doc", "mht", "mhtml"},
    "svg": {"svg", "xml"},
}
# An XML vocabulary may have any extension, other than one that promises something that is not text.
_NOT_XML = {"pdf", "png", "webp", "bmp", "heic", "mp4", "msg", "ppt", *_OFFICE, *_OTHER_ZIP} | {
    name for _, _, names in _STARTS for name in names if name != "doc"
}
# Whatever is named so begins as the tables above say. Others are left out: .xls is often text, .ai once was PostScript.
_ALWAYS_RECOGNISED = {"pdf", "jpg", "jpeg", "png", "gif", "tif", "tiff", "webp", "heic", "zip", "7z", "rar", "gz"}
_ALWAYS_RECOGNISED |= _OFFICE
# A scan or a document under another's name is no surprise: its own extension is all that it needs.
_NO_SURPRISE = {"pdf", "jpg", "png", "gif", "tif", "webp", "heic", "bmp", "doc", "xls", "ppt", "rtf", *_OFFICE}
# What a double click runs on Windows (its PATHEXT, and what its shell runs beside that), and how programs of Windows,
# Linux and macOS begin.
_PROGRAMS = {"bat", "cmd", "com", "cpl", "exe", "hta", "jar", "js", "jse", "lnk", "msi", "msix", "pif", "ps1", "reg"}
_PROGRAMS |= {"scr", "vbe", "vbs", "wsf", "wsh"}
_PROGRAM_STARTS = (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_BEFORE_ELEMENT = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->|<!doctype\s+(\w+)(?:[^>\[]*\[.*?\])?[^>]*>", re.S | re.I)
_ELEMENT = re.compile(r"<(?:[\w.-]+:)?([a-z][\w.-]*)", re.I)

_EXTENSION = re.compile(r"(?=[0-9]*[a-z]|[0-9]{3}$)[a-z0-9]{1,10}")  # "x.001" is one, "Balanza 2.5" has none


def real_extension(stored_name: str, head: bytes) -> str:
    """The extension a document deserves: lower case, no dot, 1 to 10 of a-z and 0-9.

    `head` is the first HEAD_BYTES of the content, or all of a shorter one. The stored extension stays when the content
    agrees with it or is unknown; unknown content without one gives "txt" or "bin".
    """
    head = head[:HEAD_BYTES]
    stored = split_extension(stored_name)[1]
    default, agreeing = _recognise(stored, head)
    if default:
        return stored if stored and stored in agreeing else default
    return stored or ("txt" if _is_text(head) else "bin")


def mismatch(stored_name: str, head: bytes) -> str | None:
    """What is to be said, in Spanish, of content that nobody expects under the stored name, and of every program; None
    if it may be so.

    `head` as for real_extension. An empty file and a name without an extension promise nothing; a picture or a document
    of another kind is delivered as what it is, without a word.
    """
    stored = split_extension(stored_name)[1]
    if head and (
        real_extension(stored_name, head) in _PROGRAMS
        or (head.startswith(_PROGRAM_STARTS) and not _is_text(head[:HEAD_BYTES]))
    ):
        return "es un programa, no un documento; se entrega como está"
    if not stored or not head:
        return None
    default, agreeing = _recognise(stored, head[:HEAD_BYTES])
    if default and default not in _NO_SURPRISE and stored not in agreeing:
        return f"el nombre dice .{stored}, pero el contenido es .{real_extension(stored_name, head)}"
    if not default and stored in _ALWAYS_RECOGNISED:
        return f"el nombre dice .{stored}, pero el contenido no lo es; se entrega como está"
    return None


def split_extension(stored_name: str) -> tuple[str, str]:
    """Stem and extension ("" if there is none) of a path's last component; the extension is in lower case.

    What follows a dot but cannot be an extension stays in the stem: "EQ. balanza nueva" has none.
    """
    name = re.split(r"[/\\]", stored_name)[-1].strip()
    stem, _, extension = name.rpartition(".")
    extension = extension.lower()
    return (stem, extension) if stem and _EXTENSION.fullmatch(extension) else (name, "")


def _recognise(stored: str, head: bytes) -> tuple[str, Set[str]]:
    """(default extension, extensions that agree); ("", {}) for unknown content."""
    for start, default, agreeing in _STARTS:
        if head.startswith(start):
            return default, agreeing
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_based(head)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        # An OOXML file with a password is an OLE file too ([MS-OFFCRYPTO]).
        return _ole_default(head), _OLD_OFFICE | _WORD | _EXCEL | _SLIDES
    if head.startswith(b"RIFF") and head[8:12] in _RIFF:
        return _RIFF[head[8:12]], {_RIFF[head[8:12]]}
    if head[4:8] == b"ftyp":
        return next(((ext, same) for brand, ext, same in _BRANDS if brand.match(head[8:12])), ("mp4", {"mp4"}))
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "bmp", {"bmp", "dib"}
    markup = _markup(stored, head)
    if markup[0]:
        return markup
    # Last, for an archive or a page may well hold "%PDF-" among its first bytes.
    return ("pdf", {"pdf"}) if _PDF.search(head, 0, _PDF_JUNK + 7) else ("", frozenset())


def _zip_based(head: bytes) -> tuple[str, Set[str]]:
    """By the names of the first entries; the stored extension wins among everything that is a ZIP file inside."""
    typed = False
    for found in re.finditer(rb"PK\x03\x04.{22}(..)..", head, re.S):
        name = head[found.end() : found.end() + int.from_bytes(found[1], "little")]
        typed = typed or name in (b"[Content_Types].xml", b"_rels/.rels", b"docProps/app.xml", b"docProps/core.xml")
        if name == b"mimetype":
            kind = head[found.end() + len(name) :][:60].decode("latin-1")
            for extension, word in _OPEN_DOCUMENT.items():
                if kind.startswith(f"application/vnd.oasis.opendocument.{word}"):
                    return extension, {extension} | _OTHER_ZIP
        for folder, extension, family in _FOLDERS:
            if typed and name.startswith(folder):
                return extension, family | _OTHER_ZIP
    return "zip", _OFFICE | _OTHER_ZIP


def _ole_default(head: bytes) -> str:
    """By the names of its streams if its directory is near the start; Word's otherwise, the most common by far."""
    for stream, extension in _STREAMS.items():
        if stream.encode("utf-16-le") in head:
            return extension
    return "doc"


def _markup(stored: str, head: bytes) -> tuple[str, Set[str]]:
    """HTML, SVG and other XML, by the first element."""
    text = _decode(head)
    position, declared = 0, text.lstrip()[:5].lower() == "<?xml"
    while found := _BEFORE_ELEMENT.match(text, position):
        position = found.end()
        if (found[1] or "").lower() in _MARKUP:
            return found[1].lower(), _MARKUP[found[1].lower()]
    element = _ELEMENT.match(text, position)
    name = element[1].lower() if element else ""
    if name in _MARKUP:
        return name, _MARKUP[name]
    if declared:
        return "xml", {stored} - _NOT_XML
    return "", frozenset()


def _decode(head: bytes) -> str:
    """Markup is ASCII up to its first element, in UTF-16 only behind a mark."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", "replace")
    return head.removeprefix(codecs.BOM_UTF8).decode("latin-1")


def _is_text(head: bytes) -> bool:
    """Text in UTF-8, in UTF-16 with a mark, or in Windows' western code page; a character may be cut at the end."""
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ["utf-16"] if marked else ["utf-8", "cp1252"]:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        return not re.search(r"[\0-\x08\x0e-\x1f\x7f]", text)
    return False
