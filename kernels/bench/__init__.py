"""`python -m kernels.bench`: every operation of kernels/ beside its floor and its peers.

Each file of cases is for one operation or a few related ones; `CASES` in table.py lists them.
"""
