"""Kills, errors and full disks: a warm process to run in, points to strike at, a ledger to compare with."""
