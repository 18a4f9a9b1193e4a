"""How a route takes a request and gives an answer, in Blazar's forms."""

from __future__ import annotations

import contextlib
import dataclasses
import http
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import flask
from werkzeug import exceptions

from blazarclient.server import errors
from blazarclient.server.api import microversions, statuses
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import wire_times

if TYPE_CHECKING:
    from blazarclient.server.config import Settings
    from blazarclient.server.policy import Policy
    from blazarclient.server.store.database import Database

__all__ = [
    'LONGEST_BODY',
    'Identity',
    'Service',
    'answer',
    'body',
    'context',
    'failure',
    'is_modern',
    'mapping',
    'refusal',
    'refuse',
    'route',
]

#: Bytes of the longest body that is read; a lease has some hundred.
LONGEST_BODY = 1024 * 1024

#: What a view answers with: something that json can write, None for no content, or a response.
View = Callable[..., object]


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """Who sends a request."""

    user_id: str
    #: Empty for a token without a project.
    project_id: str
    roles: frozenset[str]
    #: For the log.
    user_name: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Service:
    """What an application answers with."""

    database: Database
    policy: Policy
    settings: Settings


def route(
    blueprint: flask.Blueprint,
    method: str,
    rule: str,
    *,
    since: str = microversions.OLDEST,
    status: int | None = None,
    transaction: bool = True,
) -> Callable[[View], View]:
    """Let a function answer requests; it gets the context, the names in the rule, and the body.

    :param rule: the path, which as in Blazar may also end in ``.json``.
    :param since: the microversion that adds it; before, there is no such URL.
    :param status: of an answer; by default 201 to POST, 204 to DELETE and 200 to all else.
    :param transaction: let a GET read in one transaction; not one that waits for something.
    """
    usual = status or {'POST': 201, 'DELETE': 204}.get(method, 200)
    has_body = method in {'PATCH', 'POST', 'PUT'}

    def register(view: View) -> View:
        def call(**names: Any) -> flask.Response:
            if has_body:
                # As in Blazar a body that cannot be read is told before a lease that is not there.
                names['values'] = body()
            ctx = context()
            # A lease and its reservations are read by several queries, and belong together.
            one = transaction and method == 'GET'
            with ctx.transaction(write=False) if one else contextlib.nullcontext():
                content = view(ctx, **names)
            if isinstance(content, flask.Response):
                return content
            return answer(content, usual)

        for each in (rule, f'{rule}.json'):
            microversions.add(each, since)
            blueprint.add_url_rule(each, view.__name__, call, methods=[method])
        return view

    return register


def context() -> RequestContext:
    """The context of this request; a request that nobody has vouched for has none.

    :raises werkzeug.exceptions.Unauthorized: below a path that asks for no token.
    """
    if 'context' not in flask.g:
        identity: Identity | None = flask.g.get('identity')
        if identity is None:
            raise exceptions.Unauthorized
        service: Service = flask.current_app.extensions['reservation']
        flask.g.context = RequestContext(
            database=service.database,
            policy=service.policy,
            settings=service.settings,
            user_id=identity.user_id,
            project_id=identity.project_id,
            roles=identity.roles,
            request_id=flask.g.request_id,
            lease_exists=flask.current_app.extensions.get('lease_exists'),
        )
    found: RequestContext = flask.g.context
    return found


def body() -> Any:
    """What the request's body says: any JSON, and {} where there is none.

    :raises werkzeug.exceptions.BadRequest: for a content type other than JSON; from 1.1 on it is an
        UnsupportedMediaType.
    :raises werkzeug.exceptions.InternalServerError: for what is no JSON, as Blazar does at 1.0;
        from 1.1 on it is a BadRequest.
    :raises werkzeug.exceptions.RequestEntityTooLarge: for one that is too long.
    """
    data = flask.request.get_data(cache=False)
    if len(data) > LONGEST_BODY:
        raise exceptions.RequestEntityTooLarge
    if not data:
        return {}
    if flask.request.mimetype not in {'', 'application/json'}:
        sentence = f"Content type '{flask.request.mimetype}' isn't supported"
        if is_modern():
            raise exceptions.UnsupportedMediaType(sentence)
        raise exceptions.BadRequest(sentence)
    try:
        read = json.loads(data)
        if b'\\u' in data:
            # Half of a surrogate pair is JSON, and no text that can be stored.
            json.dumps(read, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        if is_modern():
            raise exceptions.BadRequest('The body of the request is not JSON.') from None
        raise exceptions.InternalServerError from None
    return read


def mapping(values: Any) -> dict[str, Any]:
    """A body that has to be a JSON object.

    :raises blazarclient.server.errors.Internal: it is not.
    """
    if not isinstance(values, dict):
        raise errors.Internal
    return values


def answer(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> flask.Response:
    """A response in JSON; without a body when there is no content.

    :param content: with times in Blazar's forms or in that of 1.1, which from 1.1 on is told.
    """
    if is_modern():
        content = wire_times.modern(content)
    text = b'' if content is None else json.dumps(content).encode()
    return flask.Response(text, status, headers, mimetype='application/json')


def is_modern() -> bool:
    """Whether this request speaks microversion 1.1 or a later one."""
    return bool(flask.g.get('microversion', microversions.OLDEST) != microversions.OLDEST)


def refuse(error: errors.ServiceError) -> flask.Response:
    """The answer to a request that an object refuses."""
    if is_modern():
        error = statuses.modern(error)
    elif isinstance(error, errors.Foreign):
        # Microversion 1.0 tells that there is such an object; so does Blazar.
        error = errors.PolicyForbidden(error.rule)
    return refusal(error)


def refusal(error: errors.ServiceError) -> flask.Response:
    """The answer with an error that has the status of the microversion already."""
    content: dict[str, Any] = {
        'error_code': error.status,
        'error_message': str(error),
        'error_name': error.name,
    }
    if is_modern():
        content = {'errors': [failure(error.status, error.code, str(error))], **content}
    headers = {} if error.retry_after is None else {'Retry-After': str(error.retry_after)}
    return answer(content, error.status, headers)


def failure(status: int, code: str, sentence: str, **more: object) -> dict[str, Any]:
    """An error as the API special interest group of OpenStack describes one.

    :param code: what programs compare.
    :param more: what this kind of error has besides.
    """
    return {
        'status': status,
        'code': code,
        'title': http.HTTPStatus(status).phrase,
        'detail': sentence,
        'request_id': flask.g.get('request_id'),
        'links': [],
        **more,
    }
