// The first ten minutes: from the demo's link to an event of one's own connection, and what may go wrong on the way.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Receiver } from "./receiver.js";
import { stage } from "./visitor.js";

const { visit } = stage("first-minutes");
const KEY = "first-minutes-key";
let receiver;

before(async () => {
  receiver = await Receiver.start(KEY);
});
after(() => receiver.stop());

/** How long an event takes: polls go every minute, and mail becomes readable late. */
const RINGS_WITHIN_MS = 150_000;
/** All that a person types from the start to both providers' mailboxes. */
const TYPED_MAX = 12;

visit("the demo fills in what it knows: nothing is typed, and the first event rings", { timeout: 240_000 }, async (visitor) => {
  const { page, program } = visitor;
  await page.goto(program.link);
  await visitor.click("link", "Connect a mailbox");
  await visitor.click("link", "Gmail", { exact: true });
  await visitor.inspect("first-form");
  await visitor.click("button", "Send a test event");
  await visitor.seesText("The callback took the test event: 200");
  await visitor.seesText("It was signed.");
  await visitor.inspect("first-tested");
  await visitor.click("button", "Create Instance");
  await visitor.sees("heading", "Choose an account");
  await visitor.seesText("A stand-in for the login of Google");
  await visitor.inspect("stand-in-accounts");
  await visitor.click("link", "ada@example.com");
  await visitor.seesText("It asks for");
  await visitor.inspect("stand-in-consent");
  await visitor.click("link", "Allow");
  await visitor.sees("heading", "Gmail is connected");
  await visitor.sees("heading", "Waiting for the first event");
  await visitor.inspect("connected-waiting");
  await page.evaluate(() => (window.isSame = true));
  await page.getByRole("heading", { name: "The first event is here" }).waitFor({ timeout: RINGS_WITHIN_MS });
  assert.ok(await page.evaluate(() => window.isSame), "the page brought it by itself");
  await visitor.inspect("connected-rang");
});

visit("without JavaScript the page that waits comes again by itself", { scripts: false, timeout: 240_000 }, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn(undefined, "/sign-in?next=/connect/gmail");
  await page.getByLabel("Name", { exact: true }).fill("Plain");
  await visitor.click("button", "Create Instance");
  // Where a page leads on by itself, the link is for those whose browser does not.
  await visitor.click("link", "ada@example.com");
  await visitor.click("link", "Allow");
  await visitor.sees("heading", "Waiting for the first event");
  await page.getByRole("heading", { name: "The first event is here" }).waitFor({ timeout: RINGS_WITHIN_MS });
});

visit("events that are off are warned of on the success page", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn(undefined, "/sign-in?next=/connect/gmail");
  await page.getByLabel("Name", { exact: true }).fill("Silent");
  await page.getByLabel("Events Enabled").uncheck();
  await visitor.click("button", "Create Instance");
  await visitor.click("link", "ada@example.com");
  await visitor.click("link", "Allow");
  await visitor.seesText("Events are off: nothing of this mailbox is polled");
  await visitor.inspect("connected-off");
});

visit("a newcomer types at most twelve fields for both mailboxes, and none twice", {}, async (visitor) => {
  const { page, program } = visitor;
  const typed = [];
  const type = async (label, value) => {
    const field = page.getByLabel(label, { exact: true });
    if ((await field.inputValue()) === value) return;
    typed.push(value);
    await field.fill(value);
  };
  const secrets = await program.newcomer();
  await page.goto("/sign-in");
  // The line that programs print, pasted as it is.
  await type("User secret", `Authorization: User ${secrets.user}, Organization ${secrets.organization}`);
  await page.getByRole("button", { name: "Sign in" }).click();
  for (const [connector, account, id, secret] of [
    ["gmail", "ada@example.com", "double-client", "double-secret"],
    ["outlookemail", "grace@example.com", "double-client", "double-secret"],
  ]) {
    await page.goto(`/connect/${connector}`);
    // The demo knows them, a real service does not.
    for (const label of ["API Key", "API Secret"]) await page.getByLabel(label, { exact: true }).fill("");
    await type("API Key", id);
    await type("API Secret", secret);
    if (connector === "gmail") {
      await page.getByLabel("Event Notification Callback URL").fill("");
      await type("Event Notification Callback URL (optional)", receiver.address);
    }
    await visitor.click("button", "Create Instance");
    await visitor.click("link", account);
    await visitor.click("link", "Allow");
    await visitor.sees("heading", /is connected$/);
  }
  console.log(`typed: ${typed.length} fields`);
  assert.ok(typed.length <= TYPED_MAX, `${typed.length} fields`);
});

visit("applications are listed, rotated, and deleted when no instance names them", {}, async (visitor) => {
  const { page } = visitor;
  visitor.expectsRefusals(422);
  await visitor.signIn(undefined, "/sign-in?next=/connect");
  await visitor.click("link", "Applications");
  await visitor.inspect("applications");
  await visitor.click("link", "gmail");
  await visitor.seesText(/instances? names? it/);
  await visitor.inspect("application-in-use");
  await page.goto("/applications");
  await page.getByLabel("Name", { exact: true }).fill("spare parts");
  await page.getByLabel("Connector").selectOption("gmail");
  await page.getByLabel("API Key").fill("another-client");
  await page.getByLabel("API Secret").fill("another-secret");
  await visitor.click("button", "Store it");
  await page.getByRole("alert").getByText("Nothing was stored.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "alert");
  const field = page.getByLabel("Name", { exact: true });
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  assert.match(await field.getAttribute("aria-describedby"), /name-error/);
  await page.locator("#name-error").getByText(/letters|digits/i).waitFor();
  await page.getByRole("alert").getByRole("link", { name: "Name" }).click();
  assert.ok(new URL(page.url()).hash === "#name", "the summary leads to the field");
  await visitor.inspect("applications-refused");
  await page.getByLabel("Name", { exact: true }).fill("spare");
  await page.getByLabel("API Secret").fill("another-secret");
  await visitor.click("button", "Store it");
  await visitor.click("link", "spare");
  await page.getByLabel("New API Secret").fill("a newer secret");
  await visitor.click("button", "Replace the secret");
  await visitor.seesText("The secret was replaced.");
  await visitor.click("button", "Delete the application");
  await visitor.seesText("spare is deleted.");
});

visit("two tabs sign in at once, and back from the provider the form is there", {}, async (visitor) => {
  const { page, context } = visitor;
  await visitor.signIn(undefined, "/sign-in?next=/connect/gmail");
  await page.getByLabel("Name", { exact: true }).fill("First tab");
  await visitor.click("button", "Create Instance");
  await visitor.click("link", "ada@example.com");
  const other = await context.newPage();
  await other.goto("/connect/outlookemail");
  await other.getByLabel("Name", { exact: true }).fill("Second tab");
  await other.getByRole("button", { name: "Create Instance" }).click();
  await other.getByRole("link", { name: "grace@example.com" }).click();
  await page.getByRole("link", { name: "Allow" }).click();
  await visitor.sees("heading", "First tab is connected");
  await other.getByRole("link", { name: "Allow" }).click();
  await other.getByRole("heading", { name: "Second tab is connected" }).waitFor();

  await page.goto("/connect/gmail");
  await page.getByLabel("Name", { exact: true }).fill("Went back");
  await visitor.click("button", "Create Instance");
  await visitor.sees("heading", "Choose an account");
  await page.goBack();
  await visitor.sees("heading", "Connect Gmail");
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Went back");
  await visitor.inspect("connect-back");
  await visitor.click("link", "Begin with a new form");
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Gmail");
});

visit("a session that ends in mid-form costs the secrets alone", {}, async (visitor) => {
  const { page, context } = visitor;
  await visitor.signIn(undefined, "/sign-in?next=/connect/outlookemail");
  await page.getByLabel("Name", { exact: true }).fill("Long to type");
  await page.getByLabel("Tags").fill("patience");
  await context.clearCookies();
  await visitor.click("button", "Create Instance");
  await visitor.fillSecrets();
  await visitor.sees("heading", "Connect Outlook Email");
  await visitor.seesText("Your session had ended.");
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Long to type");
  assert.equal(await page.getByLabel("Tags").inputValue(), "patience");
});

visit("signing in again to another mailbox asks first", {}, async (visitor) => {
  const { page, program } = visitor;
  const path = `/instances/${program.instances.gmail}`;
  await visitor.signIn(undefined, `/sign-in?next=${path}`);
  await visitor.click("link", "Re-authenticate");
  await visitor.click("button", "Sign in at Gmail");
  await visitor.click("link", "mary@example.com");
  await visitor.click("link", "Allow");
  await visitor.seesText("This is another mailbox. Nothing was changed yet.");
  await visitor.seesText("mary@example.com");
  await visitor.inspect("sign-in-other-mailbox");
  await visitor.click("link", "Cancel");
  await visitor.sees("button", "Poll now");
  assert.equal(await page.getByText("another mailbox was connected").count(), 0);
});
