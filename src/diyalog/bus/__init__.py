"""Wake-ups between nodes: in one process, over PostgreSQL's NOTIFY, or over NATS."""
