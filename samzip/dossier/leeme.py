"""LEEME.txt: what a part holds, what the others hold, and how to check them. For people, in Spanish.

Conventions of every text for customers (FALTANTES.txt too): lines end in CRLF, and the file is written in
TEXT_ENCODING, UTF-8 with a mark. Without the mark Notepad before Windows 10 1903, and Get-Content of PowerShell 5.1 to
this day, take it for the local code page and spoil the accents.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

from samzip.catalog.model import Company
from samzip.dossier.contents import PartRange

TEXT_ENCODING = "utf-8-sig"

_MONTHS = (
    *("enero", "febrero", "marzo", "abril", "mayo", "junio"),
    *("julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
)

# One line, to be pasted into Windows PowerShell 5.1 or PowerShell 7. -Encoding because SHA256SUMS has no mark,
# -LiteralPath because names may hold [ ], and -ne because it ignores case: Get-FileHash answers in capitals. A file
# that is absent has no hash, so it does not match. Both counts are shown: an error before the loop must not look fine.
POWERSHELL = (
    "$bien = 0; $mal = 0; "
    "Get-Content -LiteralPath SHA256SUMS -Encoding UTF8 -ErrorAction Stop | ForEach-Object { "
    "$suma, $archivo = $_ -split '  ', 2; "
    "if ((Get-FileHash -LiteralPath $archivo -Algorithm SHA256 -ErrorAction SilentlyContinue).Hash -ne $suma) "
    '{ $mal++; "NO COINCIDE: $archivo" } else { $bien++ } }; '
    '"Correctos: $bien. Con problemas: $mal."'
)


def leeme(
    company: Company,
    part: int,
    ranges: Sequence[PartRange],
    *,
    generated: datetime,
    timezone: str,
    procedures: int,
    delivered: int,
    missing: int,
    elsewhere: int,
    observations: int,
    is_listed: bool,
) -> str:
    """The text of LEEME.txt in one part.

    `ranges` holds every part of the company, `generated` is aware and in the customer's time zone, whose name is
    `timezone`; `procedures` counts those of the company, `delivered` the documents of them that the last part has (any
    number for another part), `missing` and `elsewhere` the documents that this part and the others lack, and
    `observations` what FALTANTES.txt remarks on those of this part; `is_listed` tells that this part has that file.
    """
    parts = max(len(ranges), 1)
    lines = [
        *heading(f"DOCUMENTOS DE LOS EQUIPOS DE {one_line(company.name)}"),
        *([f"NIT: {one_line(company.tax_id)}"] if company.tax_id else []),
        f"Generado por SAM Metrología el {moment(generated)} (hora de {one_line(timezone)})",
        *section("QUÉ HAY AQUÍ", _contents(part, parts, procedures, delivered)),
        *section("PARTES" if parts > 1 else "EQUIPOS", _ranges(part, ranges, procedures)),
        *section("DOCUMENTOS QUE FALTAN", _missing(parts, missing, elsewhere, observations, is_listed)),
        *section("CÓMO EXTRAER", _extracting(parts)),
        *section("CÓMO COMPROBAR QUE LLEGÓ COMPLETO", _checking(parts)),
        *section("EL ENLACE DE DESCARGA VENCE", _EXPIRY),
    ]
    return finish(lines)


def procedures_note(procedures: int, documents: int) -> str:
    """README.txt in the procedures' folder, where no document of them could be put.

    `procedures` counts those of the company, `documents` the ones of them that SAM has on record.
    """
    if documents:
        return finish(
            [
                f"SAM registra {count(documents, 'documento', 'documentos')} de procedimientos de la empresa,",
                "pero no se pudo incluir ninguno: FALTANTES.txt, en la carpeta de la empresa, dice por qué.",
            ]
        )
    return finish([f"La empresa no tiene procedimientos {'con documento' if procedures else 'registrados'} en SAM."])


def heading(title: str) -> list[str]:
    return [title, "=" * min(len(title), 78)]


def section(title: str, lines: Iterable[str]) -> list[str]:
    return ["", "", title, "-" * len(title), *lines]


def finish(lines: Iterable[str]) -> str:
    """Lines as a text in the conventions of this module."""
    return "".join(f"{line}\r\n" for line in lines)


def moment(at: datetime) -> str:
    """24 de noviembre de 2026 a las 15:09"""
    return f"{at.day} de {_MONTHS[at.month - 1]} de {at.year} a las {at:%H:%M}"


def numbers(parts: int, missing: int, elsewhere: int, observations: int) -> list[str]:
    """The numbers that are told of a part wherever it is told."""
    lines = [
        f"Documentos faltantes{' en esta parte' if parts > 1 else ''}: {number(missing)}. "
        f"Observaciones: {number(observations)}."
    ]
    if parts > 1:
        lines.append(f"Documentos faltantes en las otras partes: {number(elsewhere)}.")
        lines.append("Si otra parte tiene observaciones, están en el FALTANTES.txt de esa parte.")
    return lines


def one_line(text: str) -> str:
    """Text from the database as it may stand in a line: what could start a new one, hide or reverse it is escaped."""
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    # Controls, invisible formats, lone surrogates (UTF-8 has none), private use, unassigned, line and paragraph ends.
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return character.encode("unicode_escape").decode()
    return character


def number(value: int) -> str:
    """1.234"""
    return f"{value:,}".replace(",", ".")


def count(value: int, singular: str, plural: str) -> str:
    return f"{number(value)} {singular if value == 1 else plural}"


def _contents(part: int, parts: int, procedures: int, delivered: int) -> Iterable[str]:
    if parts == 1:
        yield "Esta es la única parte: trae todos los equipos de la empresa."
    else:
        yield f"Esta es la parte {part} de {parts}. Para tener todos los equipos hacen falta las {parts} partes."
    yield ""
    yield "  Equipos                      una carpeta por equipo, con su hoja de vida y sus documentos"
    yield "  Informe_Consolidado.xlsx     todos los equipos de la empresa" + ("; va en cada parte" if parts > 1 else "")
    if part == parts:
        yield f"  Procedimientos               {_procedures(procedures, delivered)}"
    elif procedures:
        yield f"  Procedimientos               van en la última parte, la {parts}"
    yield "  SHA256SUMS                   sumas para comprobar cada archivo (vea más abajo)"


def _procedures(procedures: int, delivered: int) -> str:
    if not procedures:
        return "la empresa no tiene procedimientos registrados"
    many = count(procedures, "procedimiento de la empresa", "procedimientos de la empresa")
    return many if delivered == procedures else f"{many}; documentos incluidos: {number(delivered)}"


def _ranges(part: int, ranges: Sequence[PartRange], procedures: int) -> Iterable[str]:
    if not any(this.equipment for this in ranges):
        yield "La empresa no tiene equipos registrados."
        return
    for this in ranges:
        label = f"Parte {this.part} de {len(ranges)}: " if len(ranges) > 1 else ""
        codes = _code(this.first_code)
        if this.last_code != this.first_code:
            codes += f" a {_code(this.last_code)}"
        text = f"  {label}{codes} ({count(this.equipment, 'equipo', 'equipos')})"
        if len(ranges) > 1 and this.part == len(ranges) and procedures:
            text += " y los procedimientos"
        yield text + (" <-- esta parte" if len(ranges) > 1 and this.part == part else "")
    if len(ranges) > 1:
        yield "  Los códigos van en orden alfabético: EQ-10 está antes que EQ-2."


def _code(code: str) -> str:
    return one_line(code).strip() or "(sin código)"


def _missing(parts: int, missing: int, elsewhere: int, observations: int, is_listed: bool) -> Iterable[str]:
    yield from numbers(parts, missing, elsewhere, observations)
    if missing or elsewhere:
        yield "FALTANTES.txt dice qué falta y por qué. Cargue en SAM lo que falta y pida otra descarga."
    elif is_listed:
        yield "FALTANTES.txt trae las observaciones: son sobre lo que sí está aquí (por ejemplo, un archivo vacío)."
    elif parts > 1:
        yield "Esta parte no trae FALTANTES.txt. Si hay uno en esta carpeta,"
        yield "es de otra parte: su primera línea dice de cuál."


def _extracting(parts: int) -> Iterable[str]:
    if parts == 1:
        yield "Extraiga todo el ZIP antes de abrir los documentos."
    else:
        yield f"1. Descargue las {parts} partes antes de que venzan sus enlaces."
        yield "2. Extráigalas todas en una misma carpeta, no en una por ZIP: los equipos se suman."
        yield "3. LEEME.txt, Informe_Consolidado.xlsx, SHA256SUMS y FALTANTES.txt se llaman igual en todas."
        yield "   Compruebe cada parte y lea su FALTANTES.txt antes de extraer la siguiente; cuando el"
        yield "   sistema pregunte, reemplácelos. No reemplaza ningún documento de un equipo."
    yield ""
    # MAX_PATH: the customer's own folder comes on top of what samzip.dossier.names allows.
    yield "Si Windows dice que una ruta es demasiado larga, extraiga en una carpeta corta, como C:\\SAM."


def _checking(parts: int) -> Iterable[str]:
    yield "Abra una terminal en esta misma carpeta, donde está SHA256SUMS" + (
        ", antes de extraer otra parte." if parts > 1 else "."
    )
    yield ""
    yield "Windows: abra PowerShell (en el Explorador, Mayús + clic derecho sobre un espacio vacío de la"
    yield "carpeta), copie esta línea entera y pulse Intro. Está bien si dice «Con problemas: 0» y ningún error:"
    yield ""
    yield POWERSHELL
    yield ""
    yield "Windows, un solo archivo: compare lo que muestra esta orden con su línea en SHA256SUMS:"
    yield ""
    yield "certutil -hashfile Informe_Consolidado.xlsx SHA256"
    yield ""
    yield "Linux:"
    yield ""
    yield "sha256sum -c SHA256SUMS"
    yield ""
    yield "macOS:"
    yield ""
    yield "shasum -a 256 -c SHA256SUMS"


_EXPIRY = (
    "El enlace con el que se descargó este archivo deja de servir a las pocas horas. Guarde el archivo;",
    "si el enlace ya venció, pida otro en SAM con «Descargar ZIP».",
)
