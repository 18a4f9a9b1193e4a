"""--reservation and --physical-reservation: what goes into the request, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from blazarclient import exception
from blazarclient.osc import options

HOST = 'resource_type=physical:host,min=1,max=1'
HOST_BODY: dict[str, object] = {
    'resource_type': 'physical:host',
    'min': 1,
    'max': 1,
    'hypervisor_properties': '',
    'resource_properties': '',
}
INSTANCE_BODY: dict[str, object] = {
    'resource_type': 'virtual:instance',
    'vcpus': '',
    'memory_mb': '',
    'disk_gb': '',
    'amount': '',
    'affinity': 'None',
    'resource_properties': '',
}
FLOATING_BODY: dict[str, object] = {
    'resource_type': 'virtual:floatingip',
    'amount': 1,
    'required_floatingips': [],
}
FLAVOR_BODY: dict[str, object] = {
    'resource_type': 'flavor:instance',
    'flavor_id': '',
    'amount': '',
    'affinity': 'None',
}
AND = '["and", [">=", "$vcpus", "2"], ["<", "$memory_mb", "4096"]]'
GPU = '["==", "$gpu", "True"]'


# ------------------------------------------------------ reservations to create


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (HOST, HOST_BODY),
        (
            f'{HOST},hypervisor_properties={AND},resource_properties=',
            HOST_BODY | {'hypervisor_properties': AND},
        ),
        (
            f'min=1,max=1,hypervisor_properties={AND},resource_type=physical:host',
            HOST_BODY | {'hypervisor_properties': AND},
        ),
        (
            f'resource_properties=["=", "$name", "a,b=c"],{HOST}',
            HOST_BODY | {'resource_properties': '["=", "$name", "a,b=c"]'},
        ),
        (
            f'{HOST},resource_properties=["==","$x","it\'s a]b"]',
            HOST_BODY | {'resource_properties': '["==","$x","it\'s a]b"]'},
        ),
        (f'{HOST},before_end=snapshot', HOST_BODY | {'before_end': 'snapshot'}),
        (f',{HOST}', HOST_BODY),
        ('resource_type=physical:host', HOST_BODY | {'min': '', 'max': ''}),
        ('resource_type=physical:host,min=,max=', HOST_BODY | {'min': '', 'max': ''}),
        ('resource_type=virtual:instance', INSTANCE_BODY),
        (
            'vcpus=2,memory_mb=4096,disk_gb=0,amount=1,resource_type=virtual:instance',
            INSTANCE_BODY | {'vcpus': 2, 'memory_mb': 4096, 'disk_gb': 0, 'amount': 1},
        ),
        ('resource_type=virtual:instance,affinity=None', INSTANCE_BODY),
        ('resource_type=virtual:instance,affinity=True', INSTANCE_BODY | {'affinity': 'True'}),
        ('resource_type=virtual:instance,affinity=1', INSTANCE_BODY | {'affinity': 1}),
        ('resource_type=virtual:instance,affinity=', INSTANCE_BODY | {'affinity': ''}),
        ('resource_type=virtual:floatingip', FLOATING_BODY),
        (
            'resource_type=virtual:floatingip,network_id=0a1b,amount=2',
            FLOATING_BODY | {'network_id': '0a1b', 'amount': 2},
        ),
        (
            'amount=2,required_floatingips=["192.0.2.1", "::1"],resource_type=virtual:floatingip',
            FLOATING_BODY | {'amount': 2, 'required_floatingips': ['192.0.2.1', '::1']},
        ),
        ('resource_type=flavor:instance', FLAVOR_BODY),
        (
            'resource_type=flavor:instance,flavor_id=007,amount=2,affinity=False',
            FLAVOR_BODY | {'flavor_id': '007', 'amount': 2, 'affinity': 'False'},
        ),
        ('resource_type=flavor:instance,flavor_id=1', FLAVOR_BODY | {'flavor_id': 1}),
    ],
)
def test_reservation_is_what_upstream_sends(text: str, expected: Mapping[str, object]) -> None:
    """What worked in python-blazarclient 4.6.0 gives the same body, seen by running both."""
    assert options.parse_reservation(text) == expected


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        # A key inside a quoted value is no key.
        (
            f'{HOST},resource_properties=["=", "$name", "a,min=3"]',
            HOST_BODY | {'resource_properties': '["=", "$name", "a,min=3"]'},
        ),
        (
            f'{HOST},resource_properties=["=", "$name", "a\\",min=3"]',
            HOST_BODY | {'resource_properties': '["=", "$name", "a\\",min=3"]'},
        ),
        # The type is the one named by the key.
        (
            'resource_type=virtual:instance,resource_properties=["==", "$x", "physical:host"]',
            INSTANCE_BODY | {'resource_properties': '["==", "$x", "physical:host"]'},
        ),
        ('resource_type = physical:host, min = 1,\n max = 1 ', HOST_BODY),
        ('resource_type=physical:host,min=01,max=+1', HOST_BODY),
        ('resource_type="physical:host",min="1",max=1,resource_properties=""', HOST_BODY),
        (
            'resource_type=flavor:instance,flavor_id="1"',
            FLAVOR_BODY | {'flavor_id': '1'},
        ),
        (
            f'{HOST},hypervisor_properties={json.dumps(AND)}',
            HOST_BODY | {'hypervisor_properties': AND},
        ),
        # on_start is read by Chameleon's Blazar.
        (f'{HOST},on_start=orchestration', HOST_BODY | {'on_start': 'orchestration'}),
        # Chameleon's, with the defaults of its client.
        (
            'resource_type=device,min=1,max=2,before_end=email',
            {
                'resource_type': 'device',
                'min': 1,
                'max': 2,
                'resource_properties': '',
                'before_end': 'email',
            },
        ),
        (
            'resource_type=network,network_name=mine,stitch=x',
            {
                'resource_type': 'network',
                'network_name': 'mine',
                'network_description': '',
                'network_properties': '',
                'resource_properties': '',
                'stitch': 'x',
            },
        ),
        ('resource_type=virtual:device', {'resource_type': 'virtual:device'}),
        (
            'resource_type=thing,vlan=3,resource_properties=["==", "$x", "1"]',
            {
                'resource_type': 'thing',
                'vlan': 3,
                'resource_properties': '["==", "$x", "1"]',
            },
        ),
        (
            'resource_type=x,text="a, b",code=007,big=99999999999999999999',
            {
                'resource_type': 'x',
                'text': 'a, b',
                'code': '007',
                'big': '99999999999999999999',
            },
        ),
        (
            'resource_type=physical:hosts,mx=1',
            {'resource_type': 'physical:hosts', 'mx': 1},
        ),
        ('resource_type=x,quote="a"-"b"', {'resource_type': 'x', 'quote': '"a"-"b"'}),
    ],
)
def test_reservation_is_read_better_than_upstream(
    text: str, expected: Mapping[str, object]
) -> None:
    """What 4.6.0 refused or sent mangled is read as it was meant."""
    assert options.parse_reservation(text) == expected


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('', 'it is empty'),
        ('  ', 'it is empty'),
        ('physical:host', "'physical:host' has no =; did you mean resource_type=physical:host?"),
        ('nonsense', "'nonsense' has no =."),
        ('min=1,max=1', 'resource_type= is missing; did you mean resource_type=physical:host?'),
        ('vcpus=1', 'resource_type= is missing; did you mean resource_type=virtual:instance?'),
        ('amount=1', 'resource_type= is missing: physical:host, virtual:instance,'),
        ('type=device,x=1', "'type' is not a key; did you mean resource_type=device?"),
        ('resource-type=device', "'resource-type' is not a key; did you mean resource_type=device"),
        ('resource_type=,min=1', 'resource_type= has no value'),
        ('resource_type="",min=1', 'resource_type= has no value'),
        (f'{HOST},min=2', 'min is given twice: min=1 and min=2'),
        ('resource_type=device,a=1,a=1', 'a is given twice: a=1 and a=1'),
        (
            'resource_type=physical:host,min=1,mx=3',
            "'mx' is not a key of physical:host; did you mean max=3?",
        ),
        (
            'resource_type=physical:host,MIN=3',
            "'MIN' is not a key of physical:host; did you mean min=3?",
        ),
        (
            f'{HOST},resource-properties={GPU}',
            f'did you mean resource_properties={GPU}?',
        ),
        ('resource_type=virtual:instance,mb=3', 'did you mean memory_mb=3?'),
        (
            f'{HOST},vcpus=3',
            "'vcpus' is not a key of physical:host but of virtual:instance; its keys are min, max,",
        ),
        (
            'resource_type=flavor:instance,resource_properties=',
            'but of physical:host and virtual:instance; its keys are flavor_id, amount, affinity',
        ),
        (f'{HOST},x=3', "'x' is not a key of physical:host; its keys are min, max,"),
        (f'{HOST},', 'there is nothing behind a comma'),
        ('resource_type=physical:host,min=1,,max=1', 'there is nothing behind a comma'),
        (f'{HOST},=3', "'' is not a key"),
        ('resource_type=device,a b=3', "'a b' is not a key"),
        ('resource_type=device,name=a,b', "'b' has no =; if it belongs to the value before it"),
        (f'{HOST},resource_properties=["==", "$x", "1"', 'a ] is missing at the end of a value'),
        (f'{HOST},resource_properties=["==", "$x", "1]', 'a " is missing at the end of a value'),
        ('resource_type=device,a={"b": 1', 'a } is missing at the end of a value'),
        ('resource_type=device,a=1],b=2', 'the ] at character 25 closes nothing'),
        ('resource_type=device,a=[1},b=2', 'the } at character 26 closes nothing'),
        ('resource_type=physical:host,min=abc', 'min=abc is not an integer such as min=1'),
        ('resource_type=physical:host,min=1.5', 'min=1.5 is not an integer such as min=1'),
        ('resource_type=physical:host,min=\u0663', 'is not an integer such as min=1'),
        ('resource_type=physical:host,min=-1', 'min=-1 is not between 0 and 2147483647'),
        (
            'resource_type=virtual:instance,memory_mb=2147483648',
            'memory_mb=2147483648 is not between 0 and 2147483647',
        ),
        (f'{HOST},resource_properties=[==, , True]', 'in single quotes'),
        (f"{HOST},resource_properties=['==', '$gpu', 'True']", 'is not a JSON list such as'),
        (f'{HOST},resource_properties=5', 'resource_properties=5 is not a JSON list such as'),
        (f'{HOST},hypervisor_properties={{}}', 'hypervisor_properties={} is not a JSON list'),
        (
            'resource_type=virtual:floatingip,required_floatingips=192.0.2.1',
            'is not a JSON list of addresses such as required_floatingips=["192.0.2.1"]',
        ),
        (
            'resource_type=virtual:floatingip,required_floatingips=[192.0.2.1,2001:db8::1]',
            'such as required_floatingips=["192.0.2.1", "2001:db8::1"]',
        ),
        (
            'resource_type=virtual:floatingip,required_floatingips=',
            'required_floatingips= is not a JSON list of addresses such as',
        ),
        (
            'resource_type=virtual:floatingip,required_floatingips=7',
            'such as required_floatingips=["203.0.113.5"]',
        ),
        (
            'resource_type=virtual:floatingip,required_floatingips=["192.0.2.1", 7]',
            'is not a JSON list of addresses',
        ),
    ],
)
def test_reservation_is_refused(text: str, why: str) -> None:
    """An error names the option, the value, what is wrong and how it is written right."""
    with pytest.raises(exception.InvalidInput) as caught:
        options.parse_reservation(text)
    message = str(caught.value)
    assert why in message
    assert message.startswith(f'--reservation {text!r}: ')
    assert "Expected KEY=VALUE, as in --reservation 'resource_type=" in message


def test_default_lists_are_not_shared() -> None:
    """A caller may change what it got without changing the next reservation."""
    first = options.parse_reservation('resource_type=virtual:floatingip')
    required = first['required_floatingips']
    assert isinstance(required, list)
    required.append('192.0.2.1')
    assert options.parse_reservation('resource_type=virtual:floatingip') == FLOATING_BODY


def test_long_and_deep_values_are_refused_in_few_words() -> None:
    """Neither deep nesting nor long text breaks the error or makes it endless."""
    for value in ('[' * 100_000 + ']' * 100_000, '"' + 'x' * 100_000 + '"', '9' * 100_000):
        with pytest.raises(exception.InvalidInput) as caught:
            options.parse_reservation(f'{HOST},resource_properties={value}')
        assert len(str(caught.value)) < 2_000


# ------------------------------------------------------ reservations to change


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('id=abc,min=2,max=3', {'id': 'abc', 'min': 2, 'max': 3}),
        ('min=2,max=3,id=abc', {'id': 'abc', 'min': 2, 'max': 3}),
        (
            f'id=abc,hypervisor_properties={AND},resource_properties={GPU}',
            {'id': 'abc', 'hypervisor_properties': AND, 'resource_properties': GPU},
        ),
        ('id=abc,resource_properties=', {'id': 'abc', 'resource_properties': ''}),
        (
            'id=abc,vcpus=2,memory_mb=1,disk_gb=0,amount=3,affinity=True',
            {'id': 'abc', 'vcpus': 2, 'memory_mb': 1, 'disk_gb': 0, 'amount': 3}
            | {'affinity': 'True'},
        ),
        (
            'id=abc,network_id=x,required_floatingips=["192.0.2.1","192.0.2.2"]',
            {
                'id': 'abc',
                'network_id': 'x',
                'required_floatingips': ['192.0.2.1', '192.0.2.2'],
            },
        ),
        ('id=abc,required_floatingips=[]', {'id': 'abc', 'required_floatingips': []}),
        # From here on 4.6.0 lost or mangled something.
        ('id=7,min=2', {'id': '7', 'min': 2}),
        (
            'resource_type=flavor:instance,id=abc,flavor_id=f,before_end=email',
            {
                'resource_type': 'flavor:instance',
                'id': 'abc',
                'flavor_id': 'f',
                'before_end': 'email',
            },
        ),
        (
            'id=abc,resource_type=device,color=red',
            {'id': 'abc', 'resource_type': 'device', 'color': 'red'},
        ),
    ],
)
def test_change_of_a_reservation_is_read(text: str, expected: Mapping[str, object]) -> None:
    """A change holds what was given and nothing else."""
    assert options.parse_reservation(text, for_update=True) == expected


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('', 'it is empty'),
        ('min=2', 'id= is missing: the ID of the reservation to change'),
        ('id=,min=2', 'id= has no value'),
        ('id=abc', 'it changes nothing'),
        ('id=abc,resource_type=device', 'it changes nothing'),
        ('id=abc,mx=2', "'mx' is not a key of a reservation; did you mean max=2?"),
        ('foo=1,id=abc,min=2', "'foo' is not a key of a reservation; its keys are affinity,"),
        ('id=abc,min=1,min=2', 'min is given twice: min=1 and min=2'),
        ('id=abc,min=x', 'min=x is not an integer such as min=1'),
    ],
)
def test_change_of_a_reservation_is_refused(text: str, why: str) -> None:
    """An error about a change shows how a change is written."""
    with pytest.raises(exception.InvalidInput) as caught:
        options.parse_reservation(text, for_update=True)
    assert why in str(caught.value)
    assert "as in --reservation 'id=RESERVATION_ID,min=1,max=2'." in str(caught.value)


# ------------------------------------------------ --physical-reservation


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('min=1,max=1', HOST_BODY),
        (HOST, HOST_BODY),
        (
            f'min=1,max=2,hypervisor_properties={AND},resource_properties={GPU},before_end=email',
            HOST_BODY
            | {'max': 2, 'hypervisor_properties': AND, 'resource_properties': GPU}
            | {'before_end': 'email'},
        ),
    ],
)
def test_physical_reservation_is_read(text: str, expected: Mapping[str, object]) -> None:
    """A physical reservation is a reservation of hosts without saying so."""
    assert options.parse_physical_reservation(text) == expected


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('', 'it is empty'),
        ('min=1', 'max= is missing'),
        ('min=,max=1', 'min= is missing'),
        ('min=0,max=1', 'min=0 is less than 1'),
        ('min=-1,max=1', 'min=-1 is not between 0 and'),
        ('min=2,max=1', 'min=2 is more than max=1; did you mean min=1,max=2?'),
        ('min=a,max=1', 'min=a is not an integer such as min=1'),
        ('min=1,mx=1', "'mx' is not a key of physical:host; did you mean max=1?"),
        (
            'resource_type=virtual:instance,min=1,max=1',
            'resource_type=virtual:instance is not for this option; use --reservation',
        ),
    ],
)
def test_physical_reservation_is_refused(text: str, why: str) -> None:
    """Hosts are counted from one, and at least as many as at most."""
    with pytest.raises(exception.InvalidInput) as caught:
        options.parse_physical_reservation(text)
    message = str(caught.value)
    assert why in message
    assert message.startswith(f'--physical-reservation {text!r}: ')
    assert "as in --physical-reservation 'min=1,max=2'." in message


# ------------------------------------------------------------------ properties

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
KEYS = st.from_regex(r'[a-z][a-z0-9_.:-]{0,12}', fullmatch=True)


@given(st.dictionaries(KEYS, JSON, min_size=1), st.booleans())
def test_any_json_survives_a_round_trip(values: dict[str, object], ascii_only: bool) -> None:
    """Values printed as JSON come back: strings and integers themselves, the rest as its text."""
    assume('resource_type' not in values)
    pieces = [
        f'{key}={json.dumps(value, ensure_ascii=ascii_only)}' for key, value in values.items()
    ]
    parsed = options.parse_reservation(','.join([*pieces, 'resource_type=thing']))
    assert parsed.pop('resource_type') == 'thing'
    assert parsed.keys() == values.keys()
    for key, value in values.items():
        read = parsed[key]
        if isinstance(value, str):
            assert read == value
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**19:
            assert read == value
            assert type(read) is int
        else:
            assert isinstance(read, str)
            assert json.loads(read) == value


@given(JSON)
def test_any_filter_of_hosts_survives_a_round_trip(value: object) -> None:
    """A filter goes to Blazar as the text that was typed, whatever stands in it."""
    text = json.dumps([value])
    for read in (
        options.parse_reservation(f'{HOST},resource_properties={text},before_end=email'),
        options.parse_reservation(f'id=a,resource_properties={text},min=1', for_update=True),
    ):
        assert read['resource_properties'] == text
        assert read['min'] == 1
