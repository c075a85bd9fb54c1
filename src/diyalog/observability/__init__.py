"""What operators see of the running server: log lines and metrics. Ids only, no personal data, no exception values."""
