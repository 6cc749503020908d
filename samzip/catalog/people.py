"""Who may ask for a company's archive."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from samzip.database.tables import customuser, empresa, equipo
from samzip.errors import RequestRefused

ROLES = ("ADMINISTRADOR", "GERENCIA")  # SAM's rule; a superuser needs neither role nor company


@dataclass(frozen=True, slots=True)
class Requester:
    """A user who may, and the company it is about."""

    user_id: int
    username: str
    company_id: int
    company: str


@dataclass(frozen=True, slots=True)
class Rights:
    """What a user's row says now."""

    is_active: bool
    is_superuser: bool
    role: str | None
    company_id: int | None

    def cover(self, company_id: int) -> bool:
        """Whether the user may have what was made for this company."""
        return self.is_active and (self.is_superuser or (self.role in ROLES and self.company_id == company_id))


def authorise(connection: Connection, username: str, company_id: int | None) -> Requester:
    """Raises RequestRefused. To a user who is no superuser, a foreign company and an unknown one look the same."""
    user = connection.execute(_user_named(), {"name": username}).first()
    if user is None:
        raise RequestRefused(f"there is no user {username!r}", "unknown_user")
    if not user.is_active:
        raise RequestRefused(f"user {username!r} is not active")
    if not user.is_superuser:
        if user.rol_usuario not in ROLES:
            raise RequestRefused(f"user {username!r} has the role {user.rol_usuario!r}; it takes {' or '.join(ROLES)}")
        if user.empresa_id is None:
            raise RequestRefused(f"user {username!r} belongs to no company")
        if company_id is not None and company_id != user.empresa_id:
            raise RequestRefused(f"user {username!r} may not ask for company {company_id}")
    wanted = company_id if company_id is not None else user.empresa_id
    if wanted is None:
        raise RequestRefused(
            f"user {username!r} belongs to no company: say which one with --company ID", "company_needed"
        )
    company = connection.execute(_company(), {"wanted": wanted}).first()
    if company is None or company.is_deleted:
        raise RequestRefused(f"there is no company {wanted}", "unknown_company")
    return Requester(user.id, user.username, wanted, company.nombre)


def count_equipment(connection: Connection, company_id: int) -> int:
    """Instruments of a company now, decommissioned ones included."""
    return connection.execute(_equipment(), {"company": company_id}).scalar_one()


# Made once: to put such a statement together takes longer than SQLite takes to answer it.


@cache
def _user_named() -> Select[Any]:
    columns = (
        customuser.c[name] for name in ("id", "username", "is_superuser", "is_active", "rol_usuario", "empresa_id")
    )
    return select(*columns).where(customuser.c.username == bindparam("name"))


@cache
def _company() -> Select[Any]:
    return select(empresa.c.nombre, empresa.c.is_deleted).where(empresa.c.id == bindparam("wanted"))


@cache
def _equipment() -> Select[int]:
    return select(func.count()).select_from(equipo).where(equipo.c.empresa_id == bindparam("company"))
