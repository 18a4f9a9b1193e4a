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

#: Rule, its default, what it is about, and the calls that ask for it. Those of Blazar are named as
#: in Blazar.
_OPERATIONS: list[tuple[str, str, str, list[str]]] = [
    (
        'blazar:leases:get',
        _READER,
        'List and show leases.',
        ['GET /v1/leases', 'GET /v1/leases/{id}'],
    ),
    ('blazar:leases:post', _MEMBER, 'Create a lease.', ['POST /v1/leases']),
    ('blazar:leases:put', _MEMBER, 'Change a lease.', ['PUT /v1/leases/{id}']),
    ('blazar:leases:delete', _MEMBER, 'Delete a lease.', ['DELETE /v1/leases/{id}']),
    (
        'blazar:oshosts:get',
        _ADMIN,
        'List and show hosts.',
        ['GET /v1/os-hosts', 'GET /v1/os-hosts/{id}'],
    ),
    ('blazar:oshosts:post', _ADMIN, 'Give a host to the service.', ['POST /v1/os-hosts']),
    ('blazar:oshosts:put', _ADMIN, 'Change a host.', ['PUT /v1/os-hosts/{id}']),
    (
        'blazar:oshosts:delete',
        _ADMIN,
        'Take a host from the service.',
        ['DELETE /v1/os-hosts/{id}'],
    ),
    (
        'blazar:oshosts:get_allocations',
        _ADMIN,
        'List which lease holds which host.',
        ['GET /v1/os-hosts/allocations', 'GET /v1/os-hosts/{id}/allocation'],
    ),
    (
        'blazar:oshosts:get_resource_properties',
        _ADMIN,
        'List the properties by which hosts can be chosen.',
        ['GET /v1/os-hosts/properties'],
    ),
    (
        'blazar:oshosts:update_resource_properties',
        _ADMIN,
        'Make a property public or private.',
        ['PATCH /v1/os-hosts/properties/{name}'],
    ),
    (
        'blazar:floatingips:get',
        _READER,
        'List and show floating IPs.',
        ['GET /v1/floatingips', 'GET /v1/floatingips/{id}'],
    ),
    (
        'blazar:floatingips:post',
        _ADMIN,
        'Give a floating IP to the service.',
        ['POST /v1/floatingips'],
    ),
    (
        'blazar:floatingips:delete',
        _ADMIN,
        'Take a floating IP from the service.',
        ['DELETE /v1/floatingips/{id}'],
    ),
    (
        'reservation:subscriptions:get',
        _READER,
        'List and show subscriptions and their deliveries. Nobody is shown a secret.',
        ['GET /v1/subscriptions', 'GET /v1/subscriptions/{id}'],
    ),
    (
        'reservation:subscriptions:get_all',
        _ADMIN,
        "List and show every project's subscriptions.",
        ['GET /v1/subscriptions'],
    ),
    (
        'reservation:subscriptions:post',
        _MEMBER,
        'Subscribe to what happens to the leases of the own project.',
        ['POST /v1/subscriptions'],
    ),
    (
        'reservation:subscriptions:post_all',
        _ADMIN,
        "Subscribe to what happens to every project's leases.",
        ['POST /v1/subscriptions'],
    ),
    (
        'reservation:subscriptions:patch',
        _MEMBER,
        'Change a subscription, its secret, test it, and send again what it has missed.',
        [
            'PATCH /v1/subscriptions/{id}',
            'POST /v1/subscriptions/{id}/secret',
            'POST /v1/subscriptions/{id}/tests',
            'POST /v1/subscriptions/{id}/replays',
            'POST /v1/subscriptions/{id}/deliveries/{delivery_id}/resend',
        ],
    ),
    (
        'reservation:subscriptions:delete',
        _MEMBER,
        'Delete a subscription.',
        ['DELETE /v1/subscriptions/{id}'],
    ),
    (
        'reservation:notifications:get',
        _READER,
        'Read what happened to the leases of the own project.',
        ['GET /v1/notifications'],
    ),
    (
        'reservation:notifications:get_all',
        _ADMIN,
        "Read what happened to every project's leases.",
        ['GET /v1/notifications'],
    ),
    (
        'reservation:availability:get',
        'role:reader or role:member or rule:admin',
        'Ask when how many hosts are free.',
        ['GET /v1/availability'],
    ),
]


def _operation(call: str) -> policy.Operation:
    method, path = call.split()
    return {'method': method, 'path': path}


def list_rules() -> list[policy.RuleDefault]:
    """Every rule with its default, also for ``oslopolicy-sample-generator``."""
    return _ROLES + [
        policy.DocumentedRuleDefault(name, check, description, [_operation(call) for call in calls])
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
