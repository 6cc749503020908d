"""The hook that turns a click into requests, the page that follows them, and signed downloads.

The only part that knows Flask; needs the extra: pip install 'samzip[web]'.
"""

from samzip.web.app import create_app

__all__ = ["create_app"]
