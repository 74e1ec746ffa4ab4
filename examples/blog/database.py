"""One connection to SQLite or PostgreSQL, in a thread of its own: the event loop never waits for it."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Any

Row = tuple[Any, ...]


class Database:
    """Runs SQL that both understand, with `?` for values; each statement is a transaction.

    url: sqlite:///FILE, sqlite:// for one in memory, or postgresql://user:password@host/name
    """

    def __init__(self, url: str) -> None:
        kind, _, rest = url.partition("://")
        if kind not in ("sqlite", "postgresql"):
            raise ValueError(f"not sqlite:// or postgresql://: {url}")
        self.is_postgresql = kind == "postgresql"
        self.url = url
        self.file = rest.removeprefix("/") or ":memory:"
        self.thread = ThreadPoolExecutor(1, "database")
        self.connection: Any = None

    async def fetch(self, sql: str, *values: object) -> list[Row]:
        """Run a statement and return its rows."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, self._run, sql, values)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self.thread, self._close)
        self.thread.shutdown()

    # ---- in the thread

    def _run(self, sql: str, values: Row) -> list[Row]:
        if self.connection is None:
            self.connection = self._connect()
        try:
            cursor = self.connection.execute(sql.replace("?", "%s") if self.is_postgresql else sql, values)
            return list(cursor.fetchall()) if cursor.description else []
        except Exception:
            if self.is_postgresql and self.connection.closed:
                self.connection = None  # the server has gone: the next statement asks for it again
            raise

    def _connect(self) -> Any:
        if not self.is_postgresql:
            connection = sqlite3.connect(self.file, isolation_level=None)
            connection.execute("PRAGMA foreign_keys = on")
            return connection
        import psycopg

        return psycopg.connect(self.url, autocommit=True)

    def _close(self) -> None:
        if self.connection is not None:
            self.connection.close()
