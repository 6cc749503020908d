"""What `samzip purge` does beyond the cleaning of every run: find what nobody needs, show it, remove it.

`plan` decides (pure), `leftovers` looks after the state folder, `purge` looks and acts.
"""
