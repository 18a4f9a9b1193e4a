"""Who may do what: Blazar's policy rules and their defaults, enforced by oslo.policy.

A reader may look at the leases of the own project, a member may also change them, an administrator
may do everything in every project, and only an administrator has to do with hosts. A site says
otherwise in a ``policy.yaml``, with the names of rules that it used for Blazar.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from oslo_config import cfg
from oslo_policy import policy

__all__ = ['Policy', 'list_rules']

_READER = 'rule:project_reader_or_admin'
_MEMBER = 'rule:project_member_or_admin'
_ADMIN = 'rule:admin'

_ROLES = [
    policy.RuleDefault('admin', 'is_admin:True or role:admin', 'An administrator.'),
    policy.RuleDefault(
        'admin_or_owner',
        'rule:admin or project_id:%(project_id)s',
        'Anybody in the project, or an administrator.',
    ),
    policy.RuleDefault(
        'project_member_api',
        'role:member and project_id:%(project_id)s',
        'A member of the project.',
    ),
    policy.RuleDefault(
        'project_reader_api',
        'role:reader and project_id:%(project_id)s',
        'A reader of the project.',
    ),
    policy.RuleDefault(
        'project_member_or_admin',
        'rule:project_member_api or rule:admin',
        'A member of the project, or an administrator.',
    ),
    policy.RuleDefault(
        'project_reader_or_admin',
        'rule:project_reader_api or rule:admin',
        'A reader of the project, or an administrator.',
    ),
]

#: Rule, its default, what it is about, and the calls that ask for it.
_OPERATIONS: list[tuple[str, str, str, list[str]]] = [
    ('leases:get', _READER, 'List and show leases.', ['GET /v1/leases', 'GET /v1/leases/{id}']),
    ('leases:post', _MEMBER, 'Create a lease.', ['POST /v1/leases']),
    ('leases:put', _MEMBER, 'Change a lease.', ['PUT /v1/leases/{id}']),
    ('leases:delete', _MEMBER, 'Delete a lease.', ['DELETE /v1/leases/{id}']),
    ('oshosts:get', _ADMIN, 'List and show hosts.', ['GET /v1/os-hosts', 'GET /v1/os-hosts/{id}']),
    ('oshosts:post', _ADMIN, 'Give a host to the service.', ['POST /v1/os-hosts']),
    ('oshosts:put', _ADMIN, 'Change a host.', ['PUT /v1/os-hosts/{id}']),
    ('oshosts:delete', _ADMIN, 'Take a host from the service.', ['DELETE /v1/os-hosts/{id}']),
    (
        'oshosts:get_allocations',
        _ADMIN,
        'List which lease holds which host.',
        ['GET /v1/os-hosts/allocations', 'GET /v1/os-hosts/{id}/allocation'],
    ),
    (
        'oshosts:get_resource_properties',
        _ADMIN,
        'List the properties by which hosts can be chosen.',
        ['GET /v1/os-hosts/properties'],
    ),
    (
        'oshosts:update_resource_properties',
        _ADMIN,
        'Make a property public or private.',
        ['PATCH /v1/os-hosts/properties/{name}'],
    ),
    (
        'floatingips:get',
        _READER,
        'List and show floating IPs.',
        ['GET /v1/floatingips', 'GET /v1/floatingips/{id}'],
    ),
    ('floatingips:post', _ADMIN, 'Give a floating IP to the service.', ['POST /v1/floatingips']),
    (
        'floatingips:delete',
        _ADMIN,
        'Take a floating IP from the service.',
        ['DELETE /v1/floatingips/{id}'],
    ),
]


def _operation(call: str) -> policy.Operation:
    method, path = call.split()
    return {'method': method, 'path': path}


def list_rules() -> list[policy.RuleDefault]:
    """Every rule with its default, also for ``oslopolicy-sample-generator``."""
    return _ROLES + [
        policy.DocumentedRuleDefault(
            f'blazar:{name}', check, description, [_operation(call) for call in calls]
        )
        for name, check, description, calls in _OPERATIONS
    ]


class Policy:
    """The rules, and whether one allows somebody something.

    :param config: where ``[oslo_policy]`` says which file changes the rules. Without it the
        defaults hold, whatever files lie on this machine.
    """

    def __init__(self, config: cfg.ConfigOpts | None = None) -> None:
        if config is None:
            alone = cfg.ConfigOpts()
            alone([], default_config_files=[], default_config_dirs=[])
            checks = {rule.name: rule.check for rule in list_rules()}
            self._enforcer = policy.Enforcer(alone, rules=checks, use_conf=False)
        else:
            self._enforcer = policy.Enforcer(config)
            self._enforcer.register_defaults(list_rules())
        # A changed file is read at the next check, and for a moment there are no rules at all.
        self._lock = threading.Lock()

    def check(
        self, rule: str, target: Mapping[str, object], credentials: Mapping[str, object]
    ) -> bool:
        """Whether a rule allows somebody an action.

        :param rule: its name, as ``blazar:leases:get``.
        :param target: ``project_id`` and ``user_id`` of whose object it is.
        :param credentials: ``project_id``, ``user_id`` and ``roles`` of who asks.
        """
        with self._lock:
            return bool(self._enforcer.enforce(rule, {**target}, {**credentials}))
