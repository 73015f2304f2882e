"""Calls of the interface, as a client makes them."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request

BASE_PATH = "/elements/api-v2"
# What the stand-ins know of an application.
CLIENT_ID = "double-client"
CLIENT_SECRET = "double-secret"
REDIRECT = "https://app.example/oauth"
# Beside mail; a connector asks for no more than that unless it is told to.
SCOPES = {"outlookemail": "offline_access Mail.Read Contacts.Read Calendars.Read"}
ACCOUNTS = {"gmail": "ada@example.com", "outlookemail": "grace@example.com"}
# Each connector's own mail, and the resources that are polled in its other ways.
POLLERS = {
    "gmail": {"changed-messages": {"url": "/hubs/general/changed-messages", "idField": "id"}},
    "outlookemail": {
        "messages": {
            "url": "/hubs/general/messages?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
            "idField": "Id",
            "datesConfiguration": {
                "updatedDateField": "LastModifiedDateTime",
                "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
                "createdDateField": "ReceivedDateTime",
                "createdDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
            },
        }
    },
}
TIMEOUT_S = 60


class Service:
    """The running program, called with one `Authorization`."""

    def __init__(self, address, authorization):
        self.address = address
        self.authorization = authorization

    def call(self, method, path, body=None, authorization=None):
        """What comes back, as JSON; anything but 200 and 202 is an error."""
        request = urllib.request.Request(self.address + path, method=method)
        request.add_header("Authorization", authorization or self.authorization)
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                text = response.read()
        except urllib.error.HTTPError as refused:
            raise RuntimeError(f"{method} {path}: {refused.code} {refused.read().decode()}") from refused
        return json.loads(text) if text else None

    def dialect(self, method, path, body=None, authorization=None):
        return self.call(method, BASE_PATH + path, body, authorization)

    def code(self, connector):
        """Signs the mailbox's owner in, as a browser would; gives the code that the owner comes back with."""
        wanted = {"apiKey": CLIENT_ID, "callbackUrl": REDIRECT, "scope": SCOPES.get(connector, "")}
        url = self.dialect("GET", f"/elements/{connector}/oauth/url?{urllib.parse.urlencode(wanted)}")["oauthUrl"]
        page = urllib.parse.urlsplit(f"{url}&login_hint={ACCOUNTS[connector]}")
        connection = http.client.HTTPConnection(page.netloc, timeout=TIMEOUT_S)
        connection.request("GET", f"{page.path}?{page.query}")
        back = connection.getresponse().getheader("Location")
        connection.close()
        return urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]

    def wish(self, connector, name, callback):
        """The body that connects a mailbox."""
        return {
            "element": {"key": connector},
            "providerData": {"code": self.code(connector)},
            "configuration": {
                "oauth.api.key": CLIENT_ID,
                "oauth.api.secret": CLIENT_SECRET,
                "oauth.callback.url": REDIRECT,
                "oauth.scope": SCOPES.get(connector, ""),
                "event.notification.enabled": True,
                "event.vendor.type": "polling",
                "event.notification.callback.url": callback,
                "event.poller.refresh_interval": "60",
                "event.poller.configuration": POLLERS[connector],
            },
            "tags": ["Contract"],
            "name": name,
        }
