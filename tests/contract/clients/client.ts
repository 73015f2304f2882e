// What a program does with the types that openapi-typescript made of the description, and openapi-fetch:
// node client.js TASK.json. The task says where the service is, who calls, and which mailbox to connect. That this
// compiles is half of the test: the types must know what the README's body and the answers are.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./carillon.js";

type Instance = components["schemas"]["Instance"];
type Event = components["schemas"]["Event"];
type Callback = components["schemas"]["Callback"];
type Task = { address: string; authorization: string; wish: components["schemas"]["InstanceRequest"] };

const INTERVAL = "event.poller.refresh_interval";
// The stand-ins change something every few seconds, and a callback takes no time.
const DELIVERED_WITHIN_MS = 60_000;

const task: Task = JSON.parse(readFileSync(process.argv[2]!, "utf8"));
const client = createClient<paths>({
  baseUrl: task.address,
  headers: { Authorization: task.authorization },
});

// The answer, if there is one.
function good<T>(answer: { data?: T; error?: unknown }): T {
  assert.equal(answer.error, undefined, JSON.stringify(answer.error));
  assert.ok(answer.data !== undefined);
  return answer.data;
}

// An answer of a call that may also be asked for a dry run.
function stored(answer: Instance | components["schemas"]["DryRun"]): Instance {
  assert.ok("id" in answer);
  return answer;
}

async function deliveredEvent(path: { id: number }): Promise<Event> {
  const until = Date.now() + DELIVERED_WITHIN_MS;
  while (Date.now() < until) {
    good(await client.POST("/elements/api-v2/instances/{id}/poll", { params: { path } }));
    const events = good(await client.GET("/elements/api-v2/instances/{id}/events", { params: { path } }));
    const delivered = events.find((event) => event.status === "NOTIFIED");
    if (delivered) return delivered;
    await pause(1000);
  }
  assert.fail(`no event of instance ${path.id} was delivered within ${DELIVERED_WITHIN_MS} ms`);
}

const created = stored(good(await client.POST("/elements/api-v2/instances", { body: task.wish })));
assert.ok(created.valid);
const path = { id: created.id };
const listed = good(await client.GET("/elements/api-v2/instances"));
assert.ok(Array.isArray(listed) && listed.some((one) => one.id === created.id));
const body = { configuration: { [INTERVAL]: "5" } };
const changed = stored(good(await client.PATCH("/elements/api-v2/instances/{id}", { params: { path }, body })));
assert.equal(changed.configuration?.[INTERVAL], "5");
const event = await deliveredEvent(path);
const callback: Callback = JSON.parse(event.providerData);
assert.ok(callback.message.instanceId === created.id && callback.message.events.length > 0);
const again = { params: { path: { id: created.id, event: event.id } } };
const retry = good(await client.POST("/elements/api-v2/instances/{id}/events/{event}/retry", again));
const gone = await client.DELETE("/elements/api-v2/instances/{id}", { params: { path } });
assert.equal(gone.response.status, 200);
console.log(`typescript: instance ${created.id}, event ${event.id}, tried again: ${JSON.stringify(retry)}`);
