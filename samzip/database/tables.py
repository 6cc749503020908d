"""The tables: SAM's, as far as samzip reads or writes them, and samzip's own.

SAM's database has no column defaults: whoever inserts gives every column that is not null.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, String, Table

from samzip.database.types import Amount, CalendarDate, Flag, JsonText, Label, Moment, Size, UtcDateTime, Words

sam = MetaData()
own = MetaData()

_Id = BigInteger().with_variant(Integer, "sqlite")


def _table(name: str, *columns: Column[Any]) -> Table:
    # AUTOINCREMENT: a number that named an archive is never given to another request.
    return Table(name, sam, Column("id", _Id, primary_key=True), *columns, sqlite_autoincrement=True)


def _reference(
    name: str, target: str, *, nullable: bool = False, index: bool = False, unique: bool | None = None
) -> Column[Any]:
    key = ForeignKey(f"{target}.id", deferrable=True, initially="DEFERRED")
    return Column(name, BigInteger, key, nullable=nullable, index=index, unique=unique)


def _text(*names: str) -> list[Column[Any]]:
    return [Column(name, Words) for name in names]


def _dates(*names: str) -> list[Column[Any]]:
    return [Column(name, CalendarDate) for name in names]


empresa = _table(
    "core_empresa",
    Column("nombre", Words, nullable=False, unique=True),
    *_text("nit", "logo_empresa", "formato_version_empresa", "formato_codificacion_empresa"),
    *_text("formato_fecha_version_empresa_display"),
    *_dates("formato_fecha_version_empresa"),
    Column("is_deleted", Flag, nullable=False),
)
customuser = _table(
    "core_customuser",
    Column("username", Words, nullable=False, unique=True),
    Column("first_name", Words, nullable=False),
    Column("last_name", Words, nullable=False),
    Column("email", Words, nullable=False),
    Column("is_superuser", Flag, nullable=False),
    Column("is_active", Flag, nullable=False),
    Column("rol_usuario", Words, nullable=False),
    _reference("empresa_id", "core_empresa", nullable=True, index=True),
)
equipo = _table(
    "core_equipo",
    Column("codigo_interno", Words, nullable=False),
    Column("nombre", Words, nullable=False),
    *_text("tipo_equipo", "marca", "modelo", "numero_serie", "ubicacion", "responsable", "proveedor", "estado"),
    *_text("rango_medida", "resolucion", "error_maximo_permisible", "puntos_calibracion", "observaciones"),
    *_text("archivo_compra_pdf", "ficha_tecnica_pdf", "manual_pdf", "otros_documentos_pdf", "imagen_equipo"),
    Column("fecha_registro", Moment),
    *_dates("fecha_adquisicion", "fecha_ultima_calibracion", "proxima_calibracion"),
    *_dates("fecha_ultimo_mantenimiento", "proximo_mantenimiento"),
    *_dates("fecha_ultima_comprobacion", "proxima_comprobacion"),
    Column("frecuencia_calibracion_meses", Amount),
    Column("frecuencia_mantenimiento_meses", Amount),
    Column("frecuencia_comprobacion_meses", Amount),
    _reference("empresa_id", "core_empresa", index=True),
)
proveedor = _table(
    "core_proveedor",
    Column("nombre_empresa", Words, nullable=False),
    *_text("tipo_servicio", "nombre_contacto", "numero_contacto", "correo_electronico", "pagina_web"),
    *_text("alcance", "servicio_prestado"),
    _reference("empresa_id", "core_empresa", index=True),
)
procedimiento = _table(
    "core_procedimiento",
    Column("codigo", Words, nullable=False),
    Column("nombre", Words, nullable=False),
    *_text("version", "documento_pdf", "observaciones"),
    *_dates("fecha_emision"),
    _reference("empresa_id", "core_empresa", index=True),
)
calibracion = _table(
    "core_calibracion",
    *_dates("fecha_calibracion"),
    *_text("nombre_proveedor", "resultado", "numero_certificado", "observaciones"),
    *_text("documento_calibracion", "confirmacion_metrologica_pdf", "intervalos_calibracion_pdf"),
    Column("confirmacion_metrologica_datos", JsonText),
    Column("fecha_registro", Moment),
    _reference("equipo_id", "core_equipo", index=True),
    _reference("proveedor_id", "core_proveedor", nullable=True),
)
mantenimiento = _table(
    "core_mantenimiento",
    *_dates("fecha_mantenimiento"),
    *_text("tipo_mantenimiento", "nombre_proveedor", "responsable", "descripcion", "observaciones"),
    *_text("actividades_realizadas", "documento_mantenimiento", "documento_externo", "documento_interno"),
    Column("costo", Amount),
    Column("fecha_registro", Moment),
    _reference("equipo_id", "core_equipo", index=True),
    _reference("proveedor_id", "core_proveedor", nullable=True),
)
comprobacion = _table(
    "core_comprobacion",
    *_dates("fecha_comprobacion"),
    *_text("consecutivo_texto", "nombre_proveedor", "responsable", "resultado", "observaciones"),
    *_text("comprobacion_pdf", "documento_comprobacion", "documento_externo", "documento_interno"),
    Column("consecutivo", Integer),
    Column("datos_comprobacion", JsonText),
    Column("fecha_registro", Moment),
    _reference("equipo_id", "core_equipo", index=True),
    _reference("proveedor_id", "core_proveedor", nullable=True),
)
bajaequipo = _table(
    "core_bajaequipo",
    *_dates("fecha_baja"),
    *_text("razon_baja", "observaciones", "documento_baja"),
    Column("fecha_registro", Moment),
    _reference("dado_de_baja_por_id", "core_customuser", nullable=True),
    _reference("equipo_id", "core_equipo", unique=True),
)
prestamoequipo = _table(
    "core_prestamoequipo",
    *_text("nombre_prestatario", "cedula_prestatario", "cargo_prestatario", "email_prestatario"),
    *_text("telefono_prestatario", "estado_prestamo", "observaciones_prestamo"),
    *_text("documento_prestamo", "documento_devolucion"),
    Column("fecha_prestamo", Moment),
    *_dates("fecha_devolucion_programada"),
    Column("fecha_devolucion_real", Moment),
    Column("fecha_registro", Moment),
    _reference("empresa_id", "core_empresa", index=True),
    _reference("equipo_id", "core_equipo", index=True),
)
ziprequest = _table(
    "core_ziprequest",
    Column("status", Label(20), nullable=False),
    Column("position_in_queue", Integer, nullable=False),
    Column("parte_numero", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("file_path", Label(500)),
    Column("file_size", Size),
    Column("error_message", Words),
    Column("expires_at", UtcDateTime),
    _reference("empresa_id", "core_empresa", index=True),
    _reference("user_id", "core_customuser", index=True),
    Column("current_step", Label(200)),
    Column("equipos_procesados", Integer, nullable=False),
    Column("estimated_completion", UtcDateTime),
    Column("progress_percentage", Integer, nullable=False),
    Column("total_equipos", Integer),
    Column("rango_equipos_fin", Integer),
    Column("rango_equipos_inicio", Integer),
    Column("total_partes", Integer, nullable=False),
)
# Not SAM's: `samzip init` makes it in databases of its own only, and `init --check` offers it where it is not there.
# What a run asks for is found by state, and history has most of the rows.
request_state = Index(
    "samzip_request_state", *(ziprequest.c[name] for name in ("status", "empresa_id", "parte_numero", "id"))
)
notificacionzip = _table(
    "core_notificacionzip",
    Column("tipo", Label(20), nullable=False),
    Column("status", Label(20), nullable=False),
    Column("titulo", Label(200), nullable=False),
    Column("mensaje", Words, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("read_at", UtcDateTime),
    _reference("user_id", "core_customuser", index=True),
    _reference("zip_request_id", "core_ziprequest", index=True),
)

work = Table(
    "samzip_work",
    own,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("queued_at", UtcDateTime, nullable=False),  # of its oldest request, or when it was last put in line anew
    Column("token", String(32)),  # whose work it is; null while it waits
    Column("run_id", String(32)),
    Column("attempts", Integer, nullable=False),  # begun ones, the present one included
    Column("deaths", Integer, nullable=False, server_default="0"),  # of worker processes that had it in work
    Column("not_before", UtcDateTime),  # of the next attempt
    Column("path", String(500)),  # the archive in the making: recovery removes it
    Column("last_error", Words),
)
archive = Table(
    "samzip_archive",
    own,
    Column("path", String(500), primary_key=True),
    Column("company_id", BigInteger, nullable=False),
    Column("part", Integer, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),  # bytes
    Column("sha256", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),  # of everything that went in
    Column("cut", String(64), nullable=False, server_default=""),  # of which instruments are in which part
    Column("download_name", String(255), nullable=False),
    Column("warnings", Words, nullable=False),  # JSON list
    Column("published_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("deleting", Flag, nullable=False),  # its file is going; nobody may be given it any more
    Column("downloads", Integer, nullable=False, server_default="0"),  # begun ones, through the web hook
    Column("downloaded_at", UtcDateTime),  # the last of them
    Index("samzip_archive_company", "company_id", "fingerprint"),
)
attempt = Table(
    "samzip_attempt",
    own,
    Column("token", String(32), primary_key=True),  # the claim's
    Column("company_id", BigInteger, nullable=False),
    Column("part", Integer, nullable=False),
    Column("number", Integer, nullable=False),  # from 1
    Column("request_id", BigInteger, nullable=False),  # the newest that it serves
    Column("run_id", String(32), nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("outcome", String(20)),
    Column("error", Words),
    Column("path", String(500)),  # the archive that it makes, or that its requests got
    Column("downloads", Integer, nullable=False, server_default="0"),  # of that archive, once its own row is gone
    Column("downloaded_at", UtcDateTime),
    Index("samzip_attempt_part", "company_id", "part"),
    Index("samzip_attempt_ended", "ended_at"),
    Index("samzip_attempt_path", "path"),
)
run = Table(
    "samzip_run",
    own,
    Column("id", String(32), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", String(32), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("outcome", String(20)),
    Column("counts", Words),  # JSON object
    Column("error", Words),  # what ended it early
    Index("samzip_run_started", "started_at"),
)
lease = Table(
    "samzip_lease",
    own,
    Column("name", String(32), primary_key=True),
    Column("token", String(32), nullable=False),
    Column("host", String(255), nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
web_key = Table(
    "samzip_web_key",
    own,
    Column("kind", String(20), primary_key=True),  # what the web hook remembers it for
    Column("key", String(200), primary_key=True),
    Column("uses", Integer, nullable=False, server_default="0"),
    Column("value", Words),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("samzip_web_key_expires", "expires_at"),
)
