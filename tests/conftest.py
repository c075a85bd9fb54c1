"""Real servers that the tests of many folders share; each is started by the first test that asks for it."""

from kit.postgres import database_url, postgres

__all__ = ["database_url", "postgres"]
