"""Which microversion a request asks for, and which one its answer speaks."""

from __future__ import annotations

import contextlib
import re

import flask
from werkzeug import exceptions

from blazarclient.server.objects import releases

__all__ = [
    'HEADER',
    'OLDEST',
    'add',
    'announce',
    'choose',
    'is_yet_to_come',
    'negotiate',
    'newest',
    'pin',
    'settle',
    'spoken',
]

HEADER = 'OpenStack-API-Version'
SERVICE = 'reservation'
OLDEST = next(iter(releases.MICROVERSIONS))

#: Path -> the microversion that it begins with.
_BEGINS: dict[str, str] = {}

_FORM = re.compile(r'([1-9][0-9]*)\.(0|[1-9][0-9]*)')


def newest() -> str:
    """The newest microversion that this service speaks."""
    return releases.newest(pin())


def pin() -> str | None:
    """``[upgrade] pin`` of this service."""
    pinned: str | None = flask.current_app.extensions['reservation'].settings.pin
    return pinned


def choose(header: str, maximum: str) -> str:
    """The microversion that a request asks for.

    :param header: ``OpenStack-API-Version`` of the request. It may name other services, too; the
        last version of this one counts, and without any the oldest.
    :param maximum: the newest that can be had; ``latest`` means this one.
    :raises werkzeug.exceptions.BadRequest: it is no version.
    :raises werkzeug.exceptions.NotAcceptable: it cannot be had.
    """
    wanted = OLDEST
    for entry in header.split(','):
        service, _, version = entry.strip().partition(' ')
        if service.lower() == SERVICE and version.strip():
            wanted = version.strip()
    if wanted == 'latest':
        return maximum
    if not _FORM.fullmatch(wanted):
        raise exceptions.BadRequest(
            f'API Version String {wanted} is of invalid format. '
            'Must be of format MajorNum.MinorNum.'
        )
    if not releases.number(OLDEST) <= releases.number(wanted) <= releases.number(maximum):
        raise exceptions.NotAcceptable(
            f'Version {wanted} is not supported by the API. '
            f'Minimum is {OLDEST} and maximum is {maximum}.'
        )
    return wanted


def negotiate() -> None:
    """Before a request: settle its microversion."""
    flask.g.microversion = choose(flask.request.headers.get(HEADER, ''), newest())
    if is_yet_to_come():
        if spoken() == OLDEST:
            # As at a stock Blazar, which says no version of what it does not have.
            flask.g.pop('microversion')
        raise exceptions.NotFound


def add(rule: str, version: str) -> None:
    """Say with which microversion a path begins.

    :param rule: below ``/v1``.
    """
    _BEGINS[f'/v1{rule}'] = version


def is_yet_to_come() -> bool:
    """Whether the path of this request begins with a later microversion than it speaks."""
    rule = flask.request.url_rule
    if rule is None:
        # The path has no such method; all that it has begin together.
        paths = flask.current_app.create_url_adapter(flask.request)
        methods = [] if paths is None else [*paths.allowed_methods()]
        if paths is None or not methods:
            return False
        rule, _ = paths.match(method=methods[0], return_rule=True)
    begins = _BEGINS.get(rule.rule, OLDEST)
    return releases.number(flask.g.get('microversion', OLDEST)) < releases.number(begins)


def settle() -> None:
    """Where a request has failed before its microversion was settled: do it, as far as possible.

    What cannot be had, or is no version, leaves the request at the oldest.
    """
    if 'microversion' not in flask.g and flask.request.path.startswith('/v1'):
        with contextlib.suppress(
            exceptions.BadRequest, exceptions.NotAcceptable, exceptions.NotFound
        ):
            negotiate()
            if spoken() == OLDEST:
                flask.g.pop('microversion')


def announce(response: flask.Response) -> flask.Response:
    """After a request: say the microversion, unless the request asked for one that is not there."""
    if 'microversion' in flask.g:
        response.headers['Vary'] = HEADER
        response.headers[HEADER] = f'{SERVICE} {spoken()}'
    return response


def spoken() -> str:
    """The microversion of this request."""
    return str(flask.g.microversion)
