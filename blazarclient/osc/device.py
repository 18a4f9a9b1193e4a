"""Devices that Chameleon's Blazar reserves: ``openstack reservation device ...``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from osc_lib.command import command

from blazarclient import exception
from blazarclient.osc import capabilities, columns, examples, formatters, lookup

_RESERVED = ('id', 'name', 'device_type', 'device_driver')
_COLUMNS = ('id', 'name', 'device_type', 'device_driver')


class CreateDevice(formatters.FastOutput, command.ShowOne):
    """Make a device reservable, in a cloud of Chameleon."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('name', metavar='DEVICE', help='Name of the device')
        parser.add_argument(
            '--device-type',
            metavar='TYPE',
            default='container',
            help='What users get of it: container (the default), vm or shell',
        )
        parser.add_argument(
            '--device-driver',
            metavar='DRIVER',
            default='zun',
            help='What the service reaches it with (default: zun)',
        )
        capabilities.add_values(parser)
        examples.show(
            parser, 'pi-1 --device-driver k8s --extra machine_name=raspberrypi4-64 --extra uid=7a1f'
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        device = lookup.client(self).devices.create(
            parsed_args.name,
            parsed_args.device_type,
            parsed_args.device_driver,
            **capabilities.values(parsed_args, 'device', _RESERVED),
        )
        self.app.stderr.write(f'Created a new device: {device["id"]}\n')
        return columns.fields(device, columns.as_data(self.app, parsed_args))


class DeleteDevice(command.Command):
    """Make devices no longer reservable."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'devices', metavar='DEVICE', nargs='+', help='Device(s) to delete (name or ID)'
        )
        examples.show(parser, 'pi-1 pi-2')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        devices = lookup.client(self).devices
        lookup.each(self, 'device', parsed_args.devices, lambda name: lookup.delete(devices, name))


class ListDevice(formatters.FastOutput, command.Lister):
    """List the devices that can be reserved, in a cloud of Chameleon."""

    get_epilog = examples.get_epilog

    @property
    def need_sort_by_cliff(self) -> bool:
        return False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        columns.add_sort_by(parser, 'name')
        examples.show(parser, '-c name -c reservable -c machine_name')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[columns.Row]]:
        from blazarclient.resources.device import Device

        selection = columns.Selection(parsed_args, Device, _COLUMNS, open_ended=True)
        devices = lookup.client(self).devices.list(selection.fields)
        return selection.rows(devices, columns.as_data(self.app, parsed_args))


class ReallocateDevice(command.Command):
    """Move reservations from a device to others.

    What finds no other device loses this one all the same.
    """

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('device', metavar='DEVICE', help='Device to free (name or ID)')
        parser.add_argument(
            '--lease-id', metavar='LEASE_ID', help='Move only reservations of this lease'
        )
        parser.add_argument(
            '--reservation-id', metavar='RESERVATION_ID', help='Move only this reservation'
        )
        examples.show(parser, 'pi-1', 'pi-1 --lease-id cd4688fd-d2bf-479e-a333-d92c7cc62242')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        devices = lookup.client(self).devices
        devices.reallocate(
            lookup.identity(devices, parsed_args.device),
            lease_id=parsed_args.lease_id,
            reservation_id=parsed_args.reservation_id,
        )
        self.app.stdout.write(f'Reallocated device: {parsed_args.device}\n')


class SetDevice(command.Command):
    """Change the type, the driver or extra capabilities of a device."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('device', metavar='DEVICE', help='Device to change (name or ID)')
        parser.add_argument(
            '--device-type', metavar='TYPE', help='What users get of it: container, vm or shell'
        )
        parser.add_argument(
            '--device-driver', metavar='DRIVER', help='What the service reaches it with'
        )
        capabilities.add_values(parser)
        examples.show(parser, 'pi-1 --extra model="Raspberry Pi 4"')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        changes = capabilities.values(parsed_args, 'device', _RESERVED)
        for name in ('device_type', 'device_driver'):
            if (value := getattr(parsed_args, name)) is not None:
                changes[name] = value
        if not changes:
            raise exception.InvalidInput(
                f'There is nothing to set on device {parsed_args.device!r}: give at least one of '
                '--device-type, --device-driver and --extra KEY=VALUE.'
            )
        _update(self, parsed_args.device, changes)


class ShowDevice(formatters.FastOutput, command.ShowOne):
    """Show a device with all of its capabilities."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('device', metavar='DEVICE', help='Device to show (name or ID)')
        examples.show(parser, 'pi-1', 'pi-1 -f json')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        device = lookup.client(self).devices.find(parsed_args.device)
        return columns.fields(device, columns.as_data(self.app, parsed_args))


class UnsetDevice(command.Command):
    """Remove extra capabilities from a device."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('device', metavar='DEVICE', help='Device to change (name or ID)')
        capabilities.add_keys(parser)
        examples.show(parser, 'pi-1 --extra model --extra vendor')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        name = parsed_args.device
        _update(self, name, capabilities.keys(parsed_args, 'device', name))


def _update(asking: command.Command, text: str, changes: Mapping[str, object]) -> None:
    devices = lookup.client(asking).devices
    devices.update(lookup.identity(devices, text), **changes)
    asking.app.stdout.write(f'Updated device: {text}\n')
