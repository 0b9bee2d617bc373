"""`python -m torchlean` is the command `torchlean`."""

import sys

from torchlean.cli import main as main

if __name__ == "__main__":
    sys.exit(main())
