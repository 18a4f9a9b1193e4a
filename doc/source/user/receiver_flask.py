"""A receiver with Flask: ``flask --app receiver_flask run --port 8000``."""

import os

import flask

from blazarclient import webhooks

app = flask.Flask(__name__)
secret = os.environ['WEBHOOK_SECRET']
repeats = webhooks.Repeats(os.environ.get('REPEATS', 'repeats.db'))


@app.errorhandler(webhooks.WebhookRefused)
def refuse(error):
    return str(error), 400


@app.post('/hook')
def receive():
    notification = webhooks.unwrap(flask.request.get_data(), flask.request.headers, secret)
    with repeats.first(notification.id) as is_first:
        if is_first and notification.lease:
            app.logger.warning('%s: %s', notification.kind, notification.lease.name)
    return '', 204
