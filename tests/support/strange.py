"""A company whose rows hold the strangest values: curated ones, and ones that hypothesis makes up. SQLite only.

What SQLite takes and no other database does (bytes that are no UTF-8, words in the place of dates) is in it too.
"""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import Connection, Table, insert

from samzip.database import tables
from tests.support.world import World

T = TypeVar("T")
Row = dict[str, Any]

TEXTS = [
    "Balanza analítica ±0,1 mg",
    "Multímetro 10 MΩ µV °C ñandú",
    "",
    " ",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=tab",
    "\r\n=line",
    '=HYPERLINK("http://example.com")',
    "../../etc/passwd",
    "/absolute",
    "C:\\Windows\\x",
    "CON",
    "nul.txt",
    "COM1",
    "a/1",
    "a_1",
    "A/1",
    "trailing.",
    "trailing ",
    "...",
    "\x00",
    "a\x00b.pdf",
    "\x01\x1f\x7f\x85",
    "_x0000_ _x0041_",
    "\ufffe\uffff",
    "\u202egnp.exe",
    "\u200f\u2067رجل\u2069\u200e",
    "👩‍🔬🔬🏭",
    "e\u0301 combinado",
    "Z\u0335\u0321\u0361a\u0300\u0301\u0302\u0303\u0304lgo",
    "\ufb03 ligadura",
    "ß ẞ ss",
    "İıIi",
    "ACTIVO Ω",
    "<b>html</b> & <script>alert(1)</script>",
    "]]> <!-- &amp; &#0;",
    "'; DROP TABLE core_equipo; --",
    "%s %d {0} ${x}",
    "x" * 200,
    "行车测量设备",
    "مقياس الحرارة",
    "\ufeffmarca",
    "\u2028\u2029",
    "NaN",
    "1e309",
    "None",
    "No Aprobado",
]
LONG = ["palabra " * 1_250, "x" * 10_000, "línea\n" * 1_700, "\u202e👩‍🔬" * 2_500]  # characters: at least 10,000
SHAPES = [
    None,
    "",
    "{",
    "[]",
    "{}",
    "null",
    "NaN",
    "[" * 5_000,
    '{"magnitudes": 5}',
    '{"magnitudes": [null, 1, "x", {"puntos_medicion": {}}]}',
    '{"magnitudes": [{"nombre": "T", "puntos_medicion": [{"nominal": "NaN", "error": 1, "emp_absoluto": 0}]}]}',
    '{"puntos_medicion": [{"nominal": 1, "lectura": 1.1, "emp_absoluto": 0.5, "incertidumbre": -1}]}',
    '{"puntos_medicion": [{"nominal": 1e308, "error": 1e308, "emp_absoluto": 1e-308}]}',
    '{"magnitudes": [{"nombre": "=x", "unidad": "\\u0000\\ud800",'
    ' "puntos_medicion": [{"nominal": 1, "error": "0,05", "emp_absoluto": "0,1"}]}]}',
]
DATES = [None, date(1, 1, 1), date(1899, 12, 31), date(1900, 2, 28), date(2024, 2, 29), date(9999, 12, 31)]
MOMENTS = [
    None,
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(2024, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, tzinfo=UTC),
]
AMOUNTS = [None, Decimal(12), Decimal("-6"), Decimal("0.5"), Decimal(0), Decimal(99999), Decimal("NaN")]
FILES = [None, None, "ok.pdf", "empty.pdf", "really.pdf", "missing.pdf", "../outside.pdf", "/etc/passwd", "folder",
         "\x01.pdf", "\x00", "ñ á.csv", "photo.png"]  # fmt: skip
RAW = [  # SQL: what SQLite holds whatever a column's type says
    "CAST(x'C3284ED0' AS TEXT)",  # no UTF-8
    "CAST(x'EDA08041' AS TEXT)",  # a lone surrogate
    "CAST(x'00' AS TEXT)",
    "x'00FF00FE'",
    "'0000-00-00'",
    "'2024-13-45 99:99'",
    "'NaN'",
    "-1e999",
    "17",
]

_QUANTITY = st.none() | st.floats() | st.floats(-100, 100) | st.integers() | st.text(max_size=6)
_KEYS = ("nominal", "lectura", "error", "incertidumbre", "emp_absoluto")
_POINT = st.fixed_dictionaries(dict.fromkeys(_KEYS, _QUANTITY)) | st.integers() | st.none()
_MAGNITUDE = st.fixed_dictionaries(
    {"nombre": st.text(max_size=12) | st.none(), "unidad": st.text(max_size=4), "puntos_medicion": st.lists(_POINT)}
)
_SHAPE = st.recursive(st.none() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3))
_MEASURED = st.fixed_dictionaries({"magnitudes": st.lists(_MAGNITUDE | _SHAPE, max_size=3)}) | _SHAPE
_CHARACTERS = st.characters(exclude_categories=["Cs"])  # lone surrogates are in RAW: no driver takes them as text
_ODD = st.sampled_from("\u200f\u202e\u2066\ufeff\u0300\x00\x1b🏭👩‍🔬ÑñÁü¿±µΩ°<&'\"=/\\.: \n")


def generated(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """The first values that hypothesis makes, the same on every run."""
    found: list[T] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: T) -> None:
        found.append(value)

    collect()
    return found


class Strange:
    """Draws values for columns; `scale` is how many of each kind hypothesis makes up."""

    def __init__(self, seed: int, scale: int) -> None:
        self.chance = random.Random(seed)
        made_up = generated(
            st.text(_CHARACTERS, min_size=1, max_size=60) | st.text(_ODD, min_size=1, max_size=30), scale
        )
        self.texts = [*TEXTS, *made_up]
        self.shapes = [*SHAPES, *(json.dumps(value) for value in generated(_MEASURED, scale))]
        self.dates = [*DATES, *generated(st.dates(), scale)]
        self.moments = [*MOMENTS, *(m.replace(tzinfo=UTC) for m in generated(st.datetimes(), scale))]
        self.amounts = [*AMOUNTS, *generated(st.decimals(-(10**12), 10**12), scale)]
        self.files = [*FILES * (scale // 20), *generated(st.text(_CHARACTERS, min_size=1, max_size=30), scale // 8)]

    def text(self) -> str:
        return self.chance.choice(self.texts)

    def notes(self) -> str | None:
        return self.chance.choice(LONG) if self.chance.random() < 0.01 else self.chance.choice([None, self.text()])

    def row(self, kinds: dict[str, str], **fixed: Any) -> Row:
        """`kinds`: which of this object's lists or methods each column is drawn from."""
        return {column: self._draw(kind) for column, kind in kinds.items()} | fixed

    def _draw(self, kind: str) -> Any:
        source = getattr(self, kind)
        return source() if callable(source) else self.chance.choice(source)


def _kinds(**columns: Sequence[str]) -> dict[str, str]:
    return {column: kind for kind, names in columns.items() for column in names}


EQUIPMENT = _kinds(
    text=("codigo_interno", "nombre", "tipo_equipo", "marca", "modelo", "numero_serie", "ubicacion", "responsable",
          "proveedor", "rango_medida", "resolucion", "error_maximo_permisible"),
    notes=("observaciones", "puntos_calibracion"),
    files=("archivo_compra_pdf", "ficha_tecnica_pdf", "manual_pdf", "otros_documentos_pdf", "imagen_equipo"),
    dates=("fecha_adquisicion", "fecha_ultima_calibracion", "proxima_calibracion", "proximo_mantenimiento",
           "proxima_comprobacion"),
    amounts=("frecuencia_calibracion_meses", "frecuencia_mantenimiento_meses", "frecuencia_comprobacion_meses"),
    moments=("fecha_registro",),
)  # fmt: skip
CALIBRATION = _kinds(
    text=("nombre_proveedor", "resultado", "numero_certificado"),
    notes=("observaciones",),
    files=("documento_calibracion", "confirmacion_metrologica_pdf", "intervalos_calibracion_pdf"),
    shapes=("confirmacion_metrologica_datos",),
    dates=("fecha_calibracion",),
    moments=("fecha_registro",),
)
MAINTENANCE = _kinds(
    text=("tipo_mantenimiento", "nombre_proveedor", "responsable", "descripcion"),
    notes=("observaciones", "actividades_realizadas"),
    files=("documento_mantenimiento", "documento_externo", "documento_interno"),
    amounts=("costo",),
    dates=("fecha_mantenimiento",),
)
VERIFICATION = _kinds(
    text=("consecutivo_texto", "nombre_proveedor", "responsable", "resultado"),
    notes=("observaciones",),
    files=("comprobacion_pdf", "documento_comprobacion", "documento_externo", "documento_interno"),
    shapes=("datos_comprobacion",),
    dates=("fecha_comprobacion",),
)
LOAN = _kinds(
    text=("nombre_prestatario", "cedula_prestatario", "cargo_prestatario", "email_prestatario", "telefono_prestatario",
          "estado_prestamo"),
    notes=("observaciones_prestamo",),
    files=("documento_prestamo", "documento_devolucion"),
    dates=("fecha_devolucion_programada",),
    moments=("fecha_prestamo", "fecha_devolucion_real", "fecha_registro"),
)  # fmt: skip
DECOMMISSION = _kinds(
    text=("razon_baja",),
    notes=("observaciones",),
    files=("documento_baja",),
    dates=("fecha_baja",),
    moments=("fecha_registro",),
)
PROCEDURE = _kinds(
    text=("codigo", "nombre", "version"), notes=("observaciones",), files=("documento_pdf",), dates=("fecha_emision",)
)
SUPPLIER = _kinds(
    text=("nombre_empresa", "tipo_servicio", "nombre_contacto", "numero_contacto", "correo_electronico", "pagina_web"),
    notes=("alcance", "servicio_prestado"),
)


def fill(world: World, instruments: int) -> Counter[str]:
    """One company with a user CERTIBOY; returns how many rows each table has.

    Its documents lie once in the media folder and are pointed to again and again.
    """
    _put_files(world)
    strange = Strange(20261124, scale=max(80, instruments // 4))
    chance = strange.chance
    with world.database.write() as connection:
        company = connection.execute(
            insert(tables.empresa)
            .values(nombre="../.. =Empresa \x07 S.A.S.", nit="\x00=1\u202e", logo_empresa="photo.png", is_deleted=False)
            .returning(tables.empresa.c.id)
        ).scalar_one()
        user = world.user(connection, "CERTIBOY", company, first_name="\u202eAna\x00", last_name="=Gómez")
        counts: Counter[str] = Counter()

        def add(table: Table, count: int, row: Callable[[], Row]) -> None:
            connection.execute(insert(table), [row() for _ in range(count)])
            counts[table.name] = count
            _spoil(connection, table, count, chance)

        def one() -> int:
            return chance.randint(1, instruments)

        suppliers = instruments // 4
        add(tables.proveedor, suppliers, lambda: strange.row(SUPPLIER, empresa_id=company))
        add(tables.procedimiento, instruments // 4, lambda: strange.row(PROCEDURE, empresa_id=company))
        states = ["Activo", "De Baja", "Inactivo"]
        add(
            tables.equipo,
            instruments,
            lambda: strange.row(EQUIPMENT, estado=chance.choice([*states, strange.text()]), empresa_id=company),
        )
        for table, kinds in (
            (tables.calibracion, CALIBRATION),
            (tables.mantenimiento, MAINTENANCE),
            (tables.comprobacion, VERIFICATION),
        ):
            add(
                table,
                instruments,
                lambda kinds=kinds: strange.row(
                    kinds, equipo_id=one(), proveedor_id=chance.choice([None, chance.randint(1, suppliers)])
                ),
            )
        add(tables.prestamoequipo, instruments, lambda: strange.row(LOAN, equipo_id=one(), empresa_id=company))
        gone = iter(range(1, instruments + 1))  # SAM has one record for an instrument at most
        add(
            tables.bajaequipo,
            instruments // 3,
            lambda: strange.row(
                DECOMMISSION, equipo_id=3 * next(gone), dado_de_baja_por_id=chance.choice([None, user])
            ),
        )
    return counts


def _spoil(connection: Connection, table: Table, count: int, chance: random.Random) -> None:
    """Overwrites cells of every fifth row with what only SQLite takes."""
    columns = [column.name for column in table.columns if not column.primary_key and not column.foreign_keys]
    for number in range(1, count + 1, 5):
        for column in chance.sample(columns, 2):
            connection.exec_driver_sql(f"UPDATE {table.name} SET {column} = {chance.choice(RAW)} WHERE id = {number}")


def _put_files(world: World) -> None:
    files = world.media
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(picture, "PNG")
    for name, content in (
        ("ok.pdf", b"%PDF-1.4\n" + bytes(range(256))),
        ("empty.pdf", b""),
        ("really.pdf", b"\xff\xd8\xff\xe0" + b"jpeg" * 30),
        ("ñ á.csv", b"a;b\n1;2\n"),
        ("photo.png", picture.getvalue()),
        ("../outside.pdf", b"secret"),
    ):
        (files / name).write_bytes(content)
    (files / "folder").mkdir()
