"""Two small companies with documents of their own."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import Connection, insert, update

from samzip.database.tables import calibracion, customuser, empresa, equipo

USERS = ("selftest", "selftest-chica")  # one for each company
PART_SIZE = 2  # instruments
DOCUMENT_BYTES = 384 << 10  # large enough that a kill may hit the middle of one

_COMPANIES = (("Prueba de Muerte S.A.S.", "selftest", 5), ("Prueba Chica Ltda", "selftest-chica", 1))
_SINCE = datetime(2024, 3, 1, 12, tzinfo=UTC)


def fill(connection: Connection, media: Path, dice: random.Random) -> None:
    """Writes the rows, and the documents below `media`. Raises OSError."""
    for name, user, instruments in _COMPANIES:
        company_id = connection.execute(
            insert(empresa).values(nombre=name, is_deleted=False).returning(empresa.c.id)
        ).scalar_one()
        connection.execute(
            insert(customuser).values(
                username=user,
                first_name="Ana",
                last_name="Gómez",
                email="ana@example.com",
                is_superuser=False,
                is_active=True,
                rol_usuario="ADMINISTRADOR",
                empresa_id=company_id,
            )
        )
        for number in range(1, instruments + 1):
            _add_instrument(connection, media, dice, company_id, f"EQ-{number:03}")


def change(connection: Connection, word: str) -> None:
    """Every archive must be built anew: each shows something else now."""
    connection.execute(update(equipo).values(observaciones=f"Cambio {word}"))


def _add_instrument(connection: Connection, media: Path, dice: random.Random, company_id: int, code: str) -> None:
    folder = f"documentos/{company_id}/{code}"
    equipment_id = connection.execute(
        insert(equipo)
        .values(
            codigo_interno=code,
            nombre=f"Balanza {code}",
            estado="Activo",
            empresa_id=company_id,
            archivo_compra_pdf=_write(media, f"{folder}/compra.pdf", dice),
            fecha_adquisicion=_SINCE.date(),
            fecha_registro=_SINCE,
        )
        .returning(equipo.c.id)
    ).scalar_one()
    connection.execute(
        insert(calibracion).values(
            equipo_id=equipment_id,
            fecha_calibracion=date(2025, 3, 1),
            resultado="Aprobado",
            documento_calibracion=_write(media, f"{folder}/certificado.pdf", dice),
            fecha_registro=_SINCE,
        )
    )


def _write(media: Path, name: str, dice: random.Random) -> str:
    path = media / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"%PDF-1.4\n" + dice.randbytes(DOCUMENT_BYTES))
    return name
