"""bin/mutants: its catalogue fits the tree, and it tells a survivor from a catch."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants import plant
from tests.mutants.catalogue import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "bin" / "mutants"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_has_its_place_exactly_once_and_is_valid_python(mutant: Mutant) -> None:
    changed = plant.text_with(ROOT, mutant)
    assert changed != (ROOT / mutant.file).read_text(encoding="utf-8")
    ast.parse(changed)


def test_a_planted_bug_is_the_one_that_is_meant_and_no_misspelt_name(tmp_path: Path) -> None:
    for number, mutant in enumerate(MUTANTS):
        (tmp_path / f"{number} {mutant.name.replace('/', ' ')}.py").write_text(plant.text_with(ROOT, mutant))
    looking = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821,F822,F823,E9", str(tmp_path)]
    looked = subprocess.run(looking, capture_output=True, text=True)
    assert looked.returncode == 0, looked.stdout + looked.stderr


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_tests_that_should_catch_it_exist(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name.partition("[")[0] in functions


def test_names_are_unique_and_there_are_enough() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 12


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tiny checkout with one bug to plant."""
    root = tmp_path / "tree"
    (root / "samzip").mkdir(parents=True)
    (root / "samzip" / "__init__.py").write_text("def double(number):\n    return number * 2\n")
    (root / "tests").mkdir()
    (root / "tests" / "test_double.py").write_text(
        "import samzip\n\ndef test_two():\n    assert samzip.double(2) == 4\n\n"
        "def test_three():\n    assert samzip.double(3) == 6\n"
    )
    return root


def bug(new: str = "number + 2", old: str = "number * 2", test: str = "test_double.py") -> Mutant:
    return Mutant("sum", "samzip/__init__.py", old, new, "why", (f"tests/{test}",))


def test_a_caught_bug_names_the_test_and_the_tree_is_as_before(tree: Path) -> None:
    before = (tree / "samzip" / "__init__.py").read_text()
    plant.check_copy(sys.executable, tree)
    plant.check_tests(sys.executable, tree, [bug()])
    (verdict,) = plant.look_at(sys.executable, tree, [bug()])
    assert (verdict.outcome, verdict.by) == (plant.CAUGHT, "test_three")
    assert (tree / "samzip" / "__init__.py").read_text() == before


def test_a_bug_that_no_test_notices_survives(tree: Path) -> None:
    (verdict,) = plant.look_at(sys.executable, tree, [bug(test="test_double.py::test_two")])
    assert (verdict.outcome, verdict.by) == (plant.SURVIVED, "")


@pytest.mark.parametrize("old", ["number", "nowhere"])
def test_a_place_that_is_not_there_once_is_refused(tree: Path, old: str) -> None:
    with pytest.raises(plant.Rotten, match="should be there once"):
        plant.text_with(tree, bug(old=old))


def test_tests_that_cannot_run_are_no_catch(tree: Path) -> None:
    with pytest.raises(plant.Rotten, match="the tests did not run"):
        list(plant.look_at(sys.executable, tree, [bug(test="test_nothing.py")]))


def test_tests_that_fail_without_the_bug_are_refused(tree: Path) -> None:
    (tree / "tests" / "test_double.py").write_text("def test_two():\n    assert False\n")
    with pytest.raises(plant.Rotten, match="do not pass on the tree as it is"):
        plant.check_tests(sys.executable, tree, [bug()])


def test_the_script_lists_the_bugs_and_refuses_a_name_that_none_has() -> None:
    assert os.access(SCRIPT, os.X_OK)
    listed = subprocess.run([sys.executable, str(SCRIPT), "--list"], capture_output=True, text=True)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert all(mutant.name in listed.stdout and mutant.why in listed.stdout for mutant in MUTANTS)
    refused = subprocess.run([sys.executable, str(SCRIPT), "xyzzy"], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "no bug has such a name" in refused.stderr
