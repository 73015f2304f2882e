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
# The pair of RFC 7636, appendix B.
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
# What the stand-ins know of an application.
CLIENT_ID = "double-client"
CLIENT_SECRET = "double-secret"
# Beside the connector's own, to read all of its resources.
SCOPES = {"outlookemail": "offline_access Mail.Read Contacts.Read Calendars.Read"}
TIMEOUT_S = 60


class Service:
    """The running program, called with one `Authorization`."""

    def __init__(self, address, authorization):
        self.address = address
        self.authorization = authorization
        # Owners who follow a link come back here, as all others do.
        self.redirect = f"{address}/oauth/callback"

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
        wanted = {"apiKey": CLIENT_ID, "callbackUrl": self.redirect, "scope": SCOPES.get(connector, "")}
        url = self.dialect("GET", f"/elements/{connector}/oauth/url?{urllib.parse.urlencode(wanted)}")["oauthUrl"]
        return consented(url)

    def wish(self, connector, name, callback):
        """The body that connects a mailbox, which is polled for the connector's first resource."""
        return self.prepared(connector, name, callback) | {"providerData": {"code": self.code(connector)}}

    def prepared(self, connector, name, callback):
        """The same for whoever signs in later, by a link."""
        entries = self.metadata(connector)["events"]["polling"]["resources"]
        return {
            "element": {"key": connector},
            "configuration": {
                "oauth.api.key": CLIENT_ID,
                "oauth.api.secret": CLIENT_SECRET,
                "oauth.callback.url": self.redirect,
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

    def file(self, token):
        """A message of the mailbox with this token, and a file of it, as they are now."""
        through = f"{self.authorization}, Element {token}"
        message = id_of(self.dialect("GET", "/hubs/general/messages", authorization=through)[0])
        path = f"/hubs/general/messages/{urllib.parse.quote(message, safe='')}/attachments"
        return message, id_of(self.dialect("GET", path, authorization=through)[0])

    def link(self, instance):
        """The token of a new link for an instance."""
        made = self.dialect("POST", f"/instances/{instance}/sign-in-link")
        return urllib.parse.parse_qs(urllib.parse.urlsplit(made["url"]).query)["key"][0]

    def returned(self, instance):
        """What an owner who followed a link comes back with."""
        link = self.link(instance)
        asked = {"link": link, "state": "state", "codeChallenge": CHALLENGE}
        code = consented(self.dialect("POST", "/sign-in-links/login", asked)["oauthUrl"])
        return {"link": link, "providerData": {"code": code, "codeVerifier": VERIFIER}}


def id_of(record):
    return record.get("id") or record.get("Id")


def consented(url):
    """Chooses an account at a login, then consents; gives the code."""
    for decision in ["as", "login_hint"]:
        link = re.search(rf'href="([^"]*[?&;]{decision}=[^"]*)"', visited(url).read().decode())[1]
        url = urllib.parse.urljoin(url, html.unescape(link))
    back = visited(url).getheader("Location")
    return urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["code"][0]


def visited(url):
    """What a page answers; a redirect is not followed."""
    page = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(page.netloc, timeout=TIMEOUT_S)
    connection.request("GET", f"{page.path}?{page.query}", headers={"Connection": "close"})
    return connection.getresponse()
