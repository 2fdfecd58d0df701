"""The tests. Whatever they start uses one thread to multiply matrices."""

import os

# OpenBLAS reads this as it is loaded. Its threads wait for each other by spinning, and where others
# use the machine, too, two of them take 30 times as long as one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
