"""`python -m host`."""

import sys

# Loading the modules takes a second: Ctrl-C during it must not print a traceback either.
try:
    from host.cli import main
except KeyboardInterrupt:
    sys.exit("Stopped.")

if __name__ == "__main__":
    sys.exit(main())
