"""A stand-in for the company: its queue and its token services, with faults on demand, for demos and tests."""
