// A message and its files, saved from the page of its event.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { stage } from "./visitor.js";

const { visit } = stage("contents");
/** What the demo calls the messages that it polls. */
const RESOURCES = { gmail: "changed-messages", outlookemail: "messages" };
const FILE = "Terms and plan.html";

/** Opens the page of a new mail's event. */
async function opened(visitor, connector) {
  const { page, program } = visitor;
  await program.line(new RegExp(`${connector} +new mail`));
  await program.line(/└ CREATED/);
  await page.goto(`/instances/${program.instances[connector]}/activity?type=CREATED&resource=${RESOURCES[connector]}`);
  await page.locator("tbody tr:first-child th a").click();
  await visitor.sees("heading", "Events in it");
}

/** What a click saves: its name and its bytes. */
async function saved(visitor, link) {
  const [download] = await Promise.all([visitor.page.waitForEvent("download"), link.click()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

for (const connector of ["gmail", "outlookemail"]) {
  for (const scripts of [true, false]) {
    visit(`a message of ${connector} is saved, ${scripts ? "with" : "without"} scripts`, { scripts }, async (visitor) => {
      const { page } = visitor;
      await visitor.signIn();
      await opened(visitor, connector);
      if (scripts) await visitor.inspect(`event-${connector}`);
      const message = await saved(visitor, await visitor.sees("link", "Save the message"));
      assert.match(message.name, /\.eml$/);
      assert.match(message.bytes.toString("latin1"), /^[\w-]+: .*\r\n\r\n/s);
      await visitor.click("link", "Attachments");
      await visitor.sees("heading", "Attachments");
      if (scripts) await visitor.inspect(`attachments-${connector}`);
      const link = await visitor.sees("link", FILE);
      const address = await link.getAttribute("href");
      const file = await saved(visitor, link);
      assert.deepEqual([file.name, file.bytes.length], [FILE, 4000]);
      // Wherever it is opened from, it runs nothing here.
      const headers = (await page.request.get(address)).headers();
      assert.equal(headers["content-type"], "application/octet-stream");
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.match(headers["content-security-policy"], /^sandbox;/);
      assert.match(headers["content-disposition"], /^attachment;/);
    });
  }
}

visit("what is not there any more says so", {}, async (visitor) => {
  const { page, program } = visitor;
  visitor.expectsRefusals(404);
  await visitor.signIn();
  for (const what of ["raw", "attachments", "attachments/9/content"]) {
    await page.goto(`/instances/${program.instances.gmail}/messages/nothing/${what}`);
    await visitor.sees("heading", "This was not saved");
    await visitor.seesText("has another id since");
  }
  await visitor.inspect("not-saved");
});
