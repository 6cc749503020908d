"""Errors: RFC 9457 problem documents with a stable English code for programs, a Spanish page for people."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from samzip.errors import BadSetting, RequestRefused, SamzipError

MEDIA_TYPE = "application/problem+json"
PAGE_TYPE = "text/html"
RETRY_AFTER_S = 5  # for what passes by itself

log = logging.getLogger("samzip.web")


@dataclass(frozen=True, slots=True)
class Kind:
    """What stands behind a code."""

    status: int  # of HTTP
    title: str
    detail: str


KINDS = {
    # what a caller sent
    "bad_json": Kind(400, "Solicitud ilegible", "El cuerpo de la solicitud no es un objeto JSON válido."),
    "bad_request": Kind(400, "Solicitud incorrecta", "El servidor no entendió la solicitud."),
    "invalid_field": Kind(422, "Dato no válido", "Un dato de la solicitud no es válido."),
    "key_reused": Kind(
        422, "Clave repetida", "La misma Idempotency-Key llegó antes con otra solicitud; use una clave nueva."
    ),
    "too_large": Kind(413, "Solicitud demasiado grande", "El cuerpo de la solicitud es demasiado grande."),
    "not_json": Kind(415, "Tipo de contenido no admitido", "Envíe el cuerpo como application/json."),
    # who calls
    "unauthenticated": Kind(401, "Sin autorización", "Falta una credencial válida del servicio."),
    "stale_signature": Kind(401, "Firma vencida", "La hora de la firma se aparta más de 5 minutos de la del servidor."),
    "replayed": Kind(401, "Firma ya usada", "Esta firma ya se usó; firme cada solicitud de nuevo."),
    # what the user may
    "unknown_user": Kind(404, "Usuario desconocido", "No existe ese usuario."),
    "not_allowed": Kind(403, "Sin permiso", "Este usuario no puede descargar los documentos de esa empresa."),
    "company_needed": Kind(422, "Falta la empresa", "Este usuario no pertenece a una empresa: indique cuál."),
    "unknown_company": Kind(404, "Empresa desconocida", "No existe esa empresa."),
    "nothing_to_pack": Kind(409, "Sin equipos", "La empresa no tiene equipos: no hay nada para descargar."),
    "too_many_requests": Kind(429, "Demasiadas solicitudes", "Espere un momento antes de solicitar de nuevo."),
    # links and requests
    "not_found": Kind(404, "No existe", "No existe lo que se solicitó."),
    "unknown_link": Kind(404, "Enlace no válido", "Este enlace no es válido. Solicite el ZIP de nuevo en SAM."),
    "link_expired": Kind(410, "Enlace vencido", "Este enlace venció. Solicite el ZIP de nuevo en SAM."),
    "cancelled": Kind(
        410,
        "Solicitud cancelada",
        "Esta solicitud se canceló y su enlace ya no sirve. Si hace falta, solicite el ZIP de nuevo en SAM.",
    ),
    "archive_expired": Kind(
        410, "Archivo vencido", "El tiempo para descargar terminó. Solicite el ZIP de nuevo en SAM."
    ),
    "archive_failed": Kind(
        410, "No se pudo generar", "El archivo no se pudo generar. Solicite el ZIP de nuevo en SAM."
    ),
    "archive_gone": Kind(410, "Archivo perdido", "El archivo ya no está; se generará de nuevo. Intente más tarde."),
    "changed": Kind(412, "El archivo cambió", "Este ya no es el archivo que se pidió. Descárguelo desde el principio."),
    "not_ready": Kind(409, "Todavía no está listo", "El archivo todavía se está generando."),
    "not_cancellable": Kind(409, "Nada que cancelar", "La solicitud ya terminó: no hay nada que cancelar."),
    "not_retryable": Kind(409, "Nada que reintentar", "No hay ninguna parte que se pueda generar de nuevo."),
    "range_not_satisfiable": Kind(416, "Rango imposible", "El archivo no tiene los bytes que se solicitaron."),
    "method_not_allowed": Kind(405, "Método no permitido", "Esta dirección no admite ese método."),
    # the server
    "database_unavailable": Kind(
        503,
        "Servicio no disponible",
        "La base de datos no responde en este momento. Intente de nuevo en unos segundos.",
    ),
    "storage_unavailable": Kind(
        503,
        "Servicio no disponible",
        "El almacenamiento no responde en este momento. Intente de nuevo en unos minutos.",
    ),
    "counters_unavailable": Kind(
        503,
        "Servicio no disponible",
        "El servicio no puede contar solicitudes ahora. Intente de nuevo en unos segundos.",
    ),
    "unexpected": Kind(500, "Error inesperado", "Ocurrió un error inesperado. Intente de nuevo más tarde."),
}

_BY_STATUS = {
    400: "bad_request",
    401: "unauthenticated",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "not_json",
    416: "range_not_satisfiable",
    429: "too_many_requests",
}


class Problem(Exception):
    """Ends a call with a problem document."""

    def __init__(
        self, code: str, detail: str | None = None, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(code)
        kind = KINDS[code]
        self.code = code
        self.status = kind.status
        self.title = kind.title
        self.detail = detail or kind.detail
        self.headers = dict(headers or {})
        self.more = more  # further members of the document
        if self.status == 503:
            self.headers.setdefault("Retry-After", str(RETRY_AFTER_S))

    def document(self) -> dict[str, Any]:
        return {
            "type": f"urn:samzip:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.more,
        }

    def response(self) -> Response:
        """In the form that the caller likes best: whoever opens a dead link in a browser is a person."""
        if _liked_best() == PAGE_TYPE:
            response = Response(render_template("problem.html", problem=self), self.status, self.headers)
        else:
            body = json.dumps(self.document(), ensure_ascii=False)
            response = Response(body, self.status, self.headers, content_type=MEDIA_TYPE)
        response.vary.add("Accept")
        return response


def as_problem(error: Exception) -> Problem:
    """Whatever went wrong, in words that tell a stranger nothing about the inside."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestRefused):
        return Problem(error.code)
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, SamzipError) and not isinstance(error, BadSetting):
        code = {10: "database_unavailable", 12: "storage_unavailable"}.get(error.exit_code, "unexpected")
        if code != "unexpected":
            log.warning("%s: %s", type(error).__name__, error)
            return Problem(code)
    log.error("unexpected error", exc_info=error)
    return Problem("unexpected")


def _of_http(error: HTTPException) -> Problem:
    status = error.code or 500
    if status >= 500:
        log.error("unexpected error", exc_info=error)
        return Problem("unexpected")
    problem = Problem(_BY_STATUS.get(status, "bad_request"))
    kept = ("allow", "retry-after", "content-range")
    problem.headers.update({name: value for name, value in error.get_headers() if name.lower() in kept})
    return problem


def _liked_best() -> str:
    """Of the forms that a problem has. Who does not say is answered as the address answers otherwise."""
    forms = [MEDIA_TYPE, "application/json", PAGE_TYPE]
    if request.blueprint == "page":
        forms.reverse()
    return request.accept_mimetypes.best_match(forms, forms[0])


def install(app: Flask) -> None:
    """Every error of this application is told by a problem."""

    @app.errorhandler(Exception)
    def answer(error: Exception) -> Response:
        return as_problem(error).response()
