"""The commands of the ``blazar`` script, so that it need not search for them.

The same as the entry points ``openstack.reservation.v1`` of setup.cfg; a test compares them.
"""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cliff.commandmanager import CommandManager

__all__ = ['COMMANDS', 'HYPHENATED', 'Found', 'find', 'manager', 'unknown_options', 'why_not']

#: Words of a command -> module and class.
COMMANDS: Mapping[str, str] = {
    'allocation list': 'blazarclient.osc.allocation:ListAllocation',
    'allocation show': 'blazarclient.osc.allocation:ShowAllocation',
    'device allocation list': 'blazarclient.osc.allocation:ListAllocation',
    'device allocation show': 'blazarclient.osc.allocation:ShowAllocation',
    'device capability list': 'blazarclient.osc.property:ListProperty',
    'device capability set': 'blazarclient.osc.property:SetProperty',
    'device capability show': 'blazarclient.osc.property:ShowProperty',
    'device capability update': 'blazarclient.osc.property:SetProperty',
    'device create': 'blazarclient.osc.device:CreateDevice',
    'device delete': 'blazarclient.osc.device:DeleteDevice',
    'device list': 'blazarclient.osc.device:ListDevice',
    'device property list': 'blazarclient.osc.property:ListProperty',
    'device property set': 'blazarclient.osc.property:SetProperty',
    'device property show': 'blazarclient.osc.property:ShowProperty',
    'device reallocate': 'blazarclient.osc.device:ReallocateDevice',
    'device set': 'blazarclient.osc.device:SetDevice',
    'device show': 'blazarclient.osc.device:ShowDevice',
    'device unset': 'blazarclient.osc.device:UnsetDevice',
    'floatingip create': 'blazarclient.osc.floatingip:CreateFloatingIP',
    'floatingip delete': 'blazarclient.osc.floatingip:DeleteFloatingIP',
    'floatingip list': 'blazarclient.osc.floatingip:ListFloatingIP',
    'floatingip show': 'blazarclient.osc.floatingip:ShowFloatingIP',
    'host allocation list': 'blazarclient.osc.allocation:ListAllocation',
    'host allocation show': 'blazarclient.osc.allocation:ShowAllocation',
    'host capability list': 'blazarclient.osc.property:ListProperty',
    'host capability set': 'blazarclient.osc.property:SetProperty',
    'host capability show': 'blazarclient.osc.property:ShowProperty',
    'host capability update': 'blazarclient.osc.property:SetProperty',
    'host create': 'blazarclient.osc.host:CreateHost',
    'host delete': 'blazarclient.osc.host:DeleteHost',
    'host list': 'blazarclient.osc.host:ListHost',
    'host property list': 'blazarclient.osc.property:ListProperty',
    'host property set': 'blazarclient.osc.property:SetProperty',
    'host property show': 'blazarclient.osc.property:ShowProperty',
    'host reallocate': 'blazarclient.osc.host:ReallocateHost',
    'host set': 'blazarclient.osc.host:SetHost',
    'host show': 'blazarclient.osc.host:ShowHost',
    'host unset': 'blazarclient.osc.host:UnsetHost',
    'lease create': 'blazarclient.osc.lease:CreateLease',
    'lease delete': 'blazarclient.osc.lease:DeleteLease',
    'lease list': 'blazarclient.osc.lease:ListLease',
    'lease set': 'blazarclient.osc.lease:SetLease',
    'lease show': 'blazarclient.osc.lease:ShowLease',
    'lease update': 'blazarclient.osc.lease:SetLease',
    'lease wait': 'blazarclient.osc.lease:WaitLease',
    'network allocation list': 'blazarclient.osc.allocation:ListAllocation',
    'network allocation show': 'blazarclient.osc.allocation:ShowAllocation',
    'network capability list': 'blazarclient.osc.property:ListProperty',
    'network capability set': 'blazarclient.osc.property:SetProperty',
    'network capability show': 'blazarclient.osc.property:ShowProperty',
    'network capability update': 'blazarclient.osc.property:SetProperty',
    'network create': 'blazarclient.osc.network:CreateNetwork',
    'network delete': 'blazarclient.osc.network:DeleteNetwork',
    'network list': 'blazarclient.osc.network:ListNetwork',
    'network property list': 'blazarclient.osc.property:ListProperty',
    'network property set': 'blazarclient.osc.property:SetProperty',
    'network property show': 'blazarclient.osc.property:ShowProperty',
    'network set': 'blazarclient.osc.network:SetNetwork',
    'network show': 'blazarclient.osc.network:ShowNetwork',
    'network unset': 'blazarclient.osc.network:UnsetNetwork',
    'notification list': 'blazarclient.osc.notification:ListNotification',
    'notification type list': 'blazarclient.osc.notification:ListNotificationType',
    'notification type show': 'blazarclient.osc.notification:ShowNotificationType',
    'subscription create': 'blazarclient.osc.subscription:CreateSubscription',
    'subscription delete': 'blazarclient.osc.subscription:DeleteSubscription',
    'subscription delivery list': 'blazarclient.osc.subscription_delivery:ListDelivery',
    'subscription delivery resend': 'blazarclient.osc.subscription_delivery:ResendDelivery',
    'subscription delivery show': 'blazarclient.osc.subscription_delivery:ShowDelivery',
    'subscription list': 'blazarclient.osc.subscription:ListSubscription',
    'subscription listen': 'blazarclient.osc.notification:Listen',
    'subscription replay': 'blazarclient.osc.subscription:ReplaySubscription',
    'subscription secret rotate': 'blazarclient.osc.subscription:RotateSecret',
    'subscription set': 'blazarclient.osc.subscription:SetSubscription',
    'subscription show': 'blazarclient.osc.subscription:ShowSubscription',
    'subscription test': 'blazarclient.osc.subscription:TestSubscription',
    'subscription unset': 'blazarclient.osc.subscription:UnsetSubscription',
    'version show': 'blazarclient.osc.version:ShowVersion',
}

#: Commands about the script itself, which need no cloud.
OWN: Mapping[str, str] = {
    'bash-completion': 'blazarclient.osc.completion:BashCompletion',
    'complete': 'cliff.complete:CompleteCommand',
    'help': 'cliff.help:HelpCommand',
    'sandbox': 'blazarclient.server.cli:Sandbox',
}

#: python-blazarclient 4's spelling -> words.
HYPHENATED: Mapping[str, str] = {
    **{words.replace(' ', '-'): words for words in COMMANDS},
    'host-update': 'host set',
    # Chameleon's.
    'network-update': 'network set',
}


class Found(NamedTuple):
    """A command on a command line: its module and class, the words for it, and what follows."""

    target: str
    name: str
    rest: list[str]
    hyphenated: bool


def find(words: Sequence[str]) -> Found | None:
    """Find the command that a command line begins with; a word may be cut short if it is clear."""
    for count in range(_leading(words), 0, -1):
        name, rest = ' '.join(words[:count]), list(words[count:])
        if name in HYPHENATED and count == 1:
            return Found(COMMANDS[HYPHENATED[name]], name, rest, hyphenated=True)
        target = COMMANDS.get(name) or OWN.get(name)
        if target:
            return Found(target, name, rest, hyphenated=False)
        names = [other for other in (*COMMANDS, *OWN) if _is_short_for(words[:count], other)]
        old = [other for other in HYPHENATED if count == 1 and other.startswith(name)]
        if len(names) + len(old) == 1:
            return find([*(names[0].split() if names else old), *rest])
    return None


def why_not(words: Sequence[str], options: Iterable[str]) -> str:
    """What to say about a command line that begins with no command.

    :param options: the options that there are.
    """
    said = words[: _leading(words)]
    name = ' '.join(said)
    if not said:
        return f'{unknown_options(words[:1], options)}. See: blazar --help'
    longer = [other for other in COMMANDS if other.startswith(f'{name} ')]
    if longer:
        return f'Which one: {", ".join(longer)}?'
    near = difflib.get_close_matches(' '.join(said[:3]), (*COMMANDS, *OWN, *HYPHENATED))
    near = near or [other for other in COMMANDS if other.split()[0] == said[0]]
    hint = f' Did you mean: {", ".join(near)}?' if near else ''
    return f'There is no command {name!r}.{hint} See: blazar --help'


def unknown_options(words: Sequence[str], options: Iterable[str]) -> str:
    """Name the options that nobody knows; their values stay out, for one may be a password."""
    names = [word.partition('=')[0] for word in words if word.startswith('-')]
    if not names:
        return f'unrecognized arguments: {" ".join(words)}'
    near = difflib.get_close_matches(names[0], list(options), 1)
    hint = f' (did you mean {near[0]}?)' if near else ''
    return f'unrecognized option{"s" if len(names) > 1 else ""}: {", ".join(names)}{hint}'


def manager() -> CommandManager:
    """The commands as cliff's help, completion and interactive mode want them."""
    from cliff.commandmanager import CommandManager

    commands = CommandManager(None)
    commands.namespace = 'blazar.cli'
    for name, target in (*COMMANDS.items(), *OWN.items()):
        commands.commands[name] = importlib.metadata.EntryPoint(name, target, 'blazar.cli')
    for old, name in HYPHENATED.items():
        commands.add_legacy_command(old, name)
    return commands


def _leading(words: Sequence[str]) -> int:
    """How many words come before the first option."""
    return next((i for i, word in enumerate(words) if word.startswith('-')), len(words))


def _is_short_for(words: Sequence[str], name: str) -> bool:
    full = name.split()
    return len(full) == len(words) and all(map(str.startswith, full, words))
