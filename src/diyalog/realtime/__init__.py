"""Event streams of customers and of the staff: WebSocket in, use cases behind."""
