"""Customers' event streams: WebSocket in, use cases behind."""
