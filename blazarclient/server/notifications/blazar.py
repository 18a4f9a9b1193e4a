"""What the service asks Blazar for by itself, with credentials of its own.

They stand in ``[service_auth]``, in keystoneauth1's words, and belong to a user who may see the
leases of every project. The forms are Blazar's own: ``tests/wire`` holds what it answers.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keystoneauth1.session import Session
    from oslo_config import cfg

__all__ = ['GROUP', 'Blazar', 'Unavailable']

#: Where the credentials stand.
GROUP = 'service_auth'


class Unavailable(Exception):
    """Blazar, or the Keystone before it, does not answer, or not with what was asked for.

    ``is_answer`` says whether there was an answer, which may be different for another lease.
    """

    def __init__(self, sentence: str, *, is_answer: bool = False) -> None:
        super().__init__(sentence)
        self.is_answer = is_answer


class Blazar:
    """Asks Blazar for what it has.

    :param session: a keystoneauth session with the service's credentials.
    :param endpoint: where Blazar answers, without ``/v1``.
    :param timeout: seconds to wait for a connection, and for the next bytes of an answer.
    :param cafile: the certificates by which an https endpoint is known; by default the session's.
    """

    def __init__(
        self,
        session: Session,
        endpoint: str,
        *,
        timeout: tuple[float, float] = (5.0, 600.0),
        cafile: str | None = None,
    ) -> None:
        self._session = session
        self._endpoint = endpoint.rstrip('/').removesuffix('/v1')
        self._options: dict[str, Any] = {'timeout': timeout}
        if cafile:
            self._options['verify'] = cafile

    @classmethod
    def of(cls, config: cfg.ConfigOpts) -> Blazar:
        """The Blazar that a configuration names.

        :raises oslo_config.cfg.Error: when it names none, or no credentials.
        """
        from keystoneauth1 import exceptions, loading
        from oslo_config import cfg

        if not config.blazar.endpoint:
            raise cfg.RequiredOptError('endpoint', cfg.OptGroup('blazar'))
        loading.register_session_conf_options(config, GROUP)
        loading.register_auth_conf_options(config, GROUP)
        try:
            auth = loading.load_auth_from_conf_options(config, GROUP)
            if auth is None:
                raise cfg.RequiredOptError('auth_type', cfg.OptGroup(GROUP))
            options = {} if config[GROUP].timeout else {'timeout': 60}
            session = loading.load_session_from_conf_options(config, GROUP, auth=auth, **options)
        except exceptions.ClientException as error:
            raise cfg.Error(f'[{GROUP}]: {error}') from error
        return cls(
            session,
            config.blazar.endpoint,
            timeout=(config.blazar.connect_timeout, config.blazar.timeout),
            cafile=config.blazar.cafile,
        )

    def list_leases(self) -> list[dict[str, Any]]:
        """Every project's leases.

        :raises Unavailable: they cannot be had, or not all of them.
        """
        return self._list('/v1/leases', 'leases')

    def get_lease(self, lease_id: str) -> dict[str, Any] | None:
        """One lease; None when Blazar says that there is none.

        :raises Unavailable: it cannot be had.
        """
        # A lease may have any text for its ID.
        path = f'/v1/leases/{urllib.parse.quote(lease_id, safe="")}'
        status, content = self._get(path)
        if status == 404 and 'error_code' in content:
            return None
        lease = content.get('lease')
        if status != 200 or not isinstance(lease, dict) or lease.get('id') != lease_id:
            raise Unavailable(f'GET {path}: answered {status}', is_answer=True)
        return lease

    def list_hosts(self) -> list[dict[str, Any]]:
        """The hosts that can be reserved.

        :raises Unavailable: as :meth:`list_leases`.
        """
        return self._list('/v1/os-hosts', 'hosts')

    def list_allocations(self) -> list[dict[str, Any]]:
        """Which reservation holds which host.

        :raises Unavailable: as :meth:`list_leases`.
        """
        return self._list('/v1/os-hosts/allocations', 'allocations', key='resource_id')

    def _list(self, path: str, name: str, *, key: str = 'id') -> list[dict[str, Any]]:
        status, content = self._get(path)
        found = content.get(name)
        if status != 200 or not isinstance(found, list):
            raise Unavailable(f'GET {path}: answered {status}', is_answer=True)
        if not all(isinstance(each, dict) and key in each for each in found):
            raise Unavailable(f'GET {path}: answered with what are no {name}', is_answer=True)
        return found

    def _get(self, path: str) -> tuple[int, Mapping[str, Any]]:
        """The status and the JSON object of an answer."""
        from keystoneauth1 import exceptions

        try:
            answer = self._session.request(
                self._endpoint + path,
                'GET',
                headers={'Accept': 'application/json', 'User-Agent': 'blazar-gateway'},
                redirect=False,
                raise_exc=False,
                # A second try is the caller's, who knows for how long.
                connect_retries=0,
                status_code_retries=0,
                log=False,
                **self._options,
            )
            content = answer.json()
        except exceptions.ClientException as error:
            raise Unavailable(f'GET {path}: {type(error).__name__}') from error
        except ValueError as error:
            raise Unavailable(f'GET {path}: no JSON: {type(error).__name__}') from error
        if not isinstance(content, dict):
            raise Unavailable(f'GET {path}: answered with no JSON object', is_answer=True)
        return answer.status_code, content
