"""What a program does with the client that openapi-python-client made of the description: client.py TASK.json

`carillon_client` is the client. The task says where the service is, who calls, and which mailbox to connect.
"""

import json
import pathlib
import sys
import time

from carillon_client import AuthenticatedClient
from carillon_client.api.instances import (
    create_instance,
    delete_instance,
    list_events,
    list_instances,
    poll_instance,
    retry_event,
    update_instance,
)
from carillon_client.models import Callback, Event, Instance, InstancePatch, InstanceRequest, PollReport, Retry

INTERVAL = "event.poller.refresh_interval"
# The stand-ins change something every few seconds, and a callback takes no time.
DELIVERED_WITHIN_S = 60


def expect(kind, answer):
    """The answer, if it is what the description promises."""
    if not isinstance(answer, kind):
        sys.exit(f"expected {kind.__name__}, got {answer}")
    return answer


def delivered_event(client, id):
    """An event of the mailbox that arrived at its callback."""
    until = time.monotonic() + DELIVERED_WITHIN_S
    while time.monotonic() < until:
        expect(PollReport, poll_instance.sync(id, client=client))
        for event in expect(list, list_events.sync(id, client=client)):
            if expect(Event, event).status == "NOTIFIED":
                return event
        time.sleep(1)
    sys.exit(f"no event of instance {id} was delivered within {DELIVERED_WITHIN_S} s")


def main(task):
    client = AuthenticatedClient(
        base_url=task["address"], token=task["authorization"], prefix="", raise_on_unexpected_status=True
    )
    created = expect(Instance, create_instance.sync(client=client, body=InstanceRequest.from_dict(task["wish"])))
    assert created.valid and created.name == task["wish"]["name"], created
    listed = expect(list, list_instances.sync(client=client))
    assert created.id in [expect(Instance, one).id for one in listed], listed
    patch = InstancePatch.from_dict({"configuration": {INTERVAL: "5"}})
    changed = expect(Instance, update_instance.sync(created.id, client=client, body=patch))
    assert changed.configuration[INTERVAL] == "5", changed.configuration
    event = delivered_event(client, created.id)
    callback = Callback.from_dict(json.loads(event.provider_data))
    assert callback.message.instance_id == created.id and callback.message.events, callback
    retry = expect(Retry, retry_event.sync(created.id, event.id, client=client))
    assert delete_instance.sync_detailed(created.id, client=client).status_code == 200
    print(f"python: instance {created.id}, event {event.id}, tried again: {retry.to_dict()}")


main(json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")))
