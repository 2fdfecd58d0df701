"""A small `spin up`: runs any Spin Python P2 HTTP component where there is no `spin` program."""
