"""`python -m diyalog` is the `diyalog` command."""

import sys

from diyalog.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
