"""The reservation API held against what a real Blazar answered."""

import json

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blazarclient.server.config import Settings
from tests import recordings
from tests.unit.server.api.requests import Call

#: What was recorded and needs neither a host nor a lease; the answer has to be the same text.
SAME_TEXT = (
    'discovery-root-bad-token',
    'discovery-root-no-token',
    'discovery-root-token',
    'discovery-v1-no-token',
    'discovery-v1-slash-token',
    'discovery-v1-token',
    'discovery-v2-token',
    'discovery-versions-token',
    'floatingip-create-alice-403',
    'floatingip-create-missing',
    'floatingip-create-missing-network-400',
    'floatingip-list',
    'floatingip-show-404',
    'host-allocation-404',
    'host-create-no-name',
    'host-create-unknown-hypervisor',
    'host-properties-alice',
    'host-property-private-alice',
    'host-show-404',
    'host-update-404',
    'host-update-alice-403',
    'hosts-list-alice-403',
    'lease-create-bad-date-iso',
    'lease-create-bad-date-seconds',
    'lease-create-empty-body',
    'lease-create-json-array',
    'lease-create-microversion-9.9-406',
    'lease-create-no-content-length',
    'lease-create-not-json',
    'lease-create-rita-403',
    'lease-create-wrapped-in-lease',
    'lease-create-wrong-content-type',
    'lease-show-404',
    'lease-show-404-bob',
    'lease-update-404',
    'leases-list-trailing-slash',
    'leases-no-token',
    'method-not-allowed-405',
    'microversion-9.9-no-token',
    'microversion-bad-on-root',
    'microversion-reservation-1',
    'microversion-reservation-1.1',
    'microversion-reservation-9.9',
    'microversion-reservation-abc',
    'options-leases',
    'property-patch-404',
    'unknown-path-404',
)
#: The lists of leases, of which the head is compared.
SAME_HEAD = (
    'accept-application-xml-200',
    'accept-html',
    'accept-json-q',
    'accept-star',
    'accept-xml',
    'head-leases',
    'leases-list',
    'leases-list-admin',
    'leases-list-admin-all_tenants',
    'leases-list-bob',
    'leases-list-json-suffix',
    'leases-list-query',
    'microversion-1.0',
    'microversion-compute-2.60',
    'microversion-reservation-1.0',
    'microversion-reservation-latest',
)
#: Of these the answer tells which microversions there are: a service that is pinned to 1.0 speaks
#: the same as Blazar.
_PINNED = frozenset(
    {
        'discovery-root-token',
        'discovery-versions-token',
        'lease-create-microversion-9.9-406',
        'microversion-bad-on-root',
        'microversion-reservation-1.1',
        'microversion-reservation-9.9',
        'microversion-reservation-latest',
    }
)
#: What has to be the same; of the request's ID, whether there is one.
_HEADERS = ('Content-Type', 'Vary', 'OpenStack-API-Version', 'WWW-Authenticate')


def replay(call: Call, name: str) -> tuple[TestResponse, recordings.Recording]:
    """Send what was recorded, and look at status and headers."""
    recording = recordings.load(name)
    answer = call(
        recording.method,
        recording.target,
        user=recording.user,
        headers=dict(recording.request_headers),
        data=recording.request_body,
    )
    assert answer.status_code == recording.status, answer.text
    for each in _HEADERS:
        assert answer.headers.get(each) == recording.header(each), each
    assert bool(answer.headers.get('x-openstack-request-id')) == bool(recording.request_id)
    return answer, recording


@pytest.fixture
def settings(name: str) -> Settings:
    """The settings with which a recording is answered as by Blazar."""
    return Settings(pin='1.0' if name in _PINNED else None)


@pytest.fixture
def name() -> str:
    """No recording, unless a test has one."""
    return ''


@pytest.mark.parametrize('name', SAME_TEXT)
def test_answers_what_blazar_answered(call: Call, name: str) -> None:
    """Status, headers and body are those of the recording."""
    answer, recording = replay(call, name)
    expected = recording.body.rstrip(b'\n')
    if name in _PINNED and answer.status_code == 300:
        # A list of versions says more than Blazar's, and nothing else.
        listed = answer.get_json()
        assert [*listed['versions'][0].pop('object_versions')] == ['1.0']
        assert json.dumps(listed).encode() == expected
    else:
        assert answer.data == expected


@pytest.mark.parametrize('name', SAME_HEAD)
def test_lists_as_blazar(call: Call, lease_id: str, name: str) -> None:
    """Queries and Accept headers change nothing, as in Blazar; a HEAD has no body."""
    answer, recording = replay(call, name)
    if recording.method == 'HEAD':
        assert answer.data == b''
        assert answer.content_length == len(call('GET', '/v1/leases').data)
    else:
        mine = [] if recording.user == 'bob' else [lease_id]
        assert [lease['id'] for lease in answer.get_json()['leases']] == mine


def test_without_accept_there_is_an_answer(call: Call, web: FlaskClient) -> None:
    """Blazar closes the connection; nobody misses that."""
    answer = call('GET', '/v1/leases')
    assert (answer.status_code, answer.mimetype) == (200, 'application/json')
