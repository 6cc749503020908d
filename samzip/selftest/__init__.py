"""The kill test that ships with the product: real runs, killed with SIGKILL, on the machine and the storage of whoever
asks; never on their database.

`sample` makes a small company, `arena` is the place where it all happens, `rounds` kills, `ledger` judges.
"""
