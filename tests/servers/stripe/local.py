"""localstripe at one address of this machine. By itself it listens everywhere and keeps what it has in one file of the
system's temporary folder, which tests beside each other would share."""

import sys

from aiohttp import web
from localstripe import resources
from localstripe.server import app

resources.Store.dump_to_disk = lambda self: None
host, port = sys.argv[1].rsplit(":", 1)
web.run_app(app, host=host, port=int(port), print=None)
