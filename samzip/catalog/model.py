"""What samzip knows of a company: frozen values, plain enough to pickle, to hash and to send anywhere.

Words are those of ISO/IEC 17025 and ISO 10012 (calibration, verification, maximum permissible error).
A path is relative to the media root and is kept as SAM stores it; None where SAM stores nothing.
A date is a calendar day in Colombia; a datetime is aware, UTC.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

DECOMMISSIONED = "De Baja"  # the value of `estado` that makes an instrument carry its decommission record
INACTIVE = "Inactivo"


@dataclass(frozen=True, slots=True)
class Company:
    """One row of core_empresa."""

    id: int
    name: str
    tax_id: str | None = None  # NIT
    logo: str | None = None  # path
    format_code: str | None = None  # of the life sheet: document control per ISO/IEC 17025 8.3
    format_version: str | None = None
    format_date: str | None = None  # as the company wants it shown


@dataclass(frozen=True, slots=True)
class Calibration:
    """One row of core_calibracion."""

    id: int
    date: date | None
    supplier: str | None = None
    result: str | None = None
    certificate_number: str | None = None
    notes: str | None = None
    certificate: str | None = None  # path
    confirmation: str | None = None  # path of the metrological confirmation
    intervals: str | None = None  # path of the calibration interval analysis
    measurements: str | None = None  # JSON text, as read; dossier.measurements understands it
    registered: datetime | None = None


@dataclass(frozen=True, slots=True)
class Maintenance:
    """One row of core_mantenimiento."""

    id: int
    date: date | None
    kind: str | None = None  # Preventivo, Correctivo, ...
    supplier: str | None = None
    responsible: str | None = None
    cost: Decimal | None = None  # Colombian pesos
    description: str | None = None
    activities: str | None = None
    notes: str | None = None
    external_document: str | None = None  # path
    internal_document: str | None = None  # path
    general_document: str | None = None  # path
    registered: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """One row of core_comprobacion."""

    id: int
    date: date | None
    consecutive: str | None = None
    supplier: str | None = None
    responsible: str | None = None
    result: str | None = None
    notes: str | None = None
    certificate: str | None = None  # path
    external_document: str | None = None  # path
    internal_document: str | None = None  # path
    general_document: str | None = None  # path
    measurements: str | None = None  # JSON text, as read
    registered: datetime | None = None


@dataclass(frozen=True, slots=True)
class Loan:
    """One row of core_prestamoequipo."""

    id: int
    borrower: str | None = None
    national_id: str | None = None  # cédula
    position: str | None = None
    phone: str | None = None
    email: str | None = None
    lent: datetime | None = None
    due: date | None = None
    returned: datetime | None = None
    state: str | None = None
    notes: str | None = None
    loan_document: str | None = None  # path
    return_document: str | None = None  # path
    registered: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decommission:
    """One row of core_bajaequipo."""

    date: date | None
    reason: str | None = None
    notes: str | None = None
    document: str | None = None  # path
    by: str | None = None  # full name of the person
    registered: datetime | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Last and next date of one kind of activity."""

    last: date | None = None
    next: date | None = None
    months: Decimal | None = None  # frequency


@dataclass(frozen=True, slots=True)
class Equipment:
    """One row of core_equipo with its records, each history in chronological order (then by id)."""

    id: int
    code: str
    name: str
    kind: str | None = None
    brand: str | None = None
    model: str | None = None
    serial_number: str | None = None
    location: str | None = None
    responsible: str | None = None
    supplier: str | None = None
    state: str | None = None
    acquired: date | None = None
    registered: datetime | None = None
    measuring_range: str | None = None
    resolution: str | None = None
    maximum_permissible_error: str | None = None
    calibration_points: str | None = None
    notes: str | None = None
    purchase: str | None = None  # path
    data_sheet: str | None = None  # path
    manual: str | None = None  # path
    other_documents: str | None = None  # path
    photo: str | None = None  # path
    calibration: Schedule = Schedule()
    maintenance: Schedule = Schedule()
    verification: Schedule = Schedule()
    calibrations: tuple[Calibration, ...] = ()
    maintenances: tuple[Maintenance, ...] = ()
    verifications: tuple[Verification, ...] = ()
    loans: tuple[Loan, ...] = ()
    decommission: Decommission | None = None
    unread: tuple[str, ...] = ()  # what could not be understood and is empty here, phrases in Spanish

    @property
    def is_decommissioned(self) -> bool:
        return plain_state(self.state) == plain_state(DECOMMISSIONED)

    @property
    def is_retired(self) -> bool:
        """Nothing is due on it any more."""
        return self.is_decommissioned or plain_state(self.state) == plain_state(INACTIVE)


def spaced(word: str | None) -> str:
    """A word of SAM's lists, such as a state, without what nobody sees in it: its letters, and single spaces."""
    text = unicodedata.normalize("NFC", word or "")
    if not text.isprintable():
        text = "".join(c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return " ".join(text.split())


def plain_state(state: str | None) -> str:
    """The same for two states that read the same but for their capitals: an import writes "DE BAJA"."""
    return spaced(state).casefold()


@dataclass(frozen=True, slots=True)
class Procedure:
    """One row of core_procedimiento."""

    id: int
    code: str
    name: str
    version: str | None = None
    issued: date | None = None
    document: str | None = None  # path
    notes: str | None = None


@dataclass(frozen=True, slots=True)
class Supplier:
    """One row of core_proveedor."""

    id: int
    name: str
    contact: str | None = None
    email: str | None = None
    phone: str | None = None
    kind: str | None = None
    scope: str | None = None
    service: str | None = None
    website: str | None = None


@dataclass(frozen=True, slots=True)
class CompanyRecords:
    """Everything of a company that is not an instrument."""

    company: Company
    procedures: tuple[Procedure, ...] = ()
    suppliers: tuple[Supplier, ...] = ()
    unread: tuple[str, ...] = ()  # as Equipment.unread
