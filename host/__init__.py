"""A small `spin up`: runs any Spin Python P2 HTTP component on a machine without `spin`."""
