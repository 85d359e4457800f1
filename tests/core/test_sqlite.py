"""Rows that were deleted and purged are in no page of the file."""

import random
import sqlite3
from contextlib import nullcontext
from pathlib import Path

from core.sqlite import Database, purge

_SCHEMA = "CREATE TABLE IF NOT EXISTS rows (name TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID"


def test_copies_that_moved_rows_left_behind_are_purged(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    chance = random.Random(1)  # noqa: S311 - the same rows in every run
    names = [f"customer-{chance.random():.12f}" for _ in range(1_000)]
    con = sqlite3.connect(path)
    con.execute("PRAGMA secure_delete = ON")
    # as Feast's online store: a row a feature, keyed by the entity
    con.execute("CREATE TABLE rows (name BLOB, feature TEXT, body BLOB, PRIMARY KEY (name, feature))")
    con.execute("CREATE INDEX by_name ON rows (name)")
    for _ in range(3):
        chance.shuffle(names)
        with con:
            for name in names:
                for number in range(8):
                    body = chance.randbytes(chance.choice((5, 9, 7 if number else 3000)))
                    con.execute(
                        "INSERT INTO rows VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
                        [name.encode(), f"feature_{number}", body],
                    )
    left_behind = 0
    for name in names[:200]:
        with con:
            con.execute("DELETE FROM rows WHERE name = ?", [name.encode()])
        left_behind += name.encode() in path.read_bytes()
        purge(con, path, name.encode(), nullcontext())
        assert name.encode() not in path.read_bytes()
    assert left_behind > 0  # else this test shows nothing
    assert con.execute("SELECT count(*) FROM rows").fetchone() == (6400,)
    con.close()


def test_a_purge_takes_in_what_is_written_beside_the_file(tmp_path: Path) -> None:
    database = Database(tmp_path / "rows.db", _SCHEMA, "The rows", "Check it.", durable=True)
    with database.writing() as con:
        con.execute("INSERT INTO rows VALUES ('customer-1', 'x'), ('customer-2', 'y')")
    with database.writing() as con:
        con.execute("DELETE FROM rows WHERE name = 'customer-1'")
    assert b"customer-1" in (tmp_path / "rows.db-wal").read_bytes()
    database.purge(b"customer-1")
    files = [file for file in tmp_path.iterdir() if b"customer-1" in file.read_bytes()]
    assert files == []
    with database.reading() as con:
        assert con.execute("SELECT name FROM rows").fetchall() == [("customer-2",)]
