"""Who owns the sample: two companies, their users, suppliers and procedures. Pure; invented from end to end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

Row = dict[str, Any]  # a row of one of SAM's tables: column -> value

STAFF = ("María Ruiz", "Andrés Peña", "Lucía Gómez", "José Ordóñez", "Iván Ñáñez", "Camila Muñoz")
PLACES = (
    "Laboratorio de masas",
    "Laboratorio de temperatura",
    "Metrología dimensional, 2.º piso",
    "Planta de producción",
    "Almacén de patrones",
    "Recepción de muestras",
)


@dataclass(frozen=True, slots=True)
class House:
    """One sample company, before anything is dated."""

    number: int  # its id within the sample
    name: str
    prefix: str  # of its instruments' codes
    size: int  # instruments
    tint: tuple[int, int, int]  # of its logo, RGB
    company: Row
    users: tuple[Row, ...]
    suppliers: tuple[Row, ...]
    procedures: tuple[Row, ...]
    logo_text: str


def _user(username: str, first: str, last: str, role: str, *, superuser: bool = False) -> Row:
    return {
        "username": username,
        "first_name": first,
        "last_name": last,
        "email": f"{username.lower()}@example.com",
        "is_superuser": superuser,
        "is_active": True,
        "rol_usuario": role,
    }


def _supplier(name: str, service: str, contact: str, phone: str, scope: str, provided: str) -> Row:
    site = name.split()[0].lower()
    return {
        "nombre_empresa": name,
        "tipo_servicio": service,
        "nombre_contacto": contact,
        "numero_contacto": phone,
        "correo_electronico": f"servicio@{site}.example.com",
        "pagina_web": f"https://{site}.example.com/",
        "alcance": scope,
        "servicio_prestado": provided,
    }


def _procedure(code: str, name: str, version: str, notes: str) -> Row:
    return {"codigo": code, "nombre": name, "version": version, "observaciones": notes}


SUPERUSER = _user("sam", "Soporte", "SAM Metrología", "ADMINISTRADOR", superuser=True)

CALIBRATIONS = "Calibración"
MAINTENANCE = "Mantenimiento"
VERIFICATIONS = "Comprobación"
PURCHASES = "Compra"

HOUSES: tuple[House, ...] = (
    House(
        number=1,
        name="CERTIBOY S.A.S.",
        prefix="EQ",
        size=69,
        tint=(18, 74, 124),
        company={
            "nombre": "CERTIBOY S.A.S.",
            "nit": "900.123.456-7",
            "logo_empresa": "empresas_logos/certiboy.png",
            "formato_version_empresa": "03",
            "formato_codificacion_empresa": "FOR-MET-001",
        },
        users=(
            _user("CERTIBOY", "Adriana", "Beltrán Niño", "ADMINISTRADOR"),
            _user("certiboy.tecnico", "Andrés", "Peña", "TECNICO"),
        ),
        suppliers=(
            _supplier(
                "Metrolab Colombia S.A.S.",
                CALIBRATIONS,
                "Sofía Cárdenas",
                "601 555 0142",
                "Masa, volumen, longitud, temperatura y humedad; acreditado ISO/IEC 17025:2017",
                "Calibración en laboratorio permanente y en sitio",
            ),
            _supplier(
                "Electropatrón Ltda",
                CALIBRATIONS,
                "Julián Ibáñez",
                "604 555 0187",
                "Presión, par torsional, tiempo y magnitudes eléctricas",
                "Calibración en laboratorio permanente",
            ),
            _supplier(
                "Servimant & Cía. Ltda",
                MAINTENANCE,
                "Óscar Zúñiga",
                "310 555 0121",
                "Balanzas, estufas y equipos de laboratorio",
                "Mantenimiento preventivo y correctivo",
            ),
            _supplier(
                "Verifica S.A.S.",
                VERIFICATIONS,
                "Ana Gómez",
                "315 555 0164",
                "Comprobaciones intermedias con patrones trazables",
                "Comprobación en sitio",
            ),
            _supplier(
                "Equipos y Más S.A.",
                PURCHASES,
                "Íngrid Núñez",
                "602 555 0119",
                "Instrumentos de medición y repuestos",
                "Venta, garantía y asesoría técnica",
            ),
        ),
        procedures=(
            _procedure("PR-001", "Comprobación intermedia de balanzas", "02", "Vigente"),
            _procedure("PR-002", "Manejo, transporte y almacenamiento de patrones", "04", "Vigente"),
            _procedure(
                "PR-003", "Confirmación metrológica e intervalos de calibración según ISO 10012", "01", "En revisión"
            ),
        ),
        logo_text="CERTIBOY",
    ),
    # Without procedures: an archive that has none to hold is worth seeing too.
    House(
        number=2,
        name="Laboratorio Andino Ltda",
        prefix="LA",
        size=5,
        tint=(30, 110, 76),
        company={
            "nombre": "Laboratorio Andino Ltda",
            "nit": "830.654.321-0",
            "logo_empresa": "empresas_logos/laboratorio_andino.png",
            "formato_version_empresa": "01",
            "formato_codificacion_empresa": "LAB-F-12",
        },
        users=(_user("andino", "Héctor", "Ocaña", "GERENCIA"),),
        suppliers=(
            _supplier(
                "Metrolab Colombia S.A.S.",
                CALIBRATIONS,
                "Sofía Cárdenas",
                "601 555 0142",
                "Masa, volumen, longitud, temperatura y humedad",
                "Calibración en sitio",
            ),
            _supplier(
                "Biotécnica del Café S.A.S.",
                MAINTENANCE,
                "Nubia Quiñones",
                "606 555 0133",
                "Equipos de laboratorio clínico y de alimentos",
                "Mantenimiento preventivo",
            ),
        ),
        procedures=(),
        logo_text="ANDINO",
    ),
)


def company_row(house: House, today: date) -> Row:
    """The row of core_empresa; its life sheet format was issued on 1 February two years before."""
    issued = date(today.year - 2, 2, 1)
    return {
        "id": house.number,
        **house.company,
        "formato_fecha_version_empresa": issued,
        "formato_fecha_version_empresa_display": f"{issued:%Y-%m}",
        "is_deleted": False,
    }
