"""Writes anew what stands in the documents and is made from tables: `python -m tests.documents`."""

from tests.documents.tables import TABLES, filled_in
from tests.running import ROOT

for name in TABLES:
    path = ROOT / name
    path.write_text(filled_in(name, path.read_text()))
    print(f"Wrote the tables of {name}")
