"""Calls of the interface, as a client makes them."""

import functools
import html
import http.client
import json
import re
import urllib.error
import urllib.parse
import urllib.request

BASE_PATH = "/elements/api-v2"
# What the stand-ins know of an application.
CLIENT_ID = "double-client"
CLIENT_SECRET = "double-secret"
REDIRECT = "https://app.example/oauth"
# Beside the connector's own, to read all of its resources.
SCOPES = {"outlookemail": "offline_access Mail.Read Contacts.Read Calendars.Read"}
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

    @functools.cached_property
    def connectors(self):
        """Each one's number, by its key."""
        return {element["key"]: element["id"] for element in self.dialect("GET", "/elements")}

    @functools.cache
    def metadata(self, connector):
        return self.dialect("GET", f"/elements/{connector}/metadata")

    def code(self, connector):
        """Signs the first owner in whom the provider knows, as a browser would; gives the code that the owner comes back
        with."""
        wanted = {"apiKey": CLIENT_ID, "callbackUrl": REDIRECT, "scope": SCOPES.get(connector, "")}
        url = self.dialect("GET", f"/elements/{connector}/oauth/url?{urllib.parse.urlencode(wanted)}")["oauthUrl"]
        # Chooses an account, then consents.
        for decision in ["as", "login_hint"]:
            link = re.search(rf'href="([^"]*[?&;]{decision}=[^"]*)"', visited(url).read().decode())[1]
            url = urllib.parse.urljoin(url, html.unescape(link))
        back = visited(url).getheader("Location")
        return urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]

    def wish(self, connector, name, callback):
        """The body that connects a mailbox, which is polled for the connector's first resource."""
        entries = self.metadata(connector)["events"]["polling"]["resources"]
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
                "event.poller.configuration": dict(list(entries.items())[:1]),
            },
            "tags": ["Contract"],
            "name": name,
        }


def visited(url):
    """What a page answers; a redirect is not followed."""
    page = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(page.netloc, timeout=TIMEOUT_S)
    connection.request("GET", f"{page.path}?{page.query}", headers={"Connection": "close"})
    return connection.getresponse()
