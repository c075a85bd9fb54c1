"""HTTP in: checks a request, calls one use case, answers. A plain ASGI callable, without a framework."""
