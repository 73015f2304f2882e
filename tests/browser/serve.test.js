// From `carillon serve` with an empty folder to one's own mailboxes, as a newcomer goes: by the printed link and the checklists.

import assert from "node:assert/strict";
import { after } from "node:test";
import { Program } from "./program.js";
import { Receiver } from "./receiver.js";
import { stage } from "./visitor.js";

/** All that a person types from the start to both providers' mailboxes. */
const TYPED_MAX = 12;
/** A poll now finds what a provider shows; mail becomes readable late. */
const POLLS_MAX = 20;
let providers;
let receiver;

/** Stand-ins for Google and Microsoft, whose mailboxes change every three seconds. */
async function led() {
  receiver = await Receiver.start("");
  providers = await Program.start("serve-providers");
  return providers.providers();
}

const { visit } = stage("serve", undefined, led, Program.serve);
after(async () => {
  await receiver?.stop();
  await providers?.stop();
});

const CONNECTORS = [
  {
    key: "gmail",
    name: "Gmail",
    account: "ada@example.com",
    told: ["Authorized redirect URIs", "Admin console", "redirect_uri_mismatch", "access_denied"],
    scope: "https://www.googleapis.com/auth/gmail.readonly",
  },
  {
    key: "outlookemail",
    name: "Outlook Email",
    account: "grace@example.com",
    told: ["platform Web", "localhost alone", "Grant admin consent", "AADSTS50011", "AADSTS65001"],
    scope: "https://graph.microsoft.com/Mail.Read",
  },
];

visit("from the printed link to an event of one's own Gmail and Outlook mailbox", { timeout: 300_000 }, async (visitor) => {
  const { page, program } = visitor;
  const typed = [];
  const took = [];
  const { port } = new URL(program.address);
  let since = Date.now();
  const reached = (what) => {
    took.push(`${what} ${((Date.now() - since) / 1000).toFixed(1)} s`);
    since = Date.now();
  };
  const type = async (label, value) => {
    typed.push(label);
    await page.getByLabel(label).fill(value);
  };
  await page.goto(program.link);
  await visitor.sees("heading", /./, { level: 1 });
  await visitor.inspect("serve-first");
  for (const { key, name, account, told, scope } of CONNECTORS) {
    await visitor.click("link", "Connect", { exact: true });
    await visitor.inspect(`serve-catalogue-${key}`);
    await visitor.click("link", name, { exact: true });
    // Nothing is stored yet, so the checklist is open.
    await page.getByText("Open the provider's console").waitFor();
    // By name: Microsoft takes no number by http.
    assert.equal(await page.locator("#redirect-address").innerText(), `http://localhost:${port}/oauth/callback`);
    assert.ok((await page.locator("#all-scopes").innerText()).includes(scope));
    await visitor.inspect(`serve-form-${key}`);
    await page.locator("summary", { hasText: "If the provider refuses" }).click();
    const list = await page.locator("details.registration").innerText();
    for (const words of told) assert.ok(list.includes(words), words);
    await visitor.inspect(`serve-refusals-${key}`);
    await type("API Key", "double-client");
    await type("API Secret", "double-secret");
    const callback = page.getByLabel("Event Notification Callback URL");
    if ((await callback.inputValue()) === "") await type("Event Notification Callback URL", receiver.address);
    assert.equal(await callback.inputValue(), receiver.address);
    await visitor.click("button", "Send a test event");
    await visitor.seesText("The callback took the test event: 200");
    await visitor.inspect(`serve-tested-${key}`);
    await visitor.click("button", "Create Instance");
    await visitor.click("link", account);
    await visitor.click("link", "Allow");
    await visitor.sees("heading", `${name} is connected`);
    reached(`${name}: connected after`);
    await visitor.inspect(`serve-connected-${key}`);
    const rang = page.getByRole("heading", { name: "The first event is here" });
    for (let polls = 0; polls < POLLS_MAX && !(await rang.isVisible()); polls += 1) {
      // The next change of a stand-in.
      await providers.line(/└/, 0, providers.linesCount);
      if (await rang.isVisible()) break;
      await visitor.click("button", "Poll now");
    }
    await rang.waitFor();
    if (key === "outlookemail") assert.ok((await page.locator(".ring ~ p bdi").innerText()).length > 0, "the mail's subject");
    reached(`${name}: first event after`);
    await visitor.inspect(`serve-rang-${key}`);
  }
  console.log(`typed: ${typed.length} fields (${typed.join(", ")}); ${took.join(", ")}`);
  assert.ok(typed.length <= TYPED_MAX, `${typed.length} fields`);
  // Each provider has an application of its own; nothing else is asked for again.
  const once = typed.filter((label) => !label.startsWith("API "));
  assert.deepEqual(once, [...new Set(once)], "nothing is typed twice");
});
