"""One kind of database and the lanes to strike on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.faults.points import Point
from tests.support.faults.stage import RUN, Stage
from tests.support.faults.strikes import PURGE, REQUEST
from tests.support.faults.warm import Warm
from tests.support.faults.worlds import (
    Fill,
    Template,
    busy_day,
    make_template,
    nothing_asked_yet,
    years_of_neglect,
)
from tests.support.world import make_world, new_postgres_database

SETTINGS = {
    busy_day: {"SAMZIP_MAX_ATTEMPTS": "4"},  # one died before, two are killed
    years_of_neglect: {"SAMZIP_CACHE_SIZE": "1KiB"},  # so that a purge has life sheets to trim
}


@dataclass
class Arena:
    """`kind` is wal (SQLite as samzip makes it), journal (SQLite as SAM left it) or postgres."""

    kind: str
    folder: Path
    server: str  # URL, of PostgreSQL
    stages: list[Stage] = field(default_factory=list)
    _templates: dict[Fill, Template] = field(default_factory=dict)
    _points: dict[tuple[Fill, Sequence[str]], list[Point]] = field(default_factory=dict)

    def open(self, processes: Sequence[Warm]) -> None:
        """A lane for each process, which runs each command once, to be warm."""
        for number, process in enumerate(processes):
            stage = Stage(self.folder / f"lane-{number}", process, self.new_database(f"empty-{number}"))
            self.stages.append(stage)
            for fill, argv in ((busy_day, RUN), (years_of_neglect, PURGE), (nothing_asked_yet, REQUEST)):
                stage.put_back(self.template(fill))
                stage.warm_up(argv)

    def template(self, fill: Fill) -> Template:
        if fill not in self._templates:
            url = new_postgres_database(self.server) if self.server else ""
            journal = "DELETE" if self.kind == "journal" else ""
            target = self.folder / fill.__name__
            self._templates[fill] = make_template(fill, target, url, journal, **SETTINGS.get(fill, {}))
        return self._templates[fill]

    def points(self, fill: Fill, argv: Sequence[str]) -> list[Point]:
        """Of a command that nobody disturbs."""
        if (fill, argv) not in self._points:
            self.stages[0].put_back(self.template(fill))
            self._points[fill, argv] = self.stages[0].points(argv)
        return self._points[fill, argv]

    def new_database(self, name: str) -> str:
        """URL of an initialised database; empty for SQLite."""
        if not self.server:
            return ""
        url = new_postgres_database(self.server)
        make_world(self.folder / name, url).database.close()
        return url
