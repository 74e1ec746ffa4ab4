"""Serves the blog: python -m examples.blog [--port=8888] [--database=sqlite:///blog.db] [--secret=…]

--database=postgresql://user:password@host/name keeps it in PostgreSQL; that needs psycopg (`psycopg[binary]`).
"""

import secrets

from pyframework.ioloop import IOLoop
from pyframework.options import define, options, parse_command_line

from .app import make_app
from .blog import Blog
from .database import Database

define("port", default=8888, help="the port to listen on")
define("database", default="sqlite:///blog.db", help="sqlite:///FILE, sqlite:// (in memory) or postgresql://…")
define("secret", default="", help="signs the cookies; without one everybody is signed out by a restart")


async def main() -> None:
    blog = Blog(Database(options.database))
    await blog.create_tables()
    make_app(blog, options.secret or secrets.token_hex(32)).listen(options.port, "127.0.0.1")
    print(f"http://127.0.0.1:{options.port}", flush=True)


if __name__ == "__main__":
    parse_command_line()
    IOLoop.current().add_callback(main)
    IOLoop.current().start()
