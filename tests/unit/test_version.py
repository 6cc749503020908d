"""What an archive is made with is part of what it is known by."""

from __future__ import annotations

from importlib import metadata

import pytest

from samzip.archive import version


def test_another_version_of_a_library_that_shapes_archives_makes_other_archives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert version._digest() == version.CODE
    found = metadata.version
    seen = {version.CODE}
    for library in version.LIBRARIES:
        monkeypatch.setattr(metadata, "version", lambda name, of=library: "0.0" if name == of else found(name))
        seen.add(version._digest())
    assert len(seen) == 1 + len(version.LIBRARIES)


def test_a_library_that_is_not_installed_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    assert version._digest() != version.CODE
