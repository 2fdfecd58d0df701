"""`python -m host`."""

import sys

# Ctrl-C while the modules are loaded, which takes a second, is as quiet as later.
try:
    from host.cli import main
except KeyboardInterrupt:
    sys.exit("Stopped.")

if __name__ == "__main__":
    sys.exit(main())
