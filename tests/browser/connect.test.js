// From the catalogue to an event, and what else befalls an instance.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Receiver } from "./receiver.js";
import { stage } from "./visitor.js";

const KEY = "browser-signature-key";
// What the stand-ins know of an application.
const APPLICATION = { id: "double-client", secret: "double-secret" };
const CONNECTORS = {
  gmail: { name: "Gmail", account: "ada@example.com", changes: /gmail +(new mail|marked read|starred|deleted)/ },
  outlookemail: { name: "Outlook Email", account: "grace@example.com", changes: /outlookemail +(new mail|marked|flagged|moved)/ },
};
/** A change may need a second poll, because mail becomes readable late. */
const POLLS_MAX = 12;

const { visit } = stage("connect");
const receivers = {};

before(async () => {
  for (const key of Object.keys(CONNECTORS)) receivers[key] = await Receiver.start(KEY);
});
after(async () => {
  for (const receiver of Object.values(receivers)) await receiver.stop();
});

async function fill(visitor, name, callback) {
  const { page } = visitor;
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.locator("summary", { hasText: "Show Optional Fields" }).click();
  await page.getByLabel("Callback Notification Signature Key").fill(KEY);
  // It is given once; then it is stored, and chosen.
  if ((await page.getByLabel("Application", { exact: true }).count()) === 0) {
    await page.getByLabel("API Key").fill(APPLICATION.id);
    await page.getByLabel("API Secret").fill(APPLICATION.secret);
  }
  assert.ok(await page.getByLabel("Events Enabled").isChecked(), "events are on");
  await page.getByLabel("Event Notification Callback URL").fill(callback);
  await page.getByLabel("Tags").fill("Tested, Browser");
}

/** At the stand-in's login, as at a provider's. */
async function consent(visitor, account) {
  await visitor.click("link", account);
  await visitor.click("link", "Allow");
}

const stateOf = (page) => page.getByRole("region", { name: "Overview" });

/** Polls until the receiver has what the condition wants. */
async function pollUntil(visitor, id, receiver, changes, condition) {
  const { page, program } = visitor;
  for (let polls = 0; polls < POLLS_MAX && !receiver.arrived.some(condition); polls += 1) {
    await program.line(changes, 0, program.linesCount);
    await page.goto(`/instances/${id}`);
    await visitor.click("button", "Poll now");
    const said = await page.locator(".flash").innerText();
    // Whether an event came of it is in the sentence; then it is on its way.
    if (/Polled: [1-9]/.test(said)) await receiver.first(condition);
  }
  return receiver.first(condition, 1);
}

for (const [key, connector] of Object.entries(CONNECTORS)) {
  visit(`${connector.name}: from the form by the login to an event`, {}, async (visitor) => {
    const { page } = visitor;
    const receiver = receivers[key];
    await visitor.signIn();
    await visitor.click("link", "Connect");
    await visitor.click("link", connector.name, { exact: true });
    await fill(visitor, `Tested ${key}`, receiver.address);
    await visitor.click("button", "Create Instance");
    await consent(visitor, connector.account);
    await page.waitForURL("**/instances/*/connected");
    await visitor.sees("heading", `Tested ${key} is connected`);
    const id = /instances\/(\d+)/.exec(page.url())[1];
    await page.locator("summary", { hasText: "Show the Element token" }).click();
    const shown = await page.locator("pre").allInnerTexts();
    assert.match(shown[0].trim(), /^\S{20,}$/, "the token");
    assert.match(shown[1], /^curl -X POST 'http:\/\/127\.0\.0\.1:/, "the same with curl");
    assert.ok(!shown[1].includes(APPLICATION.secret) && !shown[1].includes(KEY), "secrets are masked");
    await visitor.inspect(`connected-${key}`);
    await visitor.click("link", "See its events");
    await visitor.sees("heading", `Activity of Tested ${key}`);

    const event = await pollUntil(visitor, id, receiver, connector.changes, () => true);
    assert.ok(event.isSigned, "the callback's signature is right");
    await page.goto(`/instances/${id}/activity`);
    await page.getByRole("row").filter({ hasText: "Delivered" }).first().waitFor();
    await page.goto(`/instances?tags=Browser`);
    await visitor.sees("link", `Tested ${key}`);
  });
}

visit("a denied login leads back to the filled form, with the reason", {}, async (visitor) => {
  const { page } = visitor;
  visitor.expectsRefusals(422);
  await visitor.signIn();
  await page.goto("/connect/gmail");
  await fill(visitor, "Not to be", receivers.gmail.address);
  await page.getByRole("checkbox", { name: "labels" }).check();
  await visitor.click("button", "Create Instance");
  await visitor.click("link", CONNECTORS.gmail.account);
  await visitor.click("link", "Refuse");
  await page.getByRole("alert").getByText("The sign-in was denied at the provider: The user denied the request.").waitFor();
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Not to be");
  assert.equal(await page.getByLabel("Application", { exact: true }).inputValue(), "gmail", "it was there before");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "alert", "what is wrong has the focus");
  assert.equal(await page.getByLabel("Event Notification Callback URL").inputValue(), receivers.gmail.address);
  assert.equal(await page.getByLabel("Tags").inputValue(), "Tested, Browser");
  assert.ok(await page.getByRole("checkbox", { name: "labels" }).isChecked());
  await visitor.inspect("connect-denied");
  // What was filled in is enough for another try.
  await visitor.click("button", "Create Instance");
  await consent(visitor, CONNECTORS.gmail.account);
  await visitor.sees("heading", "Not to be is connected");
});

visit("what the form has wrong is said before the login", {}, async (visitor) => {
  const { page } = visitor;
  visitor.expectsRefusals(422);
  await visitor.signIn();
  await page.goto("/connect/gmail");
  await fill(visitor, "Not to be", receivers.gmail.address);
  await page.getByLabel("Event Notification Callback URL").fill("ftp://example.com/");
  await visitor.click("button", "Create Instance");
  await page.getByRole("alert").getByRole("link", { name: "Event Notification Callback URL" }).click();
  await visitor.inspect("connect-refused");
});

visit("a newcomer finds what to do at the provider, and scopes follow what is ticked", {}, async (visitor) => {
  const { page, program } = visitor;
  await visitor.signIn(await program.newcomer());
  await page.goto("/connect/outlookemail");
  await page.locator("summary", { hasText: "Before the first mailbox" }).click();
  await visitor.seesText("Grant admin consent");
  assert.equal(await page.locator("#redirect-address").innerText(), `${program.address}/oauth/callback`);
  assert.match(await page.locator("#all-scopes").innerText(), /Calendars\.Read/);
  await visitor.inspect("connect-checklist");
  await page.getByLabel("API Key").fill(APPLICATION.id);
  await page.getByLabel("API Secret").fill(APPLICATION.secret);
  await page.getByLabel("Event Notification Callback URL").fill(receivers.outlookemail.address);
  await page.getByRole("checkbox", { name: "contacts" }).check();
  await visitor.click("button", "Create Instance");
  await page.getByRole("link", { name: CONNECTORS.outlookemail.account }).waitFor();
  const scopes = new URL(page.url()).searchParams.get("scope");
  assert.match(scopes, /Mail\.Read/);
  assert.match(scopes, /Contacts\.Read/);
  assert.ok(!/Calendars/.test(scopes), scopes);
});

visit("list and code, slider and number are in step", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn();
  await page.goto("/connect/gmail");
  await page.locator("summary", { hasText: /^Code$/ }).click();
  const code = page.getByLabel("Raw JSON");
  await page.getByRole("checkbox", { name: "labels" }).check();
  assert.deepEqual(Object.keys(JSON.parse(await code.inputValue())), ["changed-messages", "labels"]);
  await page.getByLabel('Event Poller Configuration for "labels"').click();
  await page.locator('[data-resource="labels"]').getByLabel("URL").fill("/hubs/general/labels?where=type='user'");
  assert.equal(JSON.parse(await code.inputValue()).labels.url, "/hubs/general/labels?where=type='user'");
  await code.fill('{ "drafts": { "url": "/hubs/general/drafts", "idField": "id" } }');
  assert.ok(await page.getByRole("checkbox", { name: "drafts" }).isChecked());
  assert.ok(!(await page.getByRole("checkbox", { name: "labels" }).isChecked()));
  const number = page.getByRole("spinbutton");
  await page.getByRole("slider").fill("42");
  assert.equal(await number.inputValue(), "42");
  await number.fill("7");
  assert.equal(await page.getByRole("slider").inputValue(), "7");
});

visit("editing needs no login", {}, async (visitor) => {
  const { page, program } = visitor;
  const path = `/instances/${program.instances.outlookemail}`;
  await visitor.signIn();
  await page.goto(path);
  await visitor.click("link", "Edit");
  await page.getByLabel("Name", { exact: true }).fill("Renamed outlookemail");
  await page.getByLabel("Event poller refresh interval (mins)", { exact: true }).fill("3");
  await visitor.click("button", "Try");
  await visitor.sees("heading", "Tried, nothing stored");
  await visitor.inspect("edit-tried");
  await visitor.click("button", "Update");
  await visitor.sees("heading", "Renamed outlookemail");
  await page.getByRole("status").getByText("Saved.").waitFor();
  await stateOf(page).getByText("3 min").waitFor();
});

visit("names are kept as they are written, and what is not kept is said", {}, async (visitor) => {
  const { page, program } = visitor;
  visitor.expectsRefusals(422);
  const path = `/instances/${program.instances.googlecalendar ?? program.instances.outlookemail}`;
  await visitor.signIn(undefined, `/sign-in?next=${path}/edit`);
  const rename = async (name) => {
    await page.goto(`${path}/edit`);
    await page.getByLabel("Name", { exact: true }).fill(name);
    await visitor.click("button", "Update");
  };
  await rename("a < b & \u202Elive");
  await visitor.sees("heading", "a < b & \u202Elive");
  assert.equal(await page.locator("h1 bdi").innerText(), "a < b & \u202Elive");
  await rename("<b>Bold</b>");
  await page.getByRole("status").getByText("it is called \u201C\u2068Bold\u2069\u201D").waitFor();
  await rename("   ");
  await page.getByRole("alert").getByText("Nothing was stored.").waitFor();
  await page.locator("#name-error").getByText("Is required").waitFor();
});

visit("what is wrong with the interval is said at its field", {}, async (visitor) => {
  const { page } = visitor;
  visitor.expectsRefusals(422);
  await visitor.signIn(undefined, "/sign-in?next=/connect/gmail");
  await fill(visitor, "Not to be", receivers.gmail.address);
  const field = page.getByRole("spinbutton");
  // As a browser sends it that does not look at limits.
  await page.locator("form").evaluateAll((forms) => forms.forEach((form) => (form.noValidate = true)));
  await field.fill("0");
  await visitor.click("button", "Create Instance");
  await page.getByRole("alert").getByText("Nothing was stored.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "alert");
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  const error = (await field.getAttribute("aria-describedby")).split(" ").find((id) => id.endsWith("-error"));
  await page.locator(`[id="${error}"]`).waitFor();
});

visit("a refused application says why and what to do, and the form is as it was", {}, async (visitor) => {
  const { page, program } = visitor;
  await visitor.signIn(await program.newcomer());
  for (const [key, told] of [
    ["gmail", { cause: "Google does not know this client ID", remedy: "Copy client ID and secret again" }],
    ["outlookemail", { cause: "The secret is wrong or has expired", remedy: "copy its Value, not the Secret ID" }],
  ]) {
    await page.goto(`/connect/${key}`);
    await fill(visitor, "Refused", receivers[key].address);
    await page.getByLabel("API Secret").fill("another-secret");
    await visitor.click("button", "Create Instance");
    await consent(visitor, CONNECTORS[key].account);
    const alert = page.getByRole("alert");
    await alert.getByText("The provider says: invalid_client").waitFor();
    for (const words of Object.values(told)) await alert.getByText(words).waitFor();
    await visitor.inspect(`connect-refused-${key}`);
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Refused");
    assert.equal(await page.getByLabel("API Key").inputValue(), APPLICATION.id);
  }
});

visit("signing in again keeps the instance", {}, async (visitor) => {
  const { page, program } = visitor;
  const path = `/instances/${program.instances.gmail}`;
  await visitor.signIn();
  await page.goto(path);
  await visitor.click("link", "Re-authenticate");
  await visitor.click("button", "Sign in at Gmail");
  await consent(visitor, CONNECTORS.gmail.account);
  await page.getByRole("status").getByText("Signed in again.").waitFor();
  assert.equal(new URL(page.url()).pathname, path);
});

visit("disabling, enabling and deleting; deleting asks", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn();
  await page.goto("/instances?search=Not+to+be");
  await visitor.click("link", "Not to be");
  await visitor.click("button", "Disable");
  await stateOf(page).getByText("Disabled", { exact: true }).waitFor();
  await visitor.click("button", "Enable");
  await page.getByRole("status").getByText("Enabled:").waitFor();
  await visitor.click("link", "Delete");
  await visitor.sees("heading", "Delete Not to be?");
  await visitor.click("button", "Delete Not to be");
  await visitor.seesText("is deleted.");
});

visit("an event can be delivered again; what a callback refused is queued until it is released", {}, async (visitor) => {
  const { page } = visitor;
  const receiver = receivers.gmail;
  await visitor.signIn();
  await page.goto("/instances?search=Tested+gmail");
  await visitor.click("link", "Tested gmail");
  const id = /instances\/(\d+)/.exec(page.url())[1];
  await page.goto(`/instances/${id}/activity?status=delivered`);
  await page.getByRole("row").filter({ hasText: "Delivered" }).first().getByRole("link").first().click();
  const again = page.url().split("/").at(-1);
  await visitor.click("button", "Deliver again");
  await visitor.seesText("It is delivered again");
  await receiver.first(() => receiver.arrived.filter((one) => one.id === again).length >= 2);
  // The page brings the second attempt by itself.
  await page.getByRole("table", { name: "Attempts" }).getByRole("row").nth(2).waitFor();

  receiver.isRefusing = true;
  const refused = await pollUntil(visitor, id, receiver, CONNECTORS.gmail.changes, (one) => one.status === 503);
  await page.goto(`/activity/${refused.id}`);
  await page.getByText("Queued", { exact: true }).first().waitFor();
  await visitor.inspect("event-queued");
  await page.goto(`/deliveries?instance=${id}`);
  await visitor.seesText("Suspended:");
  await visitor.inspect("deliveries-suspended");
  await page.goto(`/instances/${id}`);
  await visitor.seesText(/Deliveries wait for \d/);
  await visitor.inspect("instance-suspended");
  await page.goto("/");
  await visitor.seesText("Needs somebody");
  await visitor.inspect("overview-needs-somebody");
  await page.goto(`/deliveries?instance=${id}`);
  receiver.isRefusing = false;
  await visitor.click("button", /^Release/);
  await visitor.seesText("Released:");
  await receiver.first((one) => one.id === refused.id && one.status === 200);
  await visitor.seesText("Nothing waits");
});
