"""A receiver with FastAPI: ``uvicorn receiver_fastapi:app --port 8000``."""

import logging
import os

import fastapi
from starlette.concurrency import run_in_threadpool

from blazarclient import webhooks

app = fastapi.FastAPI()
log = logging.getLogger(__name__)
secret = os.environ['WEBHOOK_SECRET']
repeats = webhooks.Repeats(os.environ.get('REPEATS', 'repeats.db'))


@app.post('/hook', status_code=204)
async def receive(request: fastapi.Request) -> None:
    try:
        notification = webhooks.unwrap(await request.body(), request.headers, secret)
    except webhooks.WebhookRefused as error:
        raise fastapi.HTTPException(400, str(error)) from None
    await run_in_threadpool(handle, notification)


def handle(notification: webhooks.Notification) -> None:
    with repeats.first(notification.id) as is_first:
        if is_first and notification.lease:
            log.warning('%s: %s', notification.kind, notification.lease.name)
