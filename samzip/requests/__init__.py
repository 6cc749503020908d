"""The queue: requests, work, archives, runs. Every state change is one function in one transaction.

    request   pending -> processing -> completed -> expired      | failed | cancelled
    work      waiting (no token) -> in work (token) -> gone

A function here takes an open connection and the time, so that its caller decides what is one transaction.
"""
