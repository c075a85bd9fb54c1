"""The loops that run in the background of a server, and the supervisor that starts and stops them."""
