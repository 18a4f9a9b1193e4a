"""Errors of the reservation service, with the status and the sentence that Blazar gives.

::

    ServiceError                    500  what else goes wrong
    +-- Refused                          the request is wrong; a lease stays as it was
    |   +-- InvalidInput            400  a value that cannot be
    |   |   +-- InvalidDate
    |   |   +-- InvalidRange
    |   |   +-- MalformedParameter
    |   |   +-- MalformedRequirements
    |   |   +-- MissingParameter
    |   |   +-- EndpointForbidden        a webhook that may not go there
    |   +-- CannotUpdate            409  a parameter that cannot change
    |   +-- NotEnoughHosts          500  no room
    +-- NotEnoughFloatingIPs        400
    +-- FloatingIPUpdateRefused     400
    +-- Forbidden                   403  who asks may not, or not like this
    |   +-- PolicyForbidden
    |   +-- QuotaExceeded
    +-- NotFound                    404
    |   +-- Foreign                      it is another project's
    +-- Conflict                    409
    +-- Gone                        410  it was there, and is no longer kept
    +-- PreconditionFailed          412  somebody else has changed it meanwhile
    +-- TooManyRequests             429
    +-- DatabaseRefused             500  Blazar's database says no
    |   +-- UnknownProperty
    +-- InvalidStatus               500  the lease is between two states
    +-- Internal                    500  Blazar fails on this input, and says nothing of it
    |   +-- Unexpected                   this service fails, and no request is to blame
    +-- NotConfigured           500  an option is missing
    +-- BadGateway                  502  the service behind this one does not answer, or not in JSON
    +-- Busy                        503  the database is locked for too long
    +-- TakenOver                        an event that another worker has taken meanwhile

Each has a ``code``, dotted and stable, that is told from microversion 1.1 on.

From Blazar's ``manager/exceptions.py``, ``exceptions.py`` and ``tests/wire``. A :class:`Refused`
change leaves a lease as it was; after any other error Blazar puts the lease into ERROR, and so
does this service.
"""

from __future__ import annotations

__all__ = [
    'BadGateway',
    'Busy',
    'CannotUpdate',
    'Conflict',
    'DatabaseRefused',
    'EndpointForbidden',
    'FloatingIPUpdateRefused',
    'Forbidden',
    'Foreign',
    'Gone',
    'Internal',
    'InvalidDate',
    'InvalidInput',
    'InvalidRange',
    'InvalidStatus',
    'MalformedParameter',
    'MalformedRequirements',
    'MissingParameter',
    'NotConfigured',
    'NotEnoughFloatingIPs',
    'NotEnoughHosts',
    'NotFound',
    'PolicyForbidden',
    'PreconditionFailed',
    'QuotaExceeded',
    'Refused',
    'ServiceError',
    'TakenOver',
    'TooManyRequests',
    'Unexpected',
    'UnknownProperty',
]


class ServiceError(Exception):
    """An error that is told to whoever asked.

    ``status`` is the HTTP status; ``name`` is what Blazar puts in ``error_name``: the status, but
    for a few; ``code`` is what programs compare, ``retry_after`` how many seconds they should wait.
    """

    status = 500
    code = 'reservation.internal-error'
    retry_after: int | None = None

    def __init__(
        self, sentence: str, *, status: int | None = None, code: str | None = None
    ) -> None:
        super().__init__(sentence)
        if status is not None:
            self.status = status
        if code is not None:
            self.code = code

    @property
    def name(self) -> int | str:
        """Blazar's ``error_name``."""
        return self.status


class Refused(ServiceError):
    """The request is wrong, and nothing has changed."""


class InvalidInput(Refused):
    """A value that cannot be."""

    status = 400
    code = 'reservation.invalid-input'


class InvalidDate(InvalidInput):
    """A text that is no date."""

    def __init__(self, text: object) -> None:
        super().__init__(f'{text} is an invalid date. Required format: %Y-%m-%d %H:%M')


class InvalidRange(InvalidInput):
    """``max`` below ``min``."""

    def __init__(self) -> None:
        super().__init__(
            'Invalid values for min/max of hosts. Max must be equal to or larger than min.'
        )


class MalformedParameter(InvalidInput):
    """A parameter of the wrong kind."""

    def __init__(self, parameter: str) -> None:
        super().__init__(f'Malformed parameter {parameter}')


class MalformedRequirements(InvalidInput):
    """A filter that cannot be read."""

    def __init__(self, requirements: object) -> None:
        super().__init__(f'Malformed requirements {requirements}')


class MissingParameter(InvalidInput):
    """A parameter that has to be there."""

    def __init__(self, *parameters: str) -> None:
        super().__init__(f'Missing parameter {", ".join(parameters)}')


class EndpointForbidden(InvalidInput):
    """A webhook that may not go where it is asked to."""

    code = 'reservation.subscription.endpoint-forbidden'


class CannotUpdate(Refused):
    """A parameter that cannot be changed."""

    status = 409
    code = 'reservation.cannot-update'

    def __init__(self, parameter: str) -> None:
        super().__init__(f'{parameter} cannot be updated')


class NotEnoughHosts(Refused):
    """No room for what was asked."""

    code = 'reservation.not-enough-hosts'

    def __init__(self) -> None:
        super().__init__('Not enough hosts available')


class NotEnoughFloatingIPs(ServiceError):
    """No floating IP that is free."""

    status = 400
    code = 'reservation.not-enough-floatingips'

    def __init__(self) -> None:
        super().__init__('Not enough floating IPs available')


class FloatingIPUpdateRefused(ServiceError):
    """A floating IP reservation that cannot be changed like this."""

    status = 400
    code = 'reservation.cannot-update'

    def __init__(self, why: str) -> None:
        super().__init__(
            f'Floating IP reservation cannot be updated with requested parameters. {why}'
        )


class Forbidden(ServiceError):
    """Who asks may not do it, or not like this."""

    status = 403
    code = 'reservation.forbidden'


class PolicyForbidden(Forbidden):
    """A policy rule says no."""

    code = 'reservation.policy-forbidden'

    def __init__(self, rule: str) -> None:
        super().__init__(f"Policy doesn't allow {rule} to be performed")


class QuotaExceeded(Forbidden):
    """There are as many already as there may be."""

    code = 'reservation.quota-exceeded'


class NotFound(ServiceError):
    """There is no such object."""

    status = 404
    code = 'reservation.not-found'


class Foreign(NotFound):
    """The object is another project's: not found, but at 1.0 Blazar says 403 and so do we."""

    def __init__(self, sentence: str, rule: str) -> None:
        super().__init__(sentence)
        #: The policy rule that would have allowed it.
        self.rule = rule


class Conflict(ServiceError):
    """What is there is in the way."""

    status = 409
    code = 'reservation.conflict'


class Gone(ServiceError):
    """It was there, and is no longer kept."""

    status = 410
    code = 'reservation.notification.cursor-expired'


class PreconditionFailed(ServiceError):
    """It is no longer what whoever changes it has seen."""

    status = 412
    code = 'reservation.precondition-failed'


class TooManyRequests(ServiceError):
    """More at one time than the service does."""

    status = 429
    code = 'reservation.too-many-requests'
    retry_after = 5


class DatabaseRefused(ServiceError):
    """Blazar's database refuses, and its API names no more than the kind of refusal."""

    def __init__(self, kind: str) -> None:
        super().__init__(f'{kind}: A database error occurred')


class UnknownProperty(DatabaseRefused):
    """A filter names a property that no host has."""

    def __init__(self) -> None:
        super().__init__('BlazarDBNotFound')


class InvalidStatus(ServiceError):
    """The lease is between two states, and cannot go where it is asked to."""

    code = 'reservation.invalid-status'

    def __init__(self) -> None:
        super().__init__('Invalid lease status.')


class Internal(ServiceError):
    """Blazar fails on this input without a word."""

    def __init__(self) -> None:
        super().__init__('Internal Server Error')

    @property
    def name(self) -> str:
        """Blazar's ``error_name``."""
        return 'INTERNAL_SERVER_ERROR'


class Unexpected(Internal):
    """A fault of this service, for which no request is to blame."""


class NotConfigured(ServiceError):
    """An option is missing, or is not what it was."""

    code = 'reservation.not-configured'


class BadGateway(ServiceError):
    """The service behind this one does not answer, or not in JSON."""

    status = 502
    code = 'reservation.bad-gateway'


class Busy(ServiceError):
    """The database is locked for longer than anybody should wait."""

    status = 503
    code = 'reservation.busy'
    retry_after = 1


class TakenOver(ServiceError):
    """Another worker has taken the event meanwhile; what this one did is undone."""
