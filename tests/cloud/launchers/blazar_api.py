"""Start an Eventlet blazar-api that looks more often for the manager's answers.

Under Eventlet, oslo.messaging sleeps half a second between looks for a reply, so every call
takes that long, and thousands of them in a test suite take a quarter of an hour. This is used
only when CLOUD_BLAZAR_EVENT_INTERVAL is set; otherwise upstream's own `blazar-api` command is
what runs.
"""
import sys
import time

from blazar.cmd import api  # first: it does Blazar's monkey patching
from oslo_messaging._drivers import amqpdriver


class Impatient:
    """The time module, but for long sleeps."""

    def __getattr__(self, name):
        return getattr(time, name)

    def sleep(self, seconds):
        time.sleep(min(seconds, 0.02))


amqpdriver.time = Impatient()

if __name__ == '__main__':
    sys.argv[0] = 'blazar-api'
    sys.exit(api.main())
