"""What was sent, and what of it arrived where, as rows: lost and doubled are questions to them."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of each place the corr_ids that are missing, and those that are there more than once."""

    lost: dict[str, list[str]]
    doubled: dict[str, list[str]]

    @property
    def clean(self) -> bool:
        return not any(self.lost.values()) and not any(self.doubled.values())


class MirrorLedger:
    """``place``: a topic in Kafka or a subject in NATS, as `kafka:<topic>` or `nats:<subject>`."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect(":memory:", check_same_thread=False)
        self._rows.executescript(
            """
            create table expected (place text, corr_id text, primary key (place, corr_id));
            create table arrived (place text, corr_id text);
            create index arrived_at on arrived (place, corr_id);
            """
        )

    def expect(self, corr_id: str, places: Iterable[str]) -> None:
        """It was acknowledged to its sender, so it has to be in each of these places, once."""
        self._rows.executemany("insert into expected values (?, ?)", [(place, corr_id) for place in places])

    def arrive(self, place: str, corr_ids: Iterable[str]) -> None:
        self._rows.executemany(
            "insert into arrived values (?, ?)", [(place, corr_id) for corr_id in corr_ids]
        )

    def expected_at(self, place: str) -> list[str]:
        found = self._rows.execute("select corr_id from expected where place = ?", (place,))
        return [corr_id for (corr_id,) in found]

    def verdict(self) -> Verdict:
        lost = """
            select place, corr_id from expected where not exists
            (select 1 from arrived where arrived.place = expected.place and arrived.corr_id = expected.corr_id)
        """
        doubled = """
            select arrived.place, arrived.corr_id from arrived
            join expected on arrived.place = expected.place and arrived.corr_id = expected.corr_id
            group by arrived.place, arrived.corr_id having count(*) > 1
        """
        return Verdict(self._by_place(lost), self._by_place(doubled))

    def _by_place(self, question: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for place, corr_id in self._rows.execute(question):
            found.setdefault(place, []).append(corr_id)
        return found

    def close(self) -> None:
        self._rows.close()
