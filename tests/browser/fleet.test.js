// An operator of three hundred mailboxes: lists are whole, numbers are true, and nothing moves under the hand.

import assert from "node:assert/strict";
import { after } from "node:test";
import { ALL, Fleet, KINDS } from "./fleet.js";
import { Receiver } from "./receiver.js";
import { PHONE, stage } from "./visitor.js";

const PAGE_SIZE = 50;
const APPLICATIONS_SIZE = 40;
/** More pages than any list here has. */
const PAGES_MAX = 20;
/** A list of fifty rows on a phone, px. */
const PHONE_LIST_PX_MAX = 5_000;
/** Of what waits for a callback, on the page of all. */
const SHOWN_OF_EACH = 3;
const NAMES = {
  eventsOff: "Events off",
  disabled: "Disabled",
  healthy: "Healthy",
  suspended: "Suspended",
};

/** Mailboxes of the lowest numbers; those after them are named all the same. */
const NAMED_FIRST = 200;

let receiver;
let other;
let fleet;

const { visit } = stage("fleet", async (program) => {
  [receiver, other] = [await Receiver.start("fleet-key"), await Receiver.start("fleet-key")];
  receiver.isRefusing = true;
  fleet = await Fleet.fill(program, { suspended: receiver.address, healthy: other.address });
  await ring(program, fleet.ids.suspended);
  await fleet.become(fleet.ids.suspended, "suspended");
});
after(async () => {
  await receiver?.stop();
  await other?.stop();
});

/** Polls these until each has sent an event: the demo changes the mailbox every few seconds. */
async function ring(program, ids) {
  const left = new Set(ids);
  while (left.size > 0) {
    await program.line(/gmail +(new mail|marked read|starred|deleted)/, 0, program.linesCount);
    for (const id of left) {
      const { body } = await fleet.call("POST", `/instances/${id}/poll`);
      const events = Object.values(body.resources ?? {}).reduce((sum, one) => sum + (one.events ?? 0), 0);
      if (events > 0) left.delete(id);
    }
  }
}

/** The rows of a list, all its pages long: id and text of each. */
async function rowsOf(page, path) {
  const rows = [];
  await page.goto(path);
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const found = await page.locator("tr[data-key]").evaluateAll((all) =>
      all.map((row) => ({ id: row.dataset.key, text: row.innerText, status: row.querySelector(".badge")?.innerText })),
    );
    rows.push(...found);
    const next = page.locator('a[rel="next"]');
    if ((await next.count()) === 0) return rows;
    assert.equal(found.length, PAGE_SIZE, `a page of ${path} that is not the last one is full`);
    await Promise.all([page.waitForNavigation(), next.click()]);
  }
  assert.fail(`${path} does not end`);
}

const sorted = (ids) => [...ids].sort();
/** As it was named. */
const nameOf = (id) => `${kindOf(id)} ${String(fleet.ids[kindOf(id)].indexOf(id)).padStart(3, "0")}`;
const kindOf = (id) => Object.keys(fleet.ids).find((kind) => fleet.ids[kind].includes(id));

visit("each list pages to its end, and each row has its true status", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn(fleet.secrets);
  const everybody = Object.values(fleet.ids).flat();
  for (const [path, ids] of [
    ["/instances", everybody],
    ["/instances?sort=lastSuccess", everybody],
    ["/instances?status=eventsOff", fleet.ids.eventsOff],
    ["/instances?status=needsSignIn,suspended,stopped,failing", fleet.ids.suspended],
    ["/instances?tags=team+1", everybody.filter((id) => fleet.ids[kindOf(id)].indexOf(id) % 3 === 1)],
    ["/instances?search=disabled&sort=lastSuccess", fleet.ids.disabled],
    // The address of a mailbox; in no name.
    ["/instances?search=ADA%40example.com", [...fleet.ids.healthy, ...fleet.ids.suspended]],
  ]) {
    const rows = await rowsOf(page, path);
    assert.deepEqual(sorted(rows.map((row) => row.id)), sorted(ids), path);
    for (const row of rows) assert.equal(row.status, NAMES[kindOf(row.id)], `${row.id} in ${path}`);
  }
  for (const ids of Object.values(fleet.ids)) {
    await page.goto(`/instances/${ids.at(-1)}`);
    await page.getByRole("region", { name: "Overview" }).getByText(NAMES[kindOf(ids.at(-1))], { exact: true }).waitFor();
  }
});

/** The numbers that are links in these parts of a page, with what they lead to. */
const numbersIn = (page, parts) =>
  page.locator(`:is(${parts}) a`).evaluateAll((links) =>
    links
      .map((link) => ({ count: Number(/\d+/.exec(link.innerText)?.[0] ?? Number.NaN), to: link.getAttribute("href") }))
      .filter((one) => !Number.isNaN(one.count)),
  );

visit("each number is of the whole, and leads to exactly that many rows", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn(fleet.secrets);
  const found = new Map();
  for (const [path, parts] of [
    ["/", ".lead, .counts, .card p:not(.reason)"],
    ["/instances", ".counts"],
    ["/instances?tags=team+1", ".counts"],
    ["/instances?status=suspended", "td.number"],
    ["/deliveries", ".lead"],
  ]) {
    await page.goto(path);
    const numbers = await numbersIn(page, parts);
    assert.ok(numbers.length > 0, `${path} has numbers that lead somewhere`);
    for (const { count, to } of numbers) {
      assert.ok(!found.has(to) || found.get(to) === count, `${to} is ${found.get(to)} and ${count}`);
      found.set(to, count);
    }
  }
  assert.equal(found.get("/instances"), ALL);
  assert.equal(found.get("/instances?status=needsSignIn%2Csuspended%2Cstopped%2Cfailing"), KINDS.suspended);
  assert.ok(found.get("/activity?status=queued") >= KINDS.suspended);
  for (const [to, count] of found) assert.equal((await rowsOf(page, to)).length, count, to);
});

visit("what is done to all that are listed is done to that many", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn(fleet.secrets);
  const said = () => page.getByLabel("To", { exact: true }).innerText();
  await page.goto("/instances?status=suspended,disabled");
  assert.match(await said(), new RegExp(`all ${KINDS.suspended + KINDS.disabled} that match`));
  await page.getByLabel("Status", { exact: true }).selectOption("Needs somebody");
  await visitor.click("button", "Filter");
  assert.match(await said(), new RegExp(`all ${KINDS.suspended} that match`));
});

visit("focus stays with its row, wherever that goes", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn(fleet.secrets, "/sign-in?next=/instances?status=eventsOff");
  await page.evaluate(() => (window.isSame = true));
  const ids = await page.locator("tr[data-key]").evaluateAll((rows) => rows.slice(0, 6).map((row) => row.dataset.key));
  await page.locator(`tr[data-key="${ids[5]}"] a.name`).focus();
  await fleet.done("DELETE", `/instances/${ids[1]}/enabled`);
  // The row above leaves the list, and all below move up.
  await page.locator(`tr[data-key="${ids[1]}"]`).waitFor({ state: "detached" });
  const focused = await page.evaluate(() => document.activeElement.getAttribute("href"));
  assert.equal(focused, `/instances/${ids[5]}`);
  assert.ok(await page.evaluate(() => window.isSame), "the page was not loaded anew");
  await fleet.done("PUT", `/instances/${ids[1]}/enabled`);
  await page.locator(`tr[data-key="${ids[1]}"]`).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("href")), `/instances/${ids[5]}`);
});

visit("on a phone a list of fifty stays short", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn(fleet.secrets);
  await page.setViewportSize(PHONE);
  await fleet.done("POST", "/instances/bulk", { action: "enable", filter: { tags: ["nobody"] } });
  const application = { apiKey: "double-client", apiSecret: "double-secret", connector: "gmail" };
  await fleet.done("POST", "/applications", { name: "phone", ...application });
  const lists = {
    "/instances": KINDS.suspended,
    "/instances?sort=lastSuccess": KINDS.suspended,
    "/instances?status=suspended": KINDS.suspended,
    "/activity?status=queued": KINDS.suspended,
    [`/instances/${fleet.ids.suspended[0]}/activity`]: 1,
    [`/deliveries?instance=${fleet.ids.suspended[0]}`]: 1,
    "/bulk": 1,
    "/applications": 1,
  };
  for (const [path, rowsMin] of Object.entries(lists)) {
    await page.goto(path);
    const rows = await page.locator("tr[data-key]").count();
    const { all, list } = await page.evaluate(() => ({
      all: document.documentElement.scrollHeight,
      list: [...document.querySelectorAll("tr[data-key]")].reduce((sum, row) => sum + row.getBoundingClientRect().height, 0),
    }));
    // As it would be with a whole page of such rows.
    const height = all - list + (list / rows) * (path === "/applications" ? APPLICATIONS_SIZE : PAGE_SIZE);
    assert.ok(rows >= rowsMin && height <= PHONE_LIST_PX_MAX, `${path}: ${rows} rows take ${height} px`);
  }
  for (const path of ["/", "/connect", `/instances/${fleet.ids.suspended[0]}`]) {
    await page.goto(path);
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    assert.ok(height <= PHONE_LIST_PX_MAX, `${path} takes ${height} px`);
  }
  await page.goto("/deliveries");
  const { whole, callbacks, rows } = await page.evaluate(() => ({
    whole: document.documentElement.scrollHeight,
    callbacks: document.querySelectorAll("table.rows").length,
    rows: [...document.querySelectorAll("tr[data-key]")].map((row) => row.getBoundingClientRect().height),
  }));
  const taken = rows.reduce((sum, height) => sum + height, 0);
  // As it would be if as much waited for each as is shown of it.
  const most = whole - taken + (taken / rows.length) * callbacks * SHOWN_OF_EACH;
  assert.ok(callbacks > 5 && most <= PHONE_LIST_PX_MAX, `${callbacks} callbacks take ${most} px`);
});

visit("events of a mailbox are found by its name, and every row says whose it is", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn(fleet.secrets);
  await page.goto("/activity");
  const texts = await page.locator("tr[data-key]").allInnerTexts();
  assert.ok(texts.length >= KINDS.suspended);
  for (const text of texts) assert.match(text, /(suspended|healthy) 0\d\d/);
  // However many mailboxes come before it.
  const last = Object.values(fleet.ids).flat().map(Number).sort((a, b) => a - b).slice(NAMED_FIRST);
  const told = await page.locator('tr[data-key] a[href^="/instances/"]').evaluateAll((all) =>
    all.map((one) => ({ id: one.getAttribute("href").split("/").at(-1), name: one.innerText })),
  );
  for (const { id, name } of told) assert.equal(name, nameOf(id));
  assert.ok(told.some(({ id }) => last.includes(Number(id))), "one of the last has an event");
  await page.getByLabel("Instance", { exact: true }).fill("suspended 00");
  await visitor.click("button", "Filter");
  await visitor.seesText("Which one is meant by");
  await visitor.inspect("activity-which");
  await visitor.click("link", "suspended 003");
  await visitor.sees("heading", "Activity of suspended 003");
  assert.equal(new URL(page.url()).pathname, `/instances/${fleet.ids.suspended[3]}/activity`);
  await page.goto(`/activity?instance=${fleet.ids.suspended[4]}&status=queued`);
  await visitor.sees("heading", "Activity of suspended 004");
  assert.equal(new URL(page.url()).search, "?status=queued");
  // By the address of the mailbox, in any case; it goes on into no link.
  await page.goto("/activity");
  await page.getByLabel("Instance", { exact: true }).fill("ADA@example.com");
  await visitor.click("button", "Filter");
  await visitor.seesText("Which one is meant by");
  const found = await page.locator("ul.named li").evaluateAll((all) => all.map((one) => one.querySelector(".id").innerText));
  const ofAda = [...fleet.ids.healthy, ...fleet.ids.suspended];
  assert.ok(found.length >= 20 && found.every((id) => ofAda.includes(id)), `found ${found}`);
  const links = await page.locator("main a").evaluateAll((all) => all.map((one) => one.getAttribute("href")));
  assert.ok(!links.some((link) => /ada/i.test(link)), "the address stands in no other address");
  await page.goto("/activity?instance=nobody");
  await visitor.seesText("no name contains it");
});

visit("what needs somebody is named by its mailbox", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn(fleet.secrets);
  await page.goto("/");
  const named = await page.locator("ul.needs li").evaluateAll((all) =>
    all.map((one) => ({ id: one.dataset.key, text: one.innerText, link: one.querySelector("a").getAttribute("href") })),
  );
  assert.ok(named.length > 0 && named.length < KINDS.suspended, `${named.length} are named one by one`);
  for (const { id, text, link } of named) {
    assert.ok(text.includes(`Callback of ${nameOf(id)}`), `${id} in ${text}`);
    assert.equal(link, `/deliveries?instance=${id}`);
  }
  await visitor.click("link", `All ${KINDS.suspended} that need somebody`);
  assert.equal(await page.locator("tr[data-key]").count(), KINDS.suspended);
});

visit("every page of a fleet looks right", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn(fleet.secrets);
  for (const [name, path] of [
    ["fleet-overview", "/"],
    ["fleet-instances", "/instances"],
    ["fleet-instances-suspended", "/instances?status=suspended"],
    ["fleet-activity", "/activity"],
    ["fleet-deliveries", "/deliveries"],
    ["fleet-instance-suspended", `/instances/${fleet.ids.suspended[0]}`],
  ]) {
    await page.goto(path);
    await visitor.inspect(name);
  }
});

visit("all suspended callbacks are listed, and as many are released as are promised", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn(fleet.secrets, "/sign-in?next=/deliveries");
  const listed = [];
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    listed.push(...(await page.locator("section[data-key]").evaluateAll((all) => all.map((one) => one.dataset.key))));
    const next = page.locator('a[rel="next"]');
    if ((await next.count()) === 0) break;
    await Promise.all([page.waitForNavigation(), next.click()]);
  }
  assert.deepEqual(sorted(listed), sorted(fleet.ids.suspended), "and none of those that are disabled and hold back nothing");
  await page.goto("/deliveries");
  receiver.isRefusing = false;
  await visitor.click("button", `Release all ${KINDS.suspended} callbacks`);
  await visitor.seesText(`Released ${KINDS.suspended} callbacks`);
  await fleet.become(fleet.ids.suspended, "healthy");
  await page.goto("/instances?status=suspended");
  await visitor.seesText("Nothing matches");
});
