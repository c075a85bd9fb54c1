"""The company's systems: one file for each, over one shared HTTP client."""
