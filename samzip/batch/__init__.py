"""One run: lock, recover, collapse, plan, build, publish, expire. It receives everything that it needs."""
