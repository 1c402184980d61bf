"""The sync engine: ask, plan, fetch, merge, finish."""
