"""Gives every test of this folder a `site`."""

from kit.site import site

__all__ = ["site"]
