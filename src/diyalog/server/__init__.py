"""HTTP/1.1 and WebSocket on uvicorn and uvloop; knows nothing of Diyalog's business."""
