"""The controls of a sandbox: its clock, and the faults that it shall have.

Nobody has to log in for them. They answer in JSON, errors as ``{"error": "..."}``.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import flask

from blazarclient import exception, times
from blazarclient.server import errors
from blazarclient.server.sandbox import faults
from blazarclient.server.sandbox.state import State, current
from blazarclient.server.sandbox.users import USERS

__all__ = ['NOT_FOR_PRODUCTION', 'blueprint']

NOT_FOR_PRODUCTION = (
    'A sandbox is not for production: passwords and tokens are known to everybody, and nothing '
    'is really reserved.'
)

blueprint = flask.Blueprint('sandbox', __name__, url_prefix='/sandbox')


class _BadRequest(Exception):
    """What is wrong with a request."""


@blueprint.errorhandler(_BadRequest)
@blueprint.errorhandler(errors.InvalidInput)
@blueprint.errorhandler(exception.InvalidInput)
@blueprint.errorhandler(faults.BadRule)
def _refuse(error: Exception) -> tuple[flask.Response, int]:
    return flask.jsonify({'error': str(error)}), 400


@blueprint.get('/', strict_slashes=False)
def show() -> flask.Response:
    """Say what is here."""
    state = current()
    about = {
        'about': NOT_FOR_PRODUCTION,
        'endpoints': {
            'identity': f'{state.address}/identity/v3',
            'reservation': f'{state.address}/v1',
            'compute': f'{state.address}/compute/v2.1',
            'network': f'{state.address}/network',
        },
        'users': [
            {
                'name': user.name,
                'password': user.password,
                'token': user.name,
                'user_id': user.id,
                'project_name': user.project_name,
                'project_id': user.project_id,
                'roles': list(user.roles),
            }
            for user in USERS.values()
        ],
        'clock': _clock(state),
        'faults': state.faults.render(),
    }
    return flask.jsonify({'sandbox': about})


@blueprint.get('/clock')
def show_clock() -> flask.Response:
    """Say what the clock shows, and how fast it runs."""
    return flask.jsonify({'clock': _clock(current())})


@blueprint.post('/clock')
def set_clock() -> flask.Response:
    """Set the clock; the answer comes when all that is due then has been carried out."""
    given = _body()
    unknown = given.keys() - {'now', 'advance', 'speed'}
    if unknown or not given or {'now', 'advance'} <= given.keys():
        raise _BadRequest(
            'Expected {"now": TIME} or {"advance": DURATION or seconds}, and {"speed": NUMBER}.'
        )
    state = current()
    speed = _speed(given['speed']) if 'speed' in given else None
    if 'now' in given:
        # Times without an offset are UTC, and so is what the clock shows.
        moment = times.parse_time(str(given['now'])).replace(tzinfo=None)
        state.clock.move(to=moment, speed=speed)
    elif 'advance' in given:
        state.clock.move(by=_duration(given['advance']), speed=speed)
    else:
        state.clock.move(speed=speed)
    state.settle()
    return flask.jsonify({'clock': _clock(state)})


@blueprint.get('/faults')
def list_faults() -> flask.Response:
    """List the faults in force."""
    return flask.jsonify({'faults': current().faults.render()})


@blueprint.post('/faults')
def add_fault() -> tuple[flask.Response, int]:
    """Put a fault in force."""
    given = _body()
    if given.keys() != {'rule'}:
        raise _BadRequest(f'Expected {{"rule": TEXT}}. {faults.GRAMMAR}')
    rule = current().faults.add(faults.parse(str(given['rule'])))
    return flask.jsonify({'fault': rule.render()}), 201


@blueprint.delete('/faults')
def clear_faults() -> flask.Response:
    """Forget all faults."""
    current().faults.clear()
    return flask.Response(status=204)


@blueprint.route('/<path:rest>', methods=('DELETE', 'GET', 'PATCH', 'POST', 'PUT'))
def unknown(rest: str) -> tuple[flask.Response, int]:
    """Name the controls that there are."""
    sentence = 'There are /sandbox, /sandbox/clock and /sandbox/faults.'
    return flask.jsonify({'error': sentence}), 404


def _body() -> dict[str, Any]:
    # Also keeps pages in a browser out, which may not send JSON to others without asking.
    given = flask.request.get_json(silent=True)
    if not isinstance(given, dict):
        raise _BadRequest('Expected a JSON object, and the header Content-Type: application/json.')
    return given


def _clock(state: State) -> dict[str, object]:
    return {'now': f'{state.clock.now():%Y-%m-%dT%H:%M:%S.%fZ}', 'speed': state.clock.speed}


def _duration(given: object) -> timedelta:
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        try:
            return timedelta(seconds=given)
        except (OverflowError, ValueError):
            raise _BadRequest('"advance" is a DURATION, or a number of seconds.') from None
    return times.parse_duration(str(given))


def _speed(given: object) -> float:
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        with contextlib.suppress(OverflowError):
            return float(given)
    raise _BadRequest('"speed" is a number: 0 lets the clock stand, 1 is real time.')
