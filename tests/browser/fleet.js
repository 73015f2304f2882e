// Three hundred mailboxes of one organization, made through the interface: of each kind some.

import assert from "node:assert/strict";

/** Whose mailbox the demo changes, and whose it leaves alone: a provider forgets the oldest grants of an account. */
const BUSY = "ada@example.com";
const IDLE = "mary@example.com";
const APPLICATION = { "oauth.api.key": "double-client", "oauth.api.secret": "double-secret" };
const RETURN_ADDRESS = "https://app.example/oauth";
/** Requests at once: the program does not get faster by more. */
const AT_ONCE = 6;
/** A retry policy of two seconds, on a busy machine. */
const BECOMES_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 250;

/** How many of each there are, and what becomes of them. */
export const KINDS = {
  eventsOff: 200,
  disabled: 40,
  healthy: 34,
  // More than a page of deliveries has.
  suspended: 26,
};
export const ALL = Object.values(KINDS).reduce((sum, count) => sum + count, 0);

export class Fleet {
  /** Of each kind the ids, as texts. */
  ids = {};

  static async fill(program, callbacks) {
    const fleet = new Fleet();
    fleet.program = program;
    fleet.secrets = await program.newcomer();
    const { body } = await fleet.call("GET", "/elements/gmail/metadata");
    fleet.resources = body.events.polling.resources;
    for (const [kind, count] of Object.entries(KINDS)) {
      const numbers = Array.from({ length: count }, (_, number) => number);
      fleet.ids[kind] = await inTurn(numbers, (number) => fleet.#make(kind, number, callbacks[kind]));
    }
    return fleet;
  }

  /** Any answer below the base path. */
  async call(method, path, body) {
    const { user, organization } = this.secrets;
    const response = await fetch(`${this.program.address}/elements/api-v2${path}`, {
      method,
      headers: {
        authorization: `User ${user}, Organization ${organization}`,
        ...(body && { "content-type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : null };
  }

  async done(method, path, body) {
    const answer = await this.call(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async statusOf(id) {
    return (await this.done("GET", `/instances/${id}`)).health.status;
  }

  /** Waits until all of them have the status. */
  async become(ids, status) {
    const end = Date.now() + BECOMES_WITHIN_MS;
    for (const id of ids) {
      while ((await this.statusOf(id)) !== status) {
        assert.ok(Date.now() < end, `${id} did not become ${status}: it is ${await this.statusOf(id)}`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    }
  }

  async #make(kind, number, callback) {
    const isPolled = kind === "healthy" || kind === "suspended";
    const name = `${kind} ${String(number).padStart(3, "0")}`;
    const providerData = { code: await this.#code(isPolled ? BUSY : IDLE) };
    const configuration = isPolled ? this.#polled(kind, callback) : { "event.notification.enabled": false };
    const made = await this.done("POST", "/instances", {
      element: { key: "gmail" },
      name,
      tags: [`team ${number % 3}`],
      providerData,
      configuration: { ...APPLICATION, "oauth.callback.url": RETURN_ADDRESS, ...configuration },
    });
    const id = String(made.id);
    if (kind === "healthy") await this.done("POST", `/instances/${id}/poll`);
    if (kind === "disabled") await this.done("DELETE", `/instances/${id}/enabled`);
    return id;
  }

  #polled(kind, callback) {
    const resources = kind === "healthy" ? ["messages", "labels", "drafts"] : ["messages"];
    return {
      "event.notification.enabled": true,
      "event.notification.callback.url": callback,
      "event.poller.refresh_interval": "60",
      "event.poller.configuration": Object.fromEntries(resources.map((name) => [name, this.resources[name]])),
    };
  }

  /** What the provider's login leads back with. */
  async #code(account) {
    const query = new URLSearchParams({ apiKey: APPLICATION["oauth.api.key"], callbackUrl: RETURN_ADDRESS });
    const { oauthUrl } = await this.done("GET", `/elements/gmail/oauth/url?${query}`);
    const login = await fetch(`${oauthUrl}&login_hint=${encodeURIComponent(account)}`, { redirect: "manual" });
    return new URL(login.headers.get("location")).searchParams.get("code");
  }
}

/** What `act` gives for each, a few at once. */
async function inTurn(all, act) {
  const results = [];
  for (let begin = 0; begin < all.length; begin += AT_ONCE) {
    results.push(...(await Promise.all(all.slice(begin, begin + AT_ONCE).map(act))));
  }
  return results;
}
