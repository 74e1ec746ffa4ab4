"""What the blog knows: its users and its posts."""

import asyncio
import hashlib
import secrets
import time
from dataclasses import dataclass

from .database import Database, Row

POSTS_PER_PAGE = 10

# What the two databases call a number that they choose.
IDENTITY = {False: "INTEGER PRIMARY KEY", True: "INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY"}

TABLES = (
    """CREATE TABLE IF NOT EXISTS users (name VARCHAR(40) PRIMARY KEY, salt VARCHAR(32) NOT NULL,
       hash VARCHAR(128) NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS posts (id {identity}, author VARCHAR(40) NOT NULL REFERENCES users (name),
       title VARCHAR(200) NOT NULL, text TEXT NOT NULL, written DOUBLE PRECISION NOT NULL)""",
)
SELECT = "SELECT id, author, title, text, written FROM posts"


@dataclass
class Post:
    id: int
    author: str
    title: str
    text: str
    written: float  # seconds since 1970

    def paragraphs(self) -> list[str]:
        return [part for part in self.text.replace("\r", "").split("\n\n") if part.strip()]


def hashed(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**14, r=8, p=1).hex()


class Blog:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def create_tables(self) -> None:
        for table in TABLES:
            await self.database.fetch(table.format(identity=IDENTITY[self.database.is_postgresql]))

    # ---- users

    async def add_user(self, name: str, password: str) -> bool:
        """Return whether the name was free."""
        salt = secrets.token_hex(16)
        hash = await asyncio.to_thread(hashed, password, salt)
        sql = "INSERT INTO users (name, salt, hash) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING name"
        return bool(await self.database.fetch(sql, name, salt, hash))

    async def knows(self, name: str, password: str) -> bool:
        """Return whether this is the user's password; it takes as long where there is no such user."""
        rows = await self.database.fetch("SELECT salt, hash FROM users WHERE name = ?", name)
        salt, hash = rows[0] if rows else ("", "")
        return secrets.compare_digest(await asyncio.to_thread(hashed, password, salt), hash)

    # ---- posts

    async def posts(self, page: int) -> tuple[list[Post], bool]:
        """Return the posts of a page, the newest first, and whether there are more; pages count from 1."""
        sql = f"{SELECT} ORDER BY id DESC LIMIT ? OFFSET ?"
        rows = await self.database.fetch(sql, POSTS_PER_PAGE + 1, (page - 1) * POSTS_PER_PAGE)
        return [Post(*row) for row in rows[:POSTS_PER_PAGE]], len(rows) > POSTS_PER_PAGE

    async def post(self, id: int) -> Post | None:
        rows: list[Row] = await self.database.fetch(f"{SELECT} WHERE id = ?", id)
        return Post(*rows[0]) if rows else None

    async def add_post(self, author: str, title: str, text: str) -> int:
        sql = "INSERT INTO posts (author, title, text, written) VALUES (?, ?, ?, ?) RETURNING id"
        rows = await self.database.fetch(sql, author, title, text, time.time())
        return int(rows[0][0])

    async def change_post(self, id: int, title: str, text: str) -> None:
        await self.database.fetch("UPDATE posts SET title = ?, text = ? WHERE id = ?", title, text, id)

    async def remove_post(self, id: int) -> None:
        await self.database.fetch("DELETE FROM posts WHERE id = ?", id)
