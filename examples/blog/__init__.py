"""A small blog on SQLite or PostgreSQL."""
