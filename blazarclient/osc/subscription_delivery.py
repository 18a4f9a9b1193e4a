"""What was sent to subscribers: ``openstack reservation subscription delivery ...``."""

from __future__ import annotations

import argparse

from osc_lib.command import command

from blazarclient.osc import columns, examples, formatters, lookup

_COLUMNS = ('id', 'type', 'lease_id', 'status', 'next_attempt_at', 'error')


class ListDelivery(formatters.FastOutput, command.Lister):
    """List what was sent to a subscription and what is to be sent, the newest first."""

    get_epilog = examples.get_epilog

    @property
    def need_sort_by_cliff(self) -> bool:
        return False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'subscription', metavar='SUBSCRIPTION', help='Subscription (name or ID)'
        )
        parser.add_argument(
            '--status',
            choices=('queued', 'delivered', 'failed', 'expired', 'cancelled'),
            help='Only deliveries with this status',
        )
        columns.add_sort_by(parser, 'created_at')
        examples.show(parser, 'ci', 'ci --status failed -f json')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[columns.Row]]:
        from blazarclient.resources.subscription import Delivery

        selection = columns.Selection(parsed_args, Delivery, _COLUMNS)
        found = lookup.client(self).subscriptions.find(parsed_args.subscription)
        deliveries = found.deliveries(parsed_args.status)
        return selection.rows(deliveries, columns.as_data(self.app, parsed_args))


class ShowDelivery(formatters.FastOutput, command.ShowOne):
    """Show a delivery: what was tried, and what the endpoint answered."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_arguments(parser, 'show')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        subscriptions = lookup.client(self).subscriptions
        subscription = subscriptions.find(parsed_args.subscription)
        found = subscriptions.delivery(subscription['id'], parsed_args.delivery)
        return columns.fields(found, columns.as_data(self.app, parsed_args))


class ResendDelivery(command.Command):
    """Send a notification again, now and with the same ID."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_arguments(parser, 'send again')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        subscriptions = lookup.client(self).subscriptions
        subscription = subscriptions.find(parsed_args.subscription)
        subscriptions.resend(subscription['id'], parsed_args.delivery)
        self.app.stdout.write(f'Sending again: {parsed_args.delivery}\n')


def _add_arguments(parser: argparse.ArgumentParser, doing: str) -> None:
    parser.add_argument('subscription', metavar='SUBSCRIPTION', help='Subscription (name or ID)')
    parser.add_argument('delivery', metavar='DELIVERY', help=f'ID of the delivery to {doing}')
    examples.show(parser, 'ci 0d4f7a0e-5b0c-4a55-8d52-8a5e6c4f1a10')
