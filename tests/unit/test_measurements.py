import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samzip.dossier.measurements import DEFAULT_NAME, MAX_POINTS, Measurements, Point, parse


def point(**changes):
    return {"nominal": 10.0, "lectura": 10.02, "error": 0.02, "incertidumbre": 0.01, "emp_absoluto": 0.05} | changes


def text_of(*points, **table):
    return json.dumps({"magnitudes": [{"nombre": "Temperatura", "unidad": "°C", "puntos_medicion": points} | table]})


def only_point(text):
    (magnitude,) = parse(text).magnitudes
    (one,) = magnitude.points
    return one


def test_a_magnitude_keeps_its_name_its_unit_and_its_points_by_nominal_value():
    found = parse(text_of(point(nominal=30), point(nominal=10), point(nominal=20)))
    (magnitude,) = found.magnitudes
    assert (magnitude.name, magnitude.unit) == ("Temperatura", "°C")
    assert [p.nominal for p in magnitude.points] == [10, 20, 30]
    assert found.skipped == ()


def test_the_older_form_with_points_at_the_top_is_one_magnitude_with_a_default_name():
    (magnitude,) = parse(json.dumps({"unidad": "kg", "puntos_medicion": [point()]})).magnitudes
    assert (magnitude.name, magnitude.unit) == (DEFAULT_NAME, "kg")
    assert magnitude.points == (Point(10.0, 0.02, 0.05, 0.01),)


def test_an_empty_list_of_magnitudes_does_not_hide_points_of_the_older_form():
    assert parse(json.dumps({"magnitudes": [], "puntos_medicion": [point()]})).magnitudes


def test_ratios_are_multiples_of_the_maximum_permissible_error():
    one = only_point(text_of(point(error=-0.04, incertidumbre=0.01, emp_absoluto=0.05)))
    assert one.ratio == pytest.approx(-0.8)
    assert one.uncertainty_ratio == pytest.approx(0.2)


@pytest.mark.parametrize("error", [None, ""])
def test_an_absent_error_is_reading_minus_nominal(error):
    assert only_point(text_of(point(lectura=10.04, error=error))).error == pytest.approx(0.04)


def test_a_stated_error_wins_over_the_reading():
    assert only_point(text_of(point(lectura=11, error=0.03))).error == 0.03


@pytest.mark.parametrize(
    ("typed", "value"),
    [("0,05", 0.05), (" 0.05 ", 0.05), ("1.234,5", 1234.5), ("1,234.5", 1234.5), ("−0,5", -0.5), ("2", 2.0)],
)
def test_numbers_typed_as_text_may_use_the_comma(typed, value):
    assert only_point(text_of(point(error=typed))).error == value


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"emp_absoluto": 0}, "el error máximo permisible no es positivo"),
        ({"emp_absoluto": -0.1}, "el error máximo permisible no es positivo"),
        ({"emp_absoluto": None}, "falta el error máximo permisible"),
        ({"nominal": "diez"}, "el valor nominal no es un número"),
        ({"nominal": True}, "el valor nominal no es un número"),
        ({"nominal": [1]}, "el valor nominal no es un número"),
        ({"nominal": "1_000"}, "el valor nominal no es un número"),
        ({"error": float("nan")}, "el error está fuera de escala"),
        ({"error": float("inf")}, "el error está fuera de escala"),
        ({"error": 10**400}, "el error está fuera de escala"),
        ({"error": 1e300}, "el error está fuera de escala"),
        ({"emp_absoluto": 1e-300}, "el error máximo permisible está fuera de escala"),
        ({"error": None, "lectura": None}, "falta el error"),
    ],
)
def test_an_unusable_point_is_skipped_and_told_and_its_neighbours_stay(changes, reason):
    found = parse(text_of(point(**changes), point(nominal=20)))
    assert [p.nominal for p in found.magnitudes[0].points] == [20]
    assert found.skipped == (f"puntos omitidos: {reason}",)


def test_equal_reasons_are_told_once_with_their_number():
    assert parse(text_of(point(emp_absoluto=0), point(emp_absoluto=0))).skipped == (
        "puntos omitidos: el error máximo permisible no es positivo (2)",
    )


def test_what_was_left_out_is_told_in_words_that_people_use_one_phrase_for_each_kind():
    found = parse(text_of(point(emp_absoluto=0), point(nominal="x"), point(incertidumbre=-1), point(emp_absoluto=-1)))
    assert found.skipped == (
        "puntos omitidos: el error máximo permisible no es positivo (2), el valor nominal no es un número",
        "incertidumbres omitidas: la incertidumbre es negativa",
    )
    assert not any(key in " ".join(found.skipped) for key in ("emp_absoluto", "JSON"))


@pytest.mark.parametrize("value", ["x", -1, True])
def test_an_unusable_uncertainty_leaves_the_point_without_bar(value):
    found = parse(text_of(point(incertidumbre=value)))
    assert found.magnitudes[0].points[0].uncertainty is None
    assert found.skipped[0].startswith("incertidumbres omitidas: la incertidumbre ")


def test_an_absent_uncertainty_needs_no_word():
    found = parse(text_of(point(incertidumbre=None)))
    assert found.magnitudes[0].points[0].uncertainty_ratio is None
    assert found.skipped == ()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "  ",
        "null",
        "{}",
        "[]",
        '{"magnitudes": []}',
        '{"magnitudes": [], "mediciones": [], "fecha": "x"}',
        '""',
    ],
)
def test_nothing_measured_is_neither_data_nor_a_problem(text):
    found = parse(text)
    assert not found
    assert found == Measurements()


@pytest.mark.parametrize("text", ["nope", "{", "[" * 100_000, "9" * 5000, "\x00"])
def test_what_is_not_json_is_told(text):
    assert parse(text).skipped == ("mediciones omitidas: no se pueden leer",)


@pytest.mark.parametrize(
    "data",
    [
        [1],
        7,
        "texto",
        True,
        {"magnitudes": 5},
        {"magnitudes": [5]},
        {"magnitudes": {"a": 1}},
        {"magnitudes": [{"puntos_medicion": 7}]},
        {"magnitudes": [], "mediciones": [point()]},
        {"magnitudes": None, "puntos_medicion": [], "mediciones": {"1": point()}},
        {"magnitudes": [{"nombre": "T", "puntos_medicion": [], "puntos": [point()]}]},
        {"magnitudes": [{"nombre": "T", "puntos_medicion": None}], "mediciones": [point()]},
        {"magnitudes": [{"nombre": "T", "puntos_medicion": [], "nominal": 5, "error": 1}]},
        {"magnitudes": [], "puntos": "10;20"},
    ],
)
def test_a_wrong_shape_is_told(data):
    found = parse(json.dumps(data))
    assert not found
    assert "forma desconocida" in found.skipped[0]


@pytest.mark.parametrize("row", [None, 3, [], "x"])
def test_a_point_of_a_wrong_shape_is_told(row):
    assert parse(text_of(row)).skipped == ("puntos omitidos: forma desconocida",)


def test_a_table_without_end_is_cut_and_told():
    found = parse(text_of(*[point(nominal=n) for n in range(MAX_POINTS + 5)]))
    assert len(found.magnitudes[0].points) == MAX_POINTS
    assert found.skipped == ("puntos omitidos: pasan de 2000 (5)",)


def test_names_of_other_types_become_text_or_the_default():
    (magnitude,) = parse(text_of(point(), nombre=7, unidad=["x"])).magnitudes
    assert (magnitude.name, magnitude.unit) == ("7", "")
    assert parse(text_of(point(), nombre=True)).magnitudes[0].name == DEFAULT_NAME


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "magnitudes",
                    "puntos_medicion",
                    "nominal",
                    "lectura",
                    "error",
                    "incertidumbre",
                    "emp_absoluto",
                    "nombre",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(json_values.map(json.dumps) | st.text())
def test_any_text_is_understood_or_told_and_points_are_sane(text):
    found = parse(text)
    for magnitude in found.magnitudes:
        assert magnitude.points
        for one in magnitude.points:
            assert one.emp > 0
            assert abs(one.ratio) < float("inf")
            assert one.uncertainty is None or one.uncertainty >= 0


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"mediciones": [{"nominal": 1}]}, "mediciones omitidas: forma desconocida"),
        ({"Magnitudes": [{"nombre": "x"}]}, "mediciones omitidas: forma desconocida"),
        ({"magnitudes": [{"nombre": "x", "puntos": [{"nominal": 1}]}]}, "magnitudes omitidas: forma desconocida"),
        (
            {"magnitudes": [{"puntos_medicion": []}], "puntos_medicion": [{}, {}]},
            "puntos omitidos: están fuera de las magnitudes (2)",
        ),
    ],
)
def test_measurements_under_other_names_are_told(record, told):
    assert parse(json.dumps(record)) == Measurements(skipped=(told,))


@pytest.mark.parametrize("record", [{"magnitudes": [], "version": 2}, {"puntos_medicion": None}])
def test_a_form_that_nobody_filled_in_is_no_problem(record):
    assert parse(json.dumps(record)) == Measurements()


GOOD = {"nombre": "T", "unidad": "°C", "puntos_medicion": [point()]}


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"magnitudes": [GOOD], "mediciones": [{"valor": 1}]}, "mediciones omitidas: forma desconocida"),
        ({"magnitudes": [GOOD], "Magnitudes": [GOOD]}, "mediciones omitidas: forma desconocida"),
        ({"magnitudes": [GOOD], "mediciones": {"1": {"nominal": 1}}}, "mediciones omitidas: forma desconocida"),
        ({"magnitudes": [GOOD], "puntos": [[10, 10.1], [20, 20.2]]}, "mediciones omitidas: forma desconocida"),
        ({"puntos_medicion": [point()], "otros": [point()]}, "mediciones omitidas: forma desconocida"),
        ({"magnitudes": [GOOD, GOOD | {"puntos": [point()]}]}, "puntos omitidos: forma desconocida"),
    ],
)
def test_measurements_under_other_names_beside_good_ones_are_told(record, told):
    found = parse(json.dumps(record))
    assert found.magnitudes
    assert found.skipped == (told,)


@pytest.mark.parametrize(
    "others",
    [
        {"version": 2, "regla_decision": "guarda_U", "puntos": 5},
        {"patrones": [{"codigo": "P-1"}], "condiciones": {"temperatura": 20}, "mediciones": []},
    ],
)
def test_what_else_a_record_says_beside_its_measurements_needs_no_word(others):
    assert parse(json.dumps(others | {"magnitudes": [GOOD | others]})).skipped == ()
