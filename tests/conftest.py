"""Real servers that the tests of many folders share; each is started by the first test that asks for it."""

from hypothesis import settings

from kit.postgres import database_url, postgres

__all__ = ["database_url", "postgres"]

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("untimed")
