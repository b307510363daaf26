"""A worker's local disk, one partition of it: it survives a crash, or is lost with it."""


class Disk:
    """``rows``: as in the changelog. ``restored_to``: the changelog offset that comes next; both change together."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.restored_to: int | None = None

    def write(self, records: "list[tuple[bytes, bytes | None]]", changelog_offset: int | None) -> None:
        for key, value in records:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
        if changelog_offset is not None:
            self.restored_to = changelog_offset

    def lose(self) -> None:
        self.rows.clear()
        self.restored_to = None
