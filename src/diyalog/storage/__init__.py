"""Adapters of the store: what was acknowledged is durable here, and every transition is decided here."""
