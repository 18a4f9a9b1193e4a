"""The users of a sandbox: those of ``tests/cloud``."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping

__all__ = ['USERS', 'User', 'stable_id']

_NAMESPACE = uuid.UUID('c7cb4e3e-3a5c-5d39-9b64-6a8f1f0b1a2d')


@dataclasses.dataclass(frozen=True, slots=True)
class User:
    """A user, in the one project where it has roles."""

    name: str
    id: str
    project_id: str
    project_name: str
    #: Roles with those that they imply: admin, member, reader.
    roles: tuple[str, ...]
    password: str


def stable_id(kind: str, name: str) -> str:
    """An ID as Keystone's, the same in every sandbox."""
    return uuid.uuid5(_NAMESPACE, f'{kind} {name}').hex


def _user(name: str, project: str, *roles: str) -> User:
    return User(
        name=name,
        id=stable_id('user', name),
        project_id=stable_id('project', project),
        project_name=project,
        roles=roles,
        password=f'{name}-secret',
    )


#: Name -> user.
USERS: Mapping[str, User] = {
    user.name: user
    for user in (
        _user('admin', 'admin', 'admin', 'member', 'reader'),
        _user('alice', 'research', 'member', 'reader'),
        _user('rita', 'research', 'reader'),
        _user('bob', 'teaching', 'member', 'reader'),
    )
}
