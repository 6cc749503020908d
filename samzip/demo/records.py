"""The sample: two companies with everything that SAM would know of them. Pure: the same day gives the same sample."""

from __future__ import annotations

from datetime import date, timedelta

from samzip.demo.activities import Supplier, number_verifications
from samzip.demo.book import Book, Logo, Paper, morning, spanish_day
from samzip.demo.inventory import Setting, add_equipment
from samzip.demo.people import HOUSES, SUPERUSER, House, Row, company_row

# Index of the instrument, borrower, days since it was lent, was due, came back; state.
LOANS = (
    (2, "Carlos Díaz Peñaloza", 120, 90, 95, "DEVUELTO"),
    (27, "Yesenia Ibáñez", 10, -20, None, "ACTIVO"),
    (60, "Hernán Quiñones", 50, 20, None, "VENCIDO"),
)


def sample(today: date) -> Book:
    """Everything, dated relative to `today` (a day in Colombia)."""
    book = Book()
    for house in HOUSES:
        book.add("core_empresa", company_row(house, today))
        book.file(house.company["logo_empresa"], today - timedelta(days=400), Logo(house.logo_text, house.tint))
    book.add("core_customuser", {**SUPERUSER, "empresa_id": None})
    for house in HOUSES:
        users = [book.add("core_customuser", {**user, "empresa_id": house.number}) for user in house.users]
        setting = Setting(house, users[0], _add_suppliers(book, house), today)
        _add_procedures(book, setting)
        seen = len(book.rows.get("core_comprobacion", ()))
        for index in range(house.size):
            add_equipment(book, setting, index)
        number_verifications(book.rows["core_comprobacion"][seen:], "CB")
    _add_loans(book, today)
    return book


def _add_suppliers(book: Book, house: House) -> dict[str, list[Supplier]]:
    found: dict[str, list[Supplier]] = {}
    for row in house.suppliers:
        number_ = book.add("core_proveedor", {**row, "empresa_id": house.number})
        found.setdefault(row["tipo_servicio"], []).append(Supplier(number_, row["nombre_empresa"]))
    return found


def _add_procedures(book: Book, setting: Setting) -> None:
    for order, row in enumerate(setting.house.procedures):
        day = setting.today - timedelta(days=150 + 97 * order)
        lines = (("Código", row["codigo"]), ("Versión", row["version"]), ("Emisión", spanish_day(day)))
        path = f"documentos/{row['codigo']}/procedimientos/{row['codigo']}.pdf"
        paper = Paper(row["nombre"], setting.house.name, lines, pages=2)
        company = {"empresa_id": setting.house.number, "fecha_emision": day}
        book.add("core_procedimiento", {**row, **company, "documento_pdf": book.file(path, day, paper)})


def _add_loans(book: Book, today: date) -> None:
    """One loan given back, one running, one overdue."""
    for index, borrower, lent_ago, due_ago, returned_ago, state in LOANS:
        instrument = book.rows["core_equipo"][index]
        code, lent = instrument["codigo_interno"], today - timedelta(days=lent_ago)
        returned = None if returned_ago is None else today - timedelta(days=returned_ago)
        rows = (("Instrumento", instrument["nombre"]), ("Código interno", code), ("Recibe", borrower))
        paper = Paper("Acta de préstamo", HOUSES[0].name, (*rows, ("Fecha", spanish_day(lent))))
        row: Row = {
            "empresa_id": HOUSES[0].number,
            "equipo_id": instrument["id"],
            "nombre_prestatario": borrower,
            "cedula_prestatario": f"10{index:02d}.555.0{index:02d}",
            "cargo_prestatario": "Técnico de campo",
            "email_prestatario": "campo@example.com",
            "telefono_prestatario": f"300 555 01{index:02d}",
            "fecha_prestamo": morning(lent),
            "fecha_devolucion_programada": today - timedelta(days=due_ago),
            "fecha_devolucion_real": returned and morning(returned),
            "estado_prestamo": state,
            "observaciones_prestamo": "Préstamo interno para trabajo en campo",
            "documento_prestamo": book.file(f"documentos/{code}/prestamos/prestamo_{code}_1.pdf", lent, paper),
            "documento_devolucion": None,
            "fecha_registro": morning(lent),
        }
        if returned:
            paper = Paper("Acta de devolución", HOUSES[0].name, (*rows, ("Fecha", spanish_day(returned))))
            path = f"documentos/{code}/prestamos/devolucion_{code}_1.pdf"
            row["documento_devolucion"] = book.file(path, returned, paper)
        book.add("core_prestamoequipo", row)
