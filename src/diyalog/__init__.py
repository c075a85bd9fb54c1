"""Diyalog, a live-assistance server: every customer who waits for an agent learns how the wait ended."""
