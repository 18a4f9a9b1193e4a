"""As much of Nova and Neutron as it takes to find flavors, hypervisors and networks.

Both speak one version only: Nova's 2.1 and Neutron's 2.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flask

from blazarclient.server.objects.placement.flavor_instance import nova_flavor
from blazarclient.server.sandbox import identity
from blazarclient.server.sandbox.state import current
from blazarclient.server.store import surroundings as stored

__all__ = ['compute', 'network']

compute = flask.Blueprint('compute', __name__, url_prefix='/compute')
network = flask.Blueprint('network', __name__, url_prefix='/network')

_METHODS = ('DELETE', 'GET', 'PATCH', 'POST', 'PUT')
_OPEN = frozenset({'compute.versions', 'compute.v2_1', 'network.versions'})

Row = Mapping[str, Any]


@compute.before_request
@network.before_request
def _check_token() -> flask.Response | None:
    if flask.request.endpoint in _OPEN or identity.owner(flask.request.headers):
        return None
    return identity.unauthorized(current().address)


# ---------------------------------------------------------------------- Nova


@compute.get('/', strict_slashes=False)
def versions() -> flask.Response:
    """The versions that there are: one."""
    return flask.jsonify({'versions': [_compute_version()]})


@compute.get('/v2.1/', strict_slashes=False)
def v2_1() -> flask.Response:
    """The version document."""
    return flask.jsonify({'version': _compute_version()})


@compute.get('/v2.1/flavors')
@compute.get('/v2.1/flavors/detail')
def flavors() -> flask.Response:
    """List the flavors."""
    with current().database.transaction(write=False) as connection:
        rows = stored.flavors(connection)
    detail = flask.request.path.endswith('/detail')
    return flask.jsonify({'flavors': [_flavor(row, detail=detail) for row in rows]})


@compute.get('/v2.1/flavors/<flavor_id>')
def flavor(flavor_id: str) -> flask.Response:
    """Show a flavor."""
    row = _stored_flavor(flavor_id)
    return flask.jsonify({'flavor': _flavor(row)}) if row else _no_flavor(flavor_id)


@compute.get('/v2.1/flavors/<flavor_id>/os-extra_specs')
def extra_specs(flavor_id: str) -> flask.Response:
    """Show what else a flavor asks for."""
    row = _stored_flavor(flavor_id)
    return flask.jsonify({'extra_specs': row['extra_specs']}) if row else _no_flavor(flavor_id)


@compute.get('/v2.1/os-hypervisors')
@compute.get('/v2.1/os-hypervisors/detail')
def hypervisors() -> flask.Response:
    """List the hypervisors; for administrators, as in Nova."""
    refused = _refuse_all_but_admin()
    if refused:
        return refused
    with current().database.transaction(write=False) as connection:
        rows = stored.hypervisors(connection)
    detail = flask.request.path.endswith('/detail')
    return flask.jsonify({'hypervisors': [_hypervisor(row, detail=detail) for row in rows]})


@compute.get('/v2.1/os-hypervisors/<int:hypervisor_id>')
@compute.get('/v2.1/os-hypervisors/<int:hypervisor_id>/uptime')
def hypervisor(hypervisor_id: int) -> flask.Response:
    """Show a hypervisor, or how long it has been up."""
    refused = _refuse_all_but_admin()
    if refused:
        return refused
    with current().database.transaction(write=False) as connection:
        rows = stored.hypervisors(connection)
    found = next((row for row in rows if row['id'] == hypervisor_id), None)
    if found is None:
        sentence = f"Hypervisor with ID '{hypervisor_id}' could not be found."
        return _nova_error(404, 'itemNotFound', sentence)
    uptime = flask.request.path.endswith('/uptime')
    shown = _hypervisor(found, detail=not uptime)
    if uptime:
        shown['uptime'] = '08:00:00 up 1 day, 1:23, 0 users, load average: 0.00, 0.00, 0.00'
    return flask.jsonify({'hypervisor': shown})


@compute.get('/v2.1/os-aggregates')
def aggregates() -> flask.Response:
    """List the aggregates: none; `openstack hypervisor show` asks for them."""
    return _refuse_all_but_admin() or flask.jsonify({'aggregates': []})


@compute.route('/<path:rest>', methods=_METHODS)
def not_in_compute(rest: str) -> flask.Response:
    """What else Nova has is not here."""
    return _nova_error(404, 'itemNotFound', 'The resource could not be found.')


@compute.after_request
def _say_version(answer: flask.Response) -> flask.Response:
    answer.headers['OpenStack-API-Version'] = 'compute 2.1'
    answer.headers['X-OpenStack-Nova-API-Version'] = '2.1'
    answer.headers['Vary'] = 'OpenStack-API-Version, X-OpenStack-Nova-API-Version'
    return answer


def _compute_version() -> dict[str, object]:
    return {
        'id': 'v2.1',
        'status': 'CURRENT',
        'version': '2.1',
        'min_version': '2.1',
        'updated': '2013-07-23T11:33:21Z',
        'links': [{'rel': 'self', 'href': f'{current().address}/compute/v2.1/'}],
        'media-types': [
            {
                'base': 'application/json',
                'type': 'application/vnd.openstack.compute+json;version=2.1',
            }
        ],
    }


def _stored_flavor(flavor_id: str) -> Row | None:
    with current().database.transaction(write=False) as connection:
        return stored.flavor(connection, flavor_id)


def _flavor(row: Row, *, detail: bool = True) -> dict[str, object]:
    href = f'{current().address}/compute/v2.1/flavors/{row["id"]}'
    shown = nova_flavor(row) if detail else {'id': row['id'], 'name': row['name']}
    return {**shown, 'links': [{'rel': 'self', 'href': href}]}


def _hypervisor(row: Row, *, detail: bool = True) -> dict[str, object]:
    shown = {
        'id': row['id'],
        'hypervisor_hostname': row['hypervisor_hostname'],
        'state': 'up',
        'status': 'enabled',
    }
    if detail:
        shown |= {
            'vcpus': row['vcpus'],
            'vcpus_used': 0,
            'memory_mb': row['memory_mb'],
            'memory_mb_used': 0,
            'free_ram_mb': row['memory_mb'],
            'local_gb': row['local_gb'],
            'local_gb_used': 0,
            'free_disk_gb': row['local_gb'],
            'disk_available_least': row['local_gb'],
            'running_vms': 0,
            'current_workload': 0,
            'hypervisor_type': 'fake',
            'hypervisor_version': 1000,
            'host_ip': '127.0.0.1',
            'cpu_info': '{}',
            'service': {
                'id': row['id'],
                'host': row['hypervisor_hostname'],
                'disabled_reason': None,
            },
        }
    return shown


def _refuse_all_but_admin() -> flask.Response | None:
    user = identity.owner(flask.request.headers)
    if user and 'admin' in user.roles:
        return None
    sentence = "Policy doesn't allow os_compute_api:os-hypervisors to be performed."
    return _nova_error(403, 'forbidden', sentence)


def _no_flavor(flavor_id: str) -> flask.Response:
    return _nova_error(404, 'itemNotFound', f'Flavor {flavor_id} could not be found.')


def _nova_error(status: int, kind: str, sentence: str) -> flask.Response:
    answer = flask.jsonify({kind: {'code': status, 'message': sentence}})
    answer.status_code = status
    return answer


# ------------------------------------------------------------------- Neutron


@network.get('/', endpoint='versions', strict_slashes=False)
def network_versions() -> flask.Response:
    """The versions that there are: one."""
    link = {'rel': 'self', 'href': f'{current().address}/network/v2.0/'}
    return flask.jsonify({'versions': [{'id': 'v2.0', 'status': 'CURRENT', 'links': [link]}]})


@network.get('/v2.0/', strict_slashes=False)
def v2_0() -> flask.Response:
    """The resources that there are."""
    address = current().address
    resources = [
        {
            'name': name,
            'collection': f'{name}s',
            'links': [{'rel': 'self', 'href': f'{address}/network/v2.0/{name}s'}],
        }
        for name in ('network', 'subnet')
    ]
    return flask.jsonify({'resources': resources})


@network.get('/v2.0/extensions')
def extensions() -> flask.Response:
    """The extensions that there are: none."""
    return flask.jsonify({'extensions': []})


@network.get('/v2.0/networks')
def networks() -> flask.Response:
    """List the networks, or those that the query asks for."""
    return flask.jsonify({'networks': _chosen([*_networks().values()])})


@network.get('/v2.0/networks/<network_id>')
def one_network(network_id: str) -> flask.Response:
    """Show a network."""
    found = _networks().get(network_id)
    return flask.jsonify({'network': found}) if found else _not_here('Network', network_id)


@network.get('/v2.0/subnets')
def subnets() -> flask.Response:
    """List the subnets, or those that the query asks for."""
    return flask.jsonify({'subnets': _chosen([_subnet(row) for row in _stored_subnets()])})


@network.get('/v2.0/subnets/<subnet_id>')
def one_subnet(subnet_id: str) -> flask.Response:
    """Show a subnet."""
    for row in _stored_subnets():
        if row['id'] == subnet_id:
            return flask.jsonify({'subnet': _subnet(row)})
    return _not_here('Subnet', subnet_id)


@network.route('/<path:rest>', methods=_METHODS)
def not_in_network(rest: str) -> flask.Response:
    """What else Neutron has is not here."""
    return _neutron_error('HTTPNotFound', 'The resource could not be found.')


def _stored_subnets() -> Sequence[Row]:
    with current().database.transaction(write=False) as connection:
        return stored.subnets(connection)


def _networks() -> dict[str, dict[str, object]]:
    """ID -> network; all that is stored of one is its subnets."""
    found: dict[str, dict[str, Any]] = {}
    for row in _stored_subnets():
        shown = found.setdefault(
            row['network_id'],
            {
                'id': row['network_id'],
                'name': row['network_name'],
                'admin_state_up': True,
                'status': 'ACTIVE',
                'shared': True,
                'router:external': True,
                'project_id': identity.USERS['admin'].project_id,
                'tenant_id': identity.USERS['admin'].project_id,
                'availability_zones': [],
                'description': '',
                'mtu': 1500,
                'tags': [],
                'subnets': [],
            },
        )
        shown['subnets'].append(row['id'])
    return found


def _subnet(row: Row) -> dict[str, object]:
    return {
        'id': row['id'],
        'name': f'{row["network_name"]}-subnet',
        'network_id': row['network_id'],
        'ip_version': 6 if ':' in row['cidr'] else 4,
        'cidr': row['cidr'],
        'gateway_ip': row['gateway_ip'],
        'allocation_pools': row['allocation_pools'],
        'enable_dhcp': False,
        'dns_nameservers': [],
        'host_routes': [],
        'project_id': identity.USERS['admin'].project_id,
        'tenant_id': identity.USERS['admin'].project_id,
        'description': '',
        'tags': [],
    }


def _chosen(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """What a query asks for: ``name=public&fields=id``."""
    query = flask.request.args
    fields = query.getlist('fields')
    chosen = [
        row
        for row in rows
        if all(
            str(row[key]).lower() in (value.lower() for value in query.getlist(key))
            for key in query
            if key in row
        )
    ]
    return [{key: row[key] for key in row if key in fields} for row in chosen] if fields else chosen


def _not_here(kind: str, its_id: str) -> flask.Response:
    return _neutron_error(f'{kind}NotFound', f'{kind} {its_id} could not be found.')


def _neutron_error(kind: str, sentence: str) -> flask.Response:
    answer = flask.jsonify({'NeutronError': {'type': kind, 'message': sentence, 'detail': ''}})
    answer.status_code = 404
    return answer
