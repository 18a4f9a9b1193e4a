"""When each recording of tests/wire/rest was made, and what was there then."""

from __future__ import annotations

from tests.replay import At, Begin, Call, Day, Lease, Play

_GPU = Call('admin', 'PUT', '/v1/os-hosts/1', {'gpu': 'True'})
_RACK = Call('admin', 'PUT', '/v1/os-hosts/2', {'rack': 'r1'})
_ACTIVE = '99a0ad27-a726-48d3-a51d-bbf4dfa9f4c9'
_STARTING = {
    'id': 'edb64c3c-ce29-44f0-a0d9-ec0c3febf8ab',
    'name': 'starting',
    'start_date': 'now',
    'end_date': '2026-11-20 15:59',
}


def _host(name: str) -> Call:
    return Call('admin', 'POST', '/v1/os-hosts', {'name': name})


def _floatingip(network: str, number: int) -> Call:
    values = {'floating_network_id': network, 'floating_ip_address': f'203.0.113.{number}'}
    return Call('admin', 'POST', '/v1/floatingips', values)


def _delete(lease: str) -> Call:
    return Call('admin', 'DELETE', f'/v1/leases/{lease}')


#: The first cloud: a lease of each kind that has begun, and what can be asked and changed then.
FIRST = Day(
    date='2026-11-20',
    machines=('compute-1', 'compute-3', 'compute-4', 'compute-2'),
    floatingip='floatingips-list',
    steps=(
        Play(
            """
            discovery-root-bad-token discovery-root-no-token discovery-root-token
            discovery-v1-no-token discovery-v1-slash-token discovery-v1-token discovery-v2-token
            discovery-versions-token leases-no-token microversion-9.9-no-token
            microversion-bad-on-root leases-list-trailing-slash unknown-path-404
            method-not-allowed-405 options-leases
            """
        ),
        At('15:38:02'),
        *map(_host, ('compute-1', 'compute-2', 'compute-3', 'compute-4')),
        At('15:38:28'),
        Lease('leases-list', '3740febe-ed91-4ea8-9a65-a2721db1c611'),
        At('15:39:24'),
        Lease('leases-list', '5460eb23-59a2-4393-be20-a23166c7b0af'),
        _floatingip('b80577cb-29c5-4986-bda0-490df0441f19', 200),
        _floatingip('b80577cb-29c5-4986-bda0-490df0441f19', 201),
        At('15:39:34'),
        Lease('leases-list', 'cd4688fd-d2bf-479e-a333-d92c7cc62242'),
        At('15:39:36'),
        _GPU,
        Play('host-properties host-properties-detail'),
        _RACK,
        At('15:39:40'),
        Play(
            """
            host-properties-alice host-property-private-alice
            hosts-list-admin hosts-list-alice-403 host-show host-show-404
            host-allocations host-allocations-filter-lease host-allocation-one host-allocation-404
            host-create-no-name host-create-unknown-hypervisor host-create-with-extra-409
            host-create-409-or-other-duplicate
            host-delete-in-use-409 host-delete-reserved-409
            floatingips-list floatingips-list-alice floatingip-show-404
            floatingip-create-alice-403 floatingip-create-missing-network-400
            leases-list leases-list-admin leases-list-admin-all_tenants leases-list-bob
            leases-list-json-suffix leases-list-query head-leases accept-application-xml-200
            lease-show-physical lease-show-admin lease-show-rita lease-show-bob-403
            lease-show-virtual-instance lease-show-404 lease-show-404-bob
            lease-create-rita-403 lease-update-rita-403 lease-update-bob-403 lease-delete-bob-403
            lease-update-404
            microversion-1.0 microversion-compute-2.60 microversion-reservation-1
            microversion-reservation-1.0 microversion-reservation-1.1 microversion-reservation-9.9
            microversion-reservation-abc microversion-reservation-latest
            host-update-extra host-show-extra host-update-remove-null host-update-vcpus
            host-update-values-key host-update-empty host-update-404 host-update-alice-403
            """
        ),
        At('15:41:31'),
        Play(
            """
            lease-create-future-201 lease-create-duplicate-name lease-create-no-events
            lease-create-empty-reservations
            lease-create-empty-body lease-create-no-content-length lease-create-not-json
            lease-create-json-array lease-create-wrong-content-type lease-create-wrapped-in-lease
            lease-create-microversion-9.9-406
            lease-create-no-name lease-create-no-dates lease-create-no-resource-type
            lease-create-unknown-resource-type
            lease-create-bad-date-iso lease-create-bad-date-seconds lease-create-past
            lease-create-end-before-start lease-create-before-end-date-bad
            lease-create-missing-min lease-create-min-gt-max lease-create-min-string
            lease-create-not-enough-hosts lease-create-not-enough-hosts-before-end-500
            lease-create-bad-property-syntax lease-create-property-as-json-list
            lease-create-unknown-property
            lease-create-extra-field lease-create-instance-user-fields lease-create-long-name
            lease-create-unicode
            """
        ),
        At('15:41:36'),
        Play(
            """
            lease-update-rename-200 lease-update-dates-200 lease-update-bad-date
            lease-update-end-in-past lease-update-end-only lease-update-prolong_for-ignored
            lease-update-reduce_by-ignored lease-update-before_end_date
            lease-update-reservation-no-id lease-update-reservation-unknown-id
            lease-update-reservation-min-max lease-update-reservation-change-type
            lease-update-empty-body lease-update-status-field lease-update-admin-other-project
            lease-delete-rita-403 lease-delete-204 lease-delete-again-404
            property-patch property-patch-bad property-patch-back property-patch-404
            """
        ),
        At('15:42:50'),
        # The flavor had to have hosts without other instances.
        _delete('5460eb23-59a2-4393-be20-a23166c7b0af'),
        Play(
            """
            lease-create-flavor-instance lease-create-flavor-unknown
            lease-create-virtual-instance-missing
            lease-create-virtual-instance-with-flavor-conflict
            """
        ),
    ),
)

#: The second cloud: leases that begin, change while they are active, and end.
SECOND = Day(
    date='2026-11-20',
    machines=('compute-2', 'compute-1', 'compute-4', 'compute-3'),
    floatingip='floatingip-create-201',
    steps=(
        At('15:52:21'),
        *map(_host, ('compute-2', 'compute-1', 'compute-4', 'compute-3')),
        Lease('lease-show-terminated', '78f684be-71ac-48ab-ab5f-45c2bb09d3cd'),
        At('15:53:09'),
        At('15:54:09'),
        At('15:55:09'),
        Play('lease-show-terminated'),
        At('15:55:39'),
        Play('terminated-rename terminated-extend terminated-delete'),
        At('15:55:40'),
        Play('active-create'),
        At('15:55:50'),
        Play('active-show-two-reservations active-update-start-same-minute-200'),
        # Blazar has given the active lease a start to come, which is refused here. It is made
        # anew, so that the same can be asked of it.
        _delete(_ACTIVE),
        Lease('active-update-start-same-minute-200', _ACTIVE),
        At('16:00:00'),
        At('15:55:51'),
        Play(
            """
            active-extend-200 active-shorten-200 active-resize-host active-resize-instance
            active-resize-too-many active-show-after-failed-update active-end-now-400
            active-show-after-end-now active2-create update-while-pending-due
            """
        ),
        At('15:56:03'),
        Play('active-delete-204'),
        At('15:56:06'),
        Play(
            """
            two-same-type failing-create-leaves not-enough-instances
            virtual-instance-affinity-string events-given
            """
        ),
        _delete(_ACTIVE),
        _delete('ea274c2b-aa47-4473-9e01-83f8dac538a9'),
        _delete('4c14378c-abe5-4a05-8763-71cd5f1d699e'),
        At('15:57:02'),
        Lease('accept-star', '517bf58b-1c48-4f23-abc8-68d7734f0c20'),
        At('15:57:05'),
        Lease('accept-star', 'a4eba389-8021-435c-9b4a-774b6fecfa17'),
        At('15:57:15'),
        Play('accept-html accept-json-q accept-star accept-xml accept-none'),
        Call('alice', 'POST', '/v1/leases', _STARTING),
        Begin(),
        Play('lease-delete-while-starting'),
        At('16:06:08'),
        Call('admin', 'DELETE', '/v1/os-hosts/4'),
        Play(
            """
            host-create-201-extra host-properties-all host-delete-204
            host-set-not-reservable host-set-reservable
            floatingip-list lease-create-fip-none
            floatingip-create-201 floatingip-create-duplicate floatingip-create-in-pool
            floatingip-create-missing floatingip-show floatingip-delete-204
            """
        ),
        At('16:38:32'),
        Play(
            """
            lease-create-own-id-201 lease-create-own-id-again-409
            lease-create-own-id-of-other-project-409 lease-show-own-id lease-show-own-id-bob-403
            """
        ),
    ),
)

DAYS = (FIRST, SECOND)
