"""docs/adopting.md, step by step and back, with its own SQL: SAM on PostgreSQL as Django makes it, and a bucket."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
import psycopg
import pytest
from psycopg.rows import dict_row
from pypdf import PdfReader
from sqlalchemy.engine import make_url

import samzip.app
from samzip.cli import main
from samzip.database import tables
from samzip.database.rights import ROLES
from samzip.database.setup import VERSION_TABLE
from samzip.storage.s3 import client
from tests.support.commandline import unknown_words
from tests.support.s3 import BUCKET, KEYS, Bucket
from tests.support.world import InlineExecutor, World, empty_postgres_database

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adopting.md").read_text(encoding="utf-8")
SQL = dict(re.findall(r"^```sql\n-- (\w+\.sql)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
OWN = sorted([*tables.own.tables, VERSION_TABLE])
STATES = {"pending", "processing", "completed", "failed", "expired"}  # those that SAM's model knows

COMPANY = """
INSERT INTO core_empresa (nombre, is_deleted) VALUES ('CERTIBOY S.A.S.', false);
INSERT INTO core_customuser (username, first_name, last_name, email, is_superuser, is_active, rol_usuario, empresa_id)
VALUES ('CERTIBOY', 'Ana', 'Gómez', 'ana@example.com', false, true, 'ADMINISTRADOR', 1);
INSERT INTO core_equipo (codigo_interno, nombre, tipo_equipo, estado, fecha_registro, archivo_compra_pdf,
                         frecuencia_calibracion_meses, empresa_id)
SELECT 'EQ-00' || n, 'Balanza ' || n, 'Equipo de Medición', 'Activo', '2024-03-01 12:00+00',
       'documentos/EQ-00' || n || '/compra.pdf', 12.00, 1
FROM generate_series(1, 3) n;
INSERT INTO core_calibracion (fecha_calibracion, resultado, confirmacion_metrologica_datos, fecha_registro, equipo_id)
VALUES ('2026-05-04', 'Aprobado', '{"magnitudes": [{"nombre": "Masa", "unidad": "g", "puntos_medicion": [
  {"nominal": 100, "lectura": 100.1, "error": 0.1, "incertidumbre": 0.05, "emp_absoluto": 0.5},
  {"nominal": 200, "lectura": 200.1, "error": 0.1, "incertidumbre": 0.05, "emp_absoluto": 0.5}]}]}', now(), 1);
"""

# What SAM's worker left. Two parts, since SAMZIP_PART_SIZE is 2 here.
OVER, VALID, STUCK, FAILED, FIRST, SECOND = 1, 2, 3, 4, (5, 7), (6, 8)
FILES = {
    OVER: "zip_requests/1/20251028_101500_parte_1_req_1.zip",
    VALID: "zip_requests/1/20261128_090000_parte_1_req_2.zip",
    None: "zip_requests/1/20251027_090000_parte_2_req_999.zip",  # half-built: no row knows it
}
LEFT = f"""
INSERT INTO core_ziprequest (status, position_in_queue, parte_numero, total_partes, created_at, started_at,
  completed_at, expires_at, file_path, file_size, error_message, empresa_id, user_id, current_step, equipos_procesados,
  progress_percentage, total_equipos, rango_equipos_inicio, rango_equipos_fin)
SELECT status, 1, part, 2, made, CASE WHEN status <> 'pending' THEN made END, CASE WHEN file <> '' THEN made END,
  made + interval '6 hours', nullif(file, ''), 3, CASE WHEN status = 'failed' THEN 'Worker no corriendo' END, 1, 1,
  CASE WHEN status = 'processing' THEN 'Procesando equipo 1/2: EQ-001' END, 0, 0, 2, 1, 2
FROM (VALUES
  (1, 'completed', 1, now() - interval '30 days', '{FILES[OVER]}'),
  (2, 'completed', 1, now() - interval '1 hour', '{FILES[VALID]}'),
  (3, 'processing', 1, now() - interval '2 days', ''),
  (4, 'failed', 1, now() - interval '1 day', ''),
  (5, 'pending', 1, now() - interval '3 days', ''),
  (6, 'pending', 2, now() - interval '3 days', ''),
  (7, 'queued', 1, now(), ''),
  (8, 'pending', 2, now(), '')) AS left_by_sam (number, status, part, made, file)
ORDER BY number;
"""
CLICK = LEFT[: LEFT.index("FROM (VALUES")] + "FROM (VALUES {rows}) AS clicked (number, status, part, made, file)"

# What SAM's download view does, with the storage that SAM has.
SAMS_STORAGE = """
import hashlib, json, os, sys
from django.conf import settings
s3 = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {"location": "media"}}
aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
settings.configure(STORAGES={"default": s3}, **aws)
from django.core.files.storage import default_storage
print(json.dumps([hashlib.sha256(default_storage.open(path).read()).hexdigest() for path in sys.argv[1:]]))
"""


@dataclass
class Sam:
    """SAM's database and its bucket, before anybody knew samzip."""

    owner: str  # URL of the tables' owner, who is no superuser
    bucket: Bucket
    capsys: pytest.CaptureFixture[str]

    def rows(self, query: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.owner, row_factory=dict_row) as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]

    def execute(self, script: str) -> None:
        with psycopg.connect(self.owner, autocommit=True) as connection:
            connection.execute(script)  # type: ignore[arg-type]

    def requests(self) -> dict[int, dict[str, Any]]:
        return {row["id"]: row for row in self.rows("SELECT * FROM core_ziprequest")}

    def shape(self) -> list[dict[str, Any]]:
        """SAM's tables with columns, indexes and constraints."""
        return self.rows(
            """SELECT table_name AS it, column_name || data_type || is_nullable || coalesce(column_default, '') AS what
               FROM information_schema.columns WHERE table_schema = 'public' AND table_name !~ '^samzip_'
               UNION ALL SELECT tablename, indexdef FROM pg_indexes
               WHERE schemaname = 'public' AND tablename !~ '^samzip_'
               UNION ALL SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
               WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text !~ '^samzip_' ORDER BY 1, 2"""
        )

    def rights(self) -> list[dict[str, Any]]:
        return self.rows("SELECT relname, relacl::text FROM pg_class WHERE relname ~ '^core_' ORDER BY 1")

    def samzip(self, *words: str, login: str = "") -> tuple[int, str]:
        """Exit code and what was printed."""
        url = make_url(self.owner)
        if login:
            url = url.set(username=login)
        with pytest.raises(SystemExit) as ended:
            main([*words, "--database-url", url.render_as_string(hide_password=False)])
        return int(ended.value.code or 0), self.capsys.readouterr().out

    def roles(self) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["init", "--roles"])
        assert not ended.value.code
        return self.capsys.readouterr().out

    def files(self) -> set[str]:
        return {f"zip_requests/{name}" for name in self.bucket.names("media/zip_requests")}

    def downloads(self, *paths: str) -> list[str]:
        """SHA-256 of what SAM's view would send."""
        command = [sys.executable, "-c", SAMS_STORAGE, *paths]
        done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
        assert done.returncode == 0, done.stderr
        sums = json.loads(done.stdout)
        assert isinstance(sums, list)
        return sums


@pytest.fixture
def sam(
    postgres_server: str,
    s3: Bucket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Sam]:
    for name in s3.environment:
        monkeypatch.delenv(name)
    own_names = {  # SAM's
        "AWS_STORAGE_BUCKET_NAME": BUCKET,
        "AWS_ACCESS_KEY_ID": KEYS[0],
        "AWS_SECRET_ACCESS_KEY": KEYS[1],
        "AWS_S3_REGION_NAME": "us-east-1",
        "AWS_S3_ENDPOINT_URL": s3.environment["AWS_ENDPOINT_URL"],
    }
    for name, value in {**own_names, "SAMZIP_STATE_DIR": str(tmp_path / "state"), "SAMZIP_PART_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SAMZIP_JOBS", "1")
    # In place: a fork server of an earlier test lacks the bucket's keys.
    monkeypatch.setattr(samzip.app, "_executor", lambda settings, run_id, stop: InlineExecutor())
    client._bucket.cache_clear()
    server = make_url(postgres_server).set(drivername="postgresql").render_as_string(hide_password=False)
    url = make_url(empty_postgres_database(postgres_server)).set(drivername="postgresql")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("CREATE ROLE sam_owner LOGIN CREATEROLE")
        admin.execute(f"ALTER DATABASE {url.database} OWNER TO sam_owner")  # type: ignore[arg-type]
    made = Sam(url.set(username="sam_owner").render_as_string(hide_password=False), s3, capsys)
    made.execute((ROOT / "tests" / "support" / "sam_postgres.sql").read_text() + COMPANY + LEFT)
    for number in (1, 2, 3):
        s3.put(f"media/documentos/EQ-00{number}/compra.pdf", b"%PDF-1.4\n%" + b"%d" % number * 40)
    for path in FILES.values():
        s3.put(f"media/{path}", b"PK?")
    yield made
    for name in s3.names("media"):
        s3.delete(f"media/{name}")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {url.database} WITH (FORCE)")  # type: ignore[arg-type]
        for role in ("samzip", "samzip_hook", "samzip_runner", "samzip_purge", "samzip_reader", "sam_owner"):
            admin.execute(f"DROP ROLE IF EXISTS {role}")  # type: ignore[arg-type]


def test_from_the_old_worker_to_samzip_and_back_and_again(sam: Sam) -> None:
    pytest.importorskip("storages", reason="django-storages is not installed")
    shape, rights, before = sam.shape(), sam.rights(), sam.requests()

    # 1: look
    code, told = sam.samzip("init", "--check")
    assert code == 0
    assert f"Would create: {', '.join(OWN)}." in told
    assert "Found: SAM's; its tables, rows and rights stay as they are." in told
    assert "Missing right" not in told
    # 2: tables
    assert sam.samzip("init") == (
        0,
        f"Adopted SAM's database; its own tables are as they were.\nCreated: {', '.join(OWN)}.\n",
    )
    assert (sam.shape(), sam.rights(), sam.requests()) == (shape, rights, before)
    # 3: a login with the least rights; the script may be executed again
    for _ in range(2):
        sam.execute(sam.roles())
    sam.execute(SQL["login.sql"])
    code, told = sam.samzip("init", "--check", login="samzip")
    assert (code, "Nothing to do" in told, "Missing right" in told) == (0, True, False)
    # 4: settings
    told = sam.samzip("doctor", login="samzip")[1]
    found = {line[9:22].strip(): line.split()[0] for line in told.splitlines() if line[:1] != " "}
    assert [found[it] for it in ("database", "media", "archives", "last run", "timer")] == [
        *("ok", "ok", "ok"),
        *("warning", "problem"),
    ]
    assert sam.samzip("run", "--dry-run", login="samzip") == (
        0,
        "CERTIBOY S.A.S.: 5 requests -> parts 1, 2 of 2 (3 instruments)\n",
    )
    told = sam.samzip("purge", "--dry-run", login="samzip")[1]
    assert FILES[OVER] in told
    assert f"#{STUCK} processing" in told
    assert sam.requests() == before

    # 6: the first run
    code, told = sam.samzip("run", login="samzip")
    assert (code, "2 archives published" in told) == (0, True)
    rows = sam.requests()
    assert rows[VALID] == before[VALID]
    assert rows[FAILED] == before[FAILED]
    assert rows[OVER]["status"] == "expired"
    assert {rows[number]["status"] for number in (STUCK, *FIRST, *SECOND)} == {"completed"}
    (first,) = {rows[number]["file_path"] for number in (STUCK, *FIRST)}
    (second,) = {rows[number]["file_path"] for number in SECOND}
    assert sam.files() == {first, second, FILES[VALID], FILES[None]}
    notified = sam.rows("SELECT zip_request_id AS of, tipo FROM core_notificacionzip ORDER BY 1")
    assert [(row["of"], row["tipo"]) for row in notified] == [
        (OVER, "zip_expired"),
        *((number, "zip_ready") for number in sorted((STUCK, *FIRST, *SECOND))),
    ]
    archives = {row["path"]: row for row in sam.rows("SELECT * FROM samzip_archive")}
    assert sam.downloads(first, second, FILES[VALID]) == [
        archives[first]["sha256"],
        archives[second]["sha256"],
        hashlib.sha256(b"PK?").hexdigest(),
    ]
    assert [json.loads(row["warnings"]) for row in archives.values()] == [[], []]
    assert "Masa" in life_sheet(sam.bucket, first, "EQ-001")  # jsonb became a chart
    # and the one of a minute later: what ended long ago is forgotten, with its notification
    assert sam.samzip("run", login="samzip")[0] == 0
    assert set(sam.requests()) == set(before) - {OVER}

    # back: clicks wait, a run was killed, a part was cancelled
    waiting = "(9, 'pending', 1, now(), ''), (10, 'pending', 2, now(), ''), (11, 'processing', 1, now(), '')"
    sam.execute(CLICK.format(rows=f"{waiting}, (12, 'cancelled', 9, now(), '')"))
    sam.execute("UPDATE core_ziprequest SET expires_at = NULL WHERE id IN (10, 11)")  # as samzip puts them back
    assert sam.samzip("purge", "--yes", login="samzip")[0] == 0
    sam.execute(SQL["back.sql"])
    rows = sam.requests()
    assert {row["status"] for row in rows.values()} <= STATES
    recovered = "SELECT id FROM core_ziprequest WHERE status IN ('pending', 'queued') AND expires_at > now() ORDER BY 1"
    assert [row["id"] for row in sam.rows(recovered)] == [9, 10, 11]  # what SAM's worker takes up when it starts
    sam.execute(SQL["remove.sql"])
    assert sam.shape() == shape
    assert sam.rows("SELECT rolname FROM pg_roles WHERE rolname ~ '^samzip'") == []
    assert sam.rows("SELECT relname FROM pg_class WHERE relname ~ '^samzip'") == []
    assert sam.requests() == rows
    assert sam.downloads(first) == [archives[first]["sha256"]]  # SAM's view still hands it out

    # and again: what samzip published in its first time goes as any other archive
    sam.execute(f"UPDATE core_ziprequest SET expires_at = now() WHERE file_path = '{second}'")
    assert sam.samzip("init")[0] == 0
    sam.execute(sam.roles())
    sam.execute(SQL["login.sql"])
    assert sam.samzip("run", login="samzip")[0] == 0
    rows = sam.requests()
    assert {rows[number]["status"] for number in (9, 10, 11)} == {"completed"}
    assert {rows[number]["status"] for number in SECOND} == {"expired"}
    assert second not in sam.files()
    assert first in sam.files()


def life_sheet(bucket: Bucket, path: str, code: str) -> str:
    """Its text."""
    data = obstore.get(client.bucket(BUCKET), f"media/{path}").bytes()
    archive = zipfile.ZipFile(io.BytesIO(bytes(data)))
    (name,) = [name for name in archive.namelist() if name.endswith(f"{code}/Hoja_de_vida.pdf")]
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(archive.read(name))).pages)


def test_an_old_worker_that_completes_what_samzip_builds_wins_and_nothing_is_left_over(world: World) -> None:
    world.company(equipment=1)
    (number,) = world.click().request_ids

    def it_completes(job: object) -> None:
        world.set_request(number, status="completed", file_path="zip_requests/1/by_sam.zip")

    world.executor.before = it_completes
    world.run()
    (row,) = world.requests()
    assert (row.status, row.file_path) == ("completed", "zip_requests/1/by_sam.zip")
    assert world.files() == []
    assert world.rows(tables.work) == []


def test_the_page_names_commands_that_there_are() -> None:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    blocks = "\n".join(text for language, text in fenced if not language)
    commands = re.findall(r"^samzip (.+?)(?: [|#].*)?$", blocks, re.MULTILINE)
    assert len(commands) > 10
    for command in [*commands, *re.findall(r"`samzip ([a-z][^`|]*)`", PAGE)]:
        assert unknown_words(shlex.split(command.removesuffix(" &"))) == [], command


def test_the_roles_that_are_removed_and_the_tables_are_all_that_there_are() -> None:
    dropped = re.findall(r"DROP TABLE ([^;]+);", SQL["remove.sql"])[0].split(", ")
    assert sorted(dropped) == OWN
    removed = re.findall(r"DROP ROLE ([^;]+);", SQL["remove.sql"])[0].split(", ")
    assert sorted(removed) == sorted(["samzip", *ROLES])
