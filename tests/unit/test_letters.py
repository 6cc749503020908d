"""Letters: what they say, how they are sent, and that their secrets stay secret."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from samzip import events as e
from samzip.report.letters import LISTED, to_operators, to_requester
from samzip.report.notify import masked, send
from samzip.report.outbox import NotSent, Outbox, Parcel, harmless, reason
from samzip.requests.shown import DeliveredPart, Delivery, Owner

BOGOTA = ZoneInfo("America/Bogota")
UNTIL = datetime(2026, 11, 25, 2, 40, tzinfo=UTC)

ANA = Owner(user_id=3, company_id=2)


def part(number: int = 1, parts: int = 1, lacking: int = 0, error: str | None = None) -> DeliveredPart:
    warnings = [
        {"kind": "missing", "equipment": f"EQ-{it:03}", "document": "Manual", "path": "m.pdf", "reason": "no existe"}
        for it in range(lacking)
    ] + [{"kind": "note", "equipment": "EQ-900", "document": "Foto", "path": "f.png", "reason": "girada"}]
    return DeliveredPart(40 + number, number, parts, 15_234_567, None if error else UNTIL, warnings, error)


def delivery(*parts: DeliveredPart) -> Delivery:
    return Delivery(ANA, "CERTIBOY", "ana@example.com", "CERTIBOY S.A.S.", parts)


def link(request_id: int, owner: Owner, until: datetime) -> str:
    assert (owner, until) == (ANA, UNTIL)
    return f"https://sam.example.com/download/{request_id}"


def test_a_letter_tells_where_how_large_and_until_when() -> None:
    letter = to_requester(delivery(part()), BOGOTA, link)
    assert letter.title == "El ZIP de CERTIBOY S.A.S. está listo"
    assert "Archivo: 15,2\N{NO-BREAK SPACE}MB, disponible hasta el 2026-11-24 a las 21:40" in letter.text
    assert "https://sam.example.com/download/41" in letter.text
    assert "Documentos faltantes: 0. Observaciones: 1." in letter.text
    assert "EQ-900" not in letter.text
    assert "Descárguelo en SAM" not in letter.text


def test_a_letter_without_links_says_where_to_go() -> None:
    for absent in (None, lambda _id, _owner, _until: None):
        assert "Descárguelo en SAM" in to_requester(delivery(part()), BOGOTA, absent).text


def test_a_letter_names_what_is_missing_but_not_all_of_a_long_list() -> None:
    one = to_requester(delivery(part(lacking=1)), BOGOTA, None).text
    assert "Documentos faltantes: 1. Observaciones: 1. Todo está en FALTANTES.txt." in one
    assert "EQ-000: Manual" in one
    assert "EQ-900" not in one
    many = to_requester(delivery(part(lacking=LISTED + 5)), BOGOTA, None).text
    assert f"Documentos faltantes: {LISTED + 5}." in many
    assert "y 5 más" in many


def test_a_part_that_failed_at_last_is_told_among_the_others() -> None:
    letter = to_requester(delivery(part(1, 2), part(2, 2, error="disco lleno")), BOGOTA, None)
    assert letter.title == "El ZIP de CERTIBOY S.A.S. está listo en parte"
    assert "Parte 2 de 2: no se pudo generar (disco lleno). Puede solicitarlo de nuevo." in letter.text
    alone = to_requester(delivery(part(error="disco lleno.")), BOGOTA, None)
    assert "(disco lleno). Puede" in alone.text
    assert alone.title == "No se pudo generar el ZIP de CERTIBOY S.A.S."
    assert "Descárguelo" not in alone.text


def test_a_company_cannot_forge_the_lines_of_a_letter() -> None:
    forged = Delivery(ANA, "u", "a@b.co", "X\nBcc: all@example.com", (part(),))
    letter = to_requester(forged, BOGOTA, None)
    assert "\n" not in letter.title
    assert "\nBcc" not in letter.text


def test_operators_read_what_failed_and_what_to_do() -> None:
    letter = to_operators("sam1", ["[ERROR] uno", "[ERROR] dos"], None, "")
    assert letter.title == "samzip en sam1: 2 partes fallaron sin más intentos"
    assert "[ERROR] uno\n[ERROR] dos" in letter.text
    assert "samzip doctor" in letter.text
    assert letter.is_bad
    assert "(código 12)" in to_operators("sam1", [], 12, "no space").title


ADDRESS = "mailtos://sam:pass-word@smtp.example.com:465/?from=sam@example.com&to=ana@example.org"


def test_the_reason_of_a_failure_keeps_the_host_and_no_secret() -> None:
    told = masked("smtp.example.com refuses sam pass-word for ana@example.org", ADDRESS)
    assert told.startswith("smtp.example.com refuses sam *** for ")
    assert "pass-word" not in told


@pytest.mark.parametrize("address", ["prowl://S3crApiKeyShort12345", "join://S3crApiKeyShort12345/dev"])
def test_a_key_that_stands_where_others_have_a_host_is_a_secret(address: str) -> None:
    told = masked("An invalid API Key (S3crApiKeyShort12345) was specified.", address)
    assert told == "An invalid API Key (***) was specified."


class Told:
    def __init__(self) -> None:
        self.events: list[e.Event] = []

    def __call__(self, event: e.Event) -> None:
        self.events.append(event)


def test_what_fails_once_is_sent_again_and_what_fails_twice_is_told() -> None:
    told, tries = Told(), {"once": 0, "twice": 0}

    def fails(name: str, times: int) -> None:
        tries[name] += 1
        if tries[name] <= times:
            raise NotSent("refused")

    with Outbox(told, retry_after=0) as outbox:
        outbox.put(Parcel("ping", "once", lambda: fails("once", 1)))
        outbox.put(Parcel("ping", "twice", lambda: fails("twice", 9)))
    assert tries == {"once": 2, "twice": 2}
    assert told.events == [e.ReportSent("ping", "once"), e.ReportFailed("ping", "twice", "refused")]


def test_a_run_does_not_wait_for_ever() -> None:
    told, ended = Told(), threading.Event()
    with Outbox(told, patience=0.05) as outbox:
        outbox.put(Parcel("ping", "success", lambda: ended.wait(10) and None))
    assert [type(event) for event in told.events] == [e.ReportFailed]
    ended.set()


def test_a_run_that_is_asked_to_end_waits_a_second_for_its_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samzip.report.outbox.HURRIED_S", 0.05)
    told, ended = Told(), threading.Event()
    with Outbox(told, patience=60, is_hurried=lambda: True) as outbox:
        outbox.put(Parcel("ping", "success", lambda: ended.wait(60) and None))
    assert told.events == [e.ReportFailed("ping", "success", "given up 0.05 s after the run's end")]
    ended.set()


def test_an_outbox_without_letters_starts_no_thread() -> None:
    before = threading.active_count()
    with Outbox(Told()):
        assert threading.active_count() == before


def test_trouble_of_a_listener_is_told_once_and_reaches_nobody() -> None:
    told = Told()

    def broken(_event: e.Event) -> None:
        raise OSError("disk full")

    listener = harmless(broken, "metrics", told)
    listener(e.CleaningStarted())
    listener(e.CleaningStarted())
    assert told.events == [e.ReportFailed("metrics", "CleaningStarted", "disk full")]


@pytest.mark.parametrize(("module", "extra"), [("apprise", "notify"), ("prometheus_client", "metrics")])
def test_a_library_that_is_not_installed_is_told_with_its_extra(module: str, extra: str) -> None:
    assert f"pip install 'samzip[{extra}]'" in reason(ModuleNotFoundError("x", name=module))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Apprise's services import
def test_what_apprise_leaves_of_an_address_it_does_not_take_is_not_told() -> None:
    pytest.importorskip("apprise")
    with pytest.raises(NotSent) as told:
        send("mailto://ana:geheim@127.0.0.1:29998?to=a@example.com", to_operators("here", ["x"], 12, ""))
    assert "Could not load E-Mail URL: ***" in str(told.value)
    assert "g...m" not in str(told.value)
