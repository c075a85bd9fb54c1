"""The `diyalog` command: `main.py` finds the sub-command, each of which has a module of its own."""
