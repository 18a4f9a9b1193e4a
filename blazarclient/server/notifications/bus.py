"""The listener to the bus: takes Blazar's messages, one after the other.

oslo.messaging polls in a thread of its own and calls the dispatcher in another one; there is one of
each, since messages of one lease must not race. It sends the acknowledgement from its polling
thread when the dispatcher has returned, and asks for nothing: a message whose acknowledgement is
lost comes again, and is known by its ID.

While the database is away the message stays in hand and is tried again after growing pauses: given
back, it would come again behind those that were fetched after it. When the listener is told to stop
it is given back, for whoever listens next.

A short message, as Blazar 16 sends them, names a lease. Blazar is asked for it: so its entry shows
the lease as it is a moment later, and two updates at once may both show the second one.

The driver reconnects by itself, for ever, and tells nobody. Whether it has is seen by its channel,
which is another one then; what was sent meanwhile may be lost, so the leases are compared.
"""

from __future__ import annotations

import logging
import math
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from oslo_config import cfg

from blazarclient.server import metrics, retrying
from blazarclient.server.context import RequestContext

# It chooses threads for oslo.service before oslo.messaging could choose something else.
from blazarclient.server.notifications import agreement, messages
from blazarclient.server.notifications.blazar import Unavailable
from blazarclient.server.notifications.messages import Message
from blazarclient.server.objects.lease_copy import LeaseCopy
from blazarclient.server.store import sources

with warnings.catch_warnings():
    # What oslo.messaging imports says that what it imports is on its way out.
    warnings.filterwarnings('ignore', r'\s*Eventlet is deprecated')
    warnings.filterwarnings('ignore', category=DeprecationWarning)
    import oslo_messaging
    from oslo_messaging import opts
    from oslo_messaging.notify.listener import NotificationServer

__all__ = ['Listener']

LOG = logging.getLogger(__name__)
_DRIVER = logging.getLogger('oslo.messaging._drivers.impl_rabbit')

#: The topic's only queue: Blazar sends nothing with another priority.
_PRIORITY = 'info'
#: How many messages are fetched before the first one is acknowledged. The driver may let seconds
#: pass before it sends acknowledgements; a backlog should not stand still for that.
_PREFETCH = 1000
#: Seconds from one look at the connection to the next.
_WATCH = 0.5
#: Seconds that the end waits for the message in hand, and for the broker.
_PATIENCE = 10.0

_GetLease = Callable[[str], dict[str, Any] | None]


class Listener:
    """Listens to Blazar's notifications.

    :param context_factory: makes a context of the service; one is used by one thread.
    :param config: ``[notifications]`` says where the bus is. oslo.messaging's own options, such as
        those of TLS, are read from the same files.
    :param get_lease: as :meth:`~blazarclient.server.notifications.blazar.Blazar.get_lease`.
    :param compare: compare the leases soon; called after each time that the bus was connected.
    """

    def __init__(
        self,
        context_factory: Callable[[], RequestContext],
        config: cfg.ConfigOpts,
        get_lease: _GetLease,
        compare: Callable[[], None],
    ) -> None:
        self._config = config
        self._compare = compare
        self._stopping = threading.Event()
        self._hearing = _Hearing(context_factory, get_lease, compare, self._stopping)
        self._channel: object = None
        self._trouble: str | None = 'The bus was not reached yet.'

    def trouble(self) -> str | None:
        """What is wrong; None where messages can come."""
        return self._trouble or self._hearing.trouble

    def idle_seconds(self) -> float:
        """For how long there was nothing to do; without end where no message can come.

        Messages that have gathered, while the database or the gateway was away, come one right
        after the other: whoever wants to know what the bus has to say waits until it is idle.
        """
        if self._channel is None:
            return math.inf
        return self._hearing.idle_seconds()

    def run(self, stop: threading.Event) -> None:
        """Listen until told to stop; the message in hand is dealt with, or given back."""
        dropped = _Dropped()
        _DRIVER.addHandler(dropped)
        try:
            self._run(stop)
        finally:
            _DRIVER.removeHandler(dropped)
            self._trouble = 'It has ended.'

    def _run(self, stop: threading.Event) -> None:
        pauses = retrying.pauses()
        while not stop.is_set():
            self._stopping.clear()
            try:
                server = _server(self._config, self._hearing)
            except Exception:
                # Without the bus the comparison goes on alone.
                pause = next(pauses)
                LOG.exception('bus: trying again in %.1f s', pause)
                stop.wait(pause)
                continue
            # It returns when the broker has been reached, however long that takes.
            starting = _in_background(server.start, override_pool_size=1)
            while not stop.wait(_WATCH):
                self._watch(server)
                if not starting.is_alive() and server.listener is None:
                    # It has failed, and said so.
                    break
            self._end(server, starting)
            stop.wait(_WATCH)

    def _watch(self, server: Any) -> None:
        """Compare the leases when the connection is another one."""
        channel = _channel(server)
        if channel is None:
            if self._channel is not None:
                LOG.warning('bus: the connection is lost')
            self._trouble = 'The bus is not connected.'
        elif channel is not self._channel:
            LOG.info('bus: connected')
            self._trouble = None
            self._hearing.done()
            self._compare()
        # Kept, and not only its address: a new one could be at the same.
        self._channel = channel

    def _end(self, server: Any, starting: threading.Thread) -> None:
        self._stopping.set()
        if not starting.is_alive():
            # A broker that is away may keep it waiting.
            _in_background(_close, server).join(_PATIENCE)
        self._channel = None


class _Dropped(logging.Handler):
    """Counts what the driver drops by itself, since it is not even an envelope of oslo.messaging.

    It says so in its log only, and nothing of it could be kept: what cannot be read may be secret.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Look at a line of the driver's log."""
        if record.exc_info and 'Failed to process message' in record.getMessage():
            metrics.UNREADABLE.inc()


class _Hearing:
    """oslo.messaging's dispatcher: what it is called with is a message, or what should be one.

    The one of oslo.messaging gives back, again and again, a message that is no JSON object or has
    no priority.
    """

    supported_priorities = (_PRIORITY,)

    def __init__(
        self,
        context_factory: Callable[[], RequestContext],
        get_lease: _GetLease,
        compare: Callable[[], None],
        stopping: threading.Event,
    ) -> None:
        self._context_factory = context_factory
        self._get_lease = get_lease
        self._compare = compare
        self._stopping = stopping
        self.trouble: str | None = None
        #: Since when there is nothing to do, by a clock that nobody sets; None while there is.
        self._idle_since: float | None = time.monotonic()

    def idle_seconds(self) -> float:
        """For how long there was nothing to do."""
        since = self._idle_since
        return 0.0 if since is None else time.monotonic() - since

    def done(self) -> None:
        """There is nothing to do from now on."""
        self._idle_since = time.monotonic()

    def dispatch(self, incoming: Any) -> str:
        """Take one message.

        :returns: whether it is dealt with, in oslo.messaging's words.
        """
        metrics.BUS_MESSAGES.inc()
        self._idle_since = None
        try:
            return str(self._insist(incoming.message))
        finally:
            self.done()

    def _insist(self, raw: object) -> object:
        """Take a message, however often that has to be tried."""
        pauses = retrying.pauses()
        while not self._stopping.is_set():
            pause = next(pauses)
            try:
                self._take(raw)
            except (Unavailable, *retrying.PASSING) as error:
                brief = retrying.brief(error)
                LOG.warning('bus: trying again in %.1f s: %s', pause, brief)
                away = 'Blazar' if isinstance(error, Unavailable) else 'the database'
                self.trouble = f'A message waits for {away}: {type(error).__name__}.'
            except Exception as error:
                # It cannot even be kept as unreadable, and must not be lost.
                LOG.exception('bus: trying again in %.1f s', pause)
                self.trouble = f'A message waits for the database: {type(error).__name__}.'
            else:
                self.trouble = None
                return oslo_messaging.NotificationResult.HANDLED
            self._stopping.wait(pause)
        return oslo_messaging.NotificationResult.REQUEUE

    def _take(self, raw: object) -> None:
        ctx = self._context_factory()
        try:
            read = messages.read(raw)
            message = self._completed(ctx, read) if read.is_short else read
        except messages.Unreadable as error:
            self._keep(ctx, raw, str(error))
            return
        if message is None:
            return
        try:
            agreement.hear(ctx, message)
        except retrying.PASSING:
            raise
        except Exception as error:
            # A message that the service cannot deal with must not keep all others from it.
            LOG.exception('bus: message %s', message.id)
            reason = f'It cannot be worked on: {type(error).__name__}.'
            self._keep(self._context_factory(), raw, reason)

    def _completed(self, ctx: RequestContext, message: Message) -> Message | None:
        """A short message with its lease; None where nobody knows more of that.

        :raises Unavailable: Blazar does not answer.
        """
        lease_id = message.document['id']
        try:
            lease = self._get_lease(lease_id)
        except Unavailable as error:
            if not error.is_answer:
                raise
            LOG.warning('bus: lease %s: %s', lease_id, error)
            self._compare()
            return None
        if lease is None:
            copy = LeaseCopy.get(ctx, lease_id)
            lease = copy.document if copy else None
        return None if lease is None else message.completed(lease)

    def _keep(self, ctx: RequestContext, raw: object, reason: str) -> None:
        with ctx.transaction() as connection:
            sources.keep_unreadable(connection, reason, messages.redacted(raw), ctx.now())
        metrics.UNREADABLE.inc()
        LOG.error('bus: an unreadable message: %s', reason)


def _server(config: cfg.ConfigOpts, dispatcher: _Hearing) -> Any:
    """oslo.messaging's server of notifications, not started yet."""
    transport = oslo_messaging.get_notification_transport(
        _options(config), url=config.notifications.transport_url
    )
    target = oslo_messaging.Target(
        exchange=config.notifications.exchange, topic=config.notifications.topic
    )
    return NotificationServer(transport, [target], dispatcher, allow_requeue=True)


def _options(config: cfg.ConfigOpts) -> cfg.ConfigOpts:
    """Options of oslo.messaging's own, from the same files.

    A process may hold more than one service, and oslo.messaging writes defaults into what it gets.
    """
    options = cfg.ConfigOpts()
    options([], default_config_files=[*(config.config_file or [])], default_config_dirs=[])
    for group, found in opts.list_opts():
        options.register_opts(found, group=group)
    options.set_default('rabbit_qos_prefetch_count', _PREFETCH, 'oslo_messaging_rabbit')
    return options


def _channel(server: Any) -> object:
    """The channel on which messages come; None where there is no connection.

    oslo.messaging has no public word for it. Should the one that it has be another one some day,
    then the bus seems to be connected once and for all.
    """
    if server.listener is None:
        return None
    try:
        driver = server.listener._poll_style_listener.conn.connection
        return driver.channel if driver.connection.connected else None
    except AttributeError:
        return server.listener


def _close(server: Any) -> None:
    server.stop()
    server.wait()
    server.transport.cleanup()


def _in_background(act: Callable[..., object], *args: object, **options: int) -> threading.Thread:
    def run() -> None:
        try:
            act(*args, **options)
        except Exception:
            LOG.exception('bus')

    thread = threading.Thread(target=run, name='bus', daemon=True)
    thread.start()
    return thread
