"""Leads generated requests to what exists, so that they reach the inside of the handlers.

Made-up ids end at a 404. So most cases get known ones: reads those of connected mailboxes, changes those of spare
instances, and deletions those of instances that are there to be deleted; nothing takes away what others need. The rest
keeps what was made up. Which case is which follows from the case alone, so that a run can be repeated.
"""

import atexit
import contextlib
import json
import os
import urllib.parse
import zlib

import schemathesis
from service import CHALLENGE, Service

with open(os.environ["CARILLON_CONTRACT_STAGE"], encoding="utf-8") as file:
    STAGE = json.load(file)
SERVICE = Service(STAGE["address"], STAGE["authorization"])
# Mailboxes that are connected with a new code, each of which polls from then on.
CREATIONS_COUNT_MAX = 8
# What each connector is asked for: conditions, some of which it can't do, by resource; and orders and fields. One that is
# not in them is asked for neither.
CONDITIONS = {
    "gmail": {
        "messages": ["q='subject:report'", "q='newer_than:1d' and labelIds='INBOX'", "subject like '%mail%'"],
        "changed-messages": ["subject = 'a'"],
        "threads": ["q='in:inbox'", "labelIds='INBOX'"],
        "labels": ["type='user'", "name like 'CATEGORY%' or type = 'system'"],
        "drafts": ["q='subject:report'"],
    },
    "outlookemail": {
        "messages": [
            "ReceivedDateTime >= '2020-01-01T00:00:00Z'",
            "IsRead = false and Subject like '%a%'",
            "Subject IN ('a','b') or Importance = 'high'",
            "Categories IS NULL",
            "HasAttachments = true and (LastModifiedDateTime < 2030-01-01T00:00:00Z or NOT IsDraft = true)",
        ],
        "folders": ["DisplayName = 'Inbox'"],
        "contacts": ["LastModifiedDateTime > '2020-01-01T00:00:00Z'", "DisplayName like 'a%'"],
        "calendars": ["Name = 'Calendar'"],
        "events": ["Subject like '%a%'", "LastModifiedDateTime > '2020-01-01T00:00:00Z'"],
    },
    "googlecalendar": {
        "events": ["q = 'report'", "updated >= '2020-01-01T00:00:00Z'", "start < '2030-01-01T00:00:00Z'", "summary like '%a%'"],
    },
}
QUERIES = {
    "gmail": {"orderBy": ["id desc"], "fields": ["id", "id,payload.headers", "id,nothing"]},
    "outlookemail": {
        "orderBy": ["ReceivedDateTime desc", "LastModifiedDateTime", "Subject asc,Id"],
        "fields": ["Id", "Id,Subject,Body.ContentType", "Id,Nothing"],
    },
    "googlecalendar": {"orderBy": ["updated", "id desc"], "fields": ["id", "id,start.dateTime", "id,nothing"]},
}
PAGES = {"page": ["1", "2", "1000"], "pageSize": ["1", "5", "200"]}
DELIVERIES = ["channel='webhook' and status='queued'", "status!='delivered'", "config.url LIKE 'http%'"]
# What an instance can be told.
CHANGES = [
    {"event.poller.refresh_interval": "7"},
    {"event.notification.enabled": "false"},
    {"event.notification.enabled": True},
    {"event.notification.basic.username": "user", "event.notification.basic.password": "password"},
    {"event.notification.callback.headers": "X-One: 1"},
    {"event.notification.signature.key": "********"},
    {"filter.response.nulls": "false"},
    {"event.poller.configuration": {"contacts": {"url": "/hubs/general/contacts", "idField": "Id"}}},
    {"event.poller.configuration": {"labels": {"url": "/hubs/general/labels", "idField": "id"}}},
    {"event.poller.configuration": {"messages": {"url": "/hubs/general/messages?where=q=''", "idField": "id"}}},
    {"event.poller.configuration": {"messages": {"url": "/hubs/general/messages?where=x>='${date:nope}'"}}},
    {"event.poller.configuration": "{\"threads\": {\"url\": \"/threads\", \"idField\": \"id\"}}"},
    {"event.poller.urls": "messages|/messages|||||||"},
    {"event.poller.configuration": None},
]

seen = {"cases": {}, "statuses": {}, "backfills": {}, "bulks": [], "tokens": {}, "creations": 0}


@atexit.register
def tell_statuses():
    with open(os.environ["CARILLON_CONTRACT_STATUSES"], "w", encoding="utf-8") as file:
        json.dump(seen["statuses"], file, indent=1)


class Dice:
    """Choices that follow from the case."""

    def __init__(self, case):
        label = f"{case.method} {case.operation.path}"
        count = seen["cases"][label] = seen["cases"].get(label, 0) + 1
        self.value = zlib.crc32(f"{label} {count}".encode())

    def below(self, count):
        self.value, result = self.value * 1103515245 + 12345 & 0xFFFFFFFF, (self.value >> 8) % count
        return result

    def one_of(self, things):
        return things[self.below(len(things))]

    def mostly(self):
        return self.below(4) != 0


@schemathesis.hook
def before_call(context, case, kwargs):
    dice = Dice(case)
    path = case.operation.path.removeprefix("/elements/api-v2")
    instance = instance_of(case, path, dice)
    authorize(case, path, instance, dice)
    if case.path_parameters:
        lead(case, path, instance, dice)
    if isinstance(case.query, dict):
        ask(case, path, instance, dice)
    if case.method in ("POST", "PUT", "PATCH") and isinstance(case.body, dict):
        tell(case, path, dice)


@schemathesis.hook
def after_call(context, case, response):
    label = f"{case.method} {case.operation.path}"
    counts = seen["statuses"].setdefault(label, {})
    counts[response.status_code] = counts.get(response.status_code, 0) + 1
    if case.method == "POST" and case.operation.path.endswith("/backfill") and response.status_code == 202:
        seen["backfills"][str(case.path_parameters["id"])] = response.json()["id"]
    if case.method == "POST" and case.operation.path.endswith("/instances/bulk") and response.status_code == 202:
        seen["bulks"].append(response.json()["id"])
    token = response.headers.get("elements-next-page-token")
    if token:
        seen["tokens"].setdefault(case.operation.path, []).append(token[0] if isinstance(token, list) else token)


# What leads to a connector's instances.
BELOW = "/elements/{element}"


def instance_of(case, path, dice):
    """The instance that a case is about: by what it does to it."""
    if case.method == "DELETE" and not path.endswith("/enabled"):
        # Each way to delete has its own.
        ways = ("/instances", "/instances/{id}", BELOW + "/instances", BELOW + "/instances/{id}")
        way = ways.index(path) if path in ways else 0
        return dice.one_of(STAGE["doomed"][way :: len(ways)])
    elif "/enabled" in path or "/configuration" in path and case.method != "GET":
        kind = "spare"
    elif case.method in ("PUT", "PATCH"):
        kind = "spare"
    else:
        kind = "connected"
    return dice.one_of(STAGE[kind])


def authorize(case, path, instance, dice):
    headers = dict(case.headers or {})
    element = is_read(path) or path == "/ping"
    element = element or own(case.method, path.removeprefix(BELOW))
    if element or path in ("/instances", "/instances/event-poller-records") and dice.below(3) == 0:
        if case.method != "POST":
            headers["Authorization"] = f"{STAGE['authorization']}, Element {instance['token']}"
    elif path.startswith("/organizations") and dice.mostly():
        headers["Authorization"] = f"Admin {STAGE['adminKey']}"
    elif path == "/sessions" and case.method == "DELETE" and dice.mostly():
        # A session of its own: who ends one has no other.
        headers["Authorization"] = f"Session {SERVICE.dialect('POST', '/sessions')['sessionToken']}"
    headers.setdefault("Authorization", STAGE["authorization"])
    if dice.below(40) == 0:
        headers["Authorization"] = "User nobody, Organization nothing"
    case.headers = headers


def is_read(path):
    """Whether it reads a mailbox, with or without the name of a hub."""
    return path.startswith(("/hubs/", "/{resource}"))


def own(method, path):
    """Whether it is about the token's instance."""
    named = ("/instances/enabled", "/instances/configuration", "/instances/objects", "/instances/docs")
    return path == "/objects" or path.startswith(named) or (
        path == "/instances" and method in ("PUT", "PATCH", "DELETE")
    )


def lead(case, path, instance, dice):
    parameters = dict(case.path_parameters)
    if is_read(path):
        if dice.mostly():
            found = {"hub": "general"} | place(instance, parameters, dice)
            parameters |= {name: value for name, value in found.items() if name in parameters}
        # Without a hub this name is another route's.
        if "hub" not in parameters and parameters["resource"] == "events":
            parameters["resource"] = "messages"
    elif dice.mostly():
        known = STAGE["known"] | instance["known"]
        if path.startswith("/applications"):
            known["name"] = STAGE["doomedApplications" if case.method == "DELETE" else "applications"]
        elif path.startswith("/organizations"):
            known["id"] = [STAGE["organization"]]
        elif path.startswith("/accounts"):
            known["id"] = [STAGE["account"]]
        else:
            known["id"] = [instance["id"]]
            known["backfill"] = [seen["backfills"].get(str(instance["id"]))]
            known["bulk"] = seen["bulks"]
        for name in parameters:
            if any(known.get(name, [])):
                parameters[name] = str(dice.one_of(known[name]))
        if path.startswith(BELOW + "/instances"):
            parameters["element"] = instance["element"]
    if path.startswith("/organizations") and case.method != "GET" and is_ours(parameters.get("id")):
        parameters["id"] = str(STAGE["organization"])
    case.path_parameters = parameters


def is_ours(id):
    """Whether it is the organization that all other requests are made for: its secrets have to stay."""
    try:
        return int(urllib.parse.unquote(str(id))) == STAGE["ownOrganization"]
    except ValueError:
        return False


def place(instance, parameters, dice):
    """Somewhere in a mailbox; now and then where nothing can be read."""
    filled = [name for name, objects in instance["objects"].items() if objects]
    if "child" in parameters:
        found = {"resource": "messages", "child": "attachments"}
    elif dice.mostly():
        readable = filled if "object" in parameters else list(instance["objects"])
        found = {"resource": dice.one_of(readable or instance["resources"])}
    else:
        found = {"resource": dice.one_of(instance["resources"])}
    if "part" in parameters and "messages" in instance["objects"]:
        # The demo deletes messages meanwhile.
        with contextlib.suppress(RuntimeError, IndexError):
            message, file = SERVICE.file(instance["token"])
            return {"resource": "messages", "object": message, "child": "attachments", "part": file}
    objects = instance["objects"].get(found["resource"])
    if "object" in parameters and objects:
        found["object"] = dice.one_of(objects)
    return found


def ask(case, path, instance, dice):
    query = dict(case.query)
    declared = {parameter.name for parameter in case.operation.query}
    if is_read(path) and dice.mostly():
        element, resource = instance["element"], case.path_parameters.get("resource")
        conditions = CONDITIONS.get(element, {}).get(resource, [])
        choices = QUERIES.get(element, {}) | PAGES | {"where": conditions}
        chosen = {name: values for name, values in choices.items() if name in declared and dice.below(4) == 0}
        query = {name: dice.one_of(values) for name, values in chosen.items() if values}
    elif "where" in declared and dice.mostly():
        query["where"] = dice.one_of(DELIVERIES)
    if "topics[]" in declared and dice.mostly():
        query["topics[]"] = [dice.one_of(STAGE["topics"])]
    if "nextPage" in declared and dice.mostly():
        query.pop("nextPage", None)
        tokens = seen["tokens"].get(case.operation.path)
        if tokens and dice.below(3) == 0:
            query["nextPage"] = dice.one_of(tokens)
    if "mailbox" in query and dice.mostly():
        query["mailbox"] = instance["mailbox"]
    for name in ("from", "to"):
        if name in query and dice.mostly():
            query[name] = dice.one_of(STAGE["times"])
    case.query = query


def bulk(body, dice):
    """An action on spare instances, whatever it was to be: nothing is done to those that others need."""
    body.pop("filter", None)
    body["ids"] = [instance["id"] for instance in STAGE["spare"]]
    if body.get("action") == "delete":
        body["ids"] = [1]
    if dice.mostly():
        body |= {"from": STAGE["times"][1], "to": STAGE["times"][2]}
        body.pop("expected", None)
    return body


def link(path, dice):
    """What somebody sends who makes a link, or has one that nobody used."""
    if path == "/sign-in-links":
        return SERVICE.prepared(dice.one_of([*SERVICE.connectors]), "By link", STAGE["callback"])
    instance = dice.one_of(STAGE["owned"])["id"]
    if path.endswith("/return"):
        return SERVICE.returned(instance)
    shown = {"link": SERVICE.link(instance)}
    return shown | {"state": "state", "codeChallenge": CHALLENGE} if path.endswith("/login") else shown


def tell(case, path, dice):
    is_instance = path in ("/instances", "/instances/{id}") or path.startswith("/elements/{element}/instances")
    body = dict(case.body)
    if case.method == "POST" and is_instance and dice.below(5) == 0 and seen["creations"] < CREATIONS_COUNT_MAX:
        seen["creations"] += 1
        elements = [*SERVICE.connectors]
        element = elements[seen["creations"] % len(elements)]
        body = SERVICE.wish(element, "Created", STAGE["callback"])
        if "element" in (case.path_parameters or {}):
            case.path_parameters = case.path_parameters | {"element": element}
    elif case.method != "POST" and is_instance and "configuration" not in path and dice.mostly():
        body["configuration"] = dice.one_of(CHANGES)
    elif path.startswith("/sign-in-links") and dice.below(4) == 0:
        # Made-up tokens count as guesses, and too many of them keep out right ones for a while.
        with contextlib.suppress(RuntimeError):
            body = link(path, dice)
    elif path.startswith("/instances/bulk"):
        body = bulk(body, dice)
    elif "/backfill" in path and dice.mostly():
        body = {"from": STAGE["times"][1], "to": STAGE["times"][2]}
    case.body = body
