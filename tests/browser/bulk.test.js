// One action on many instances: chosen in the list, counted, begun, left and found again; and why nothing was sent.

import assert from "node:assert/strict";
import { stage } from "./visitor.js";

const { visit } = stage("bulk");

const badge = (page, text) => page.locator(".badge", { hasText: text }).first();

/** As a field for date and time has it. */
const minutesAgo = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString().slice(0, 16);

/** Ticks these instances of the list. */
const tick = async (page, ids) => {
  await page.goto("/instances");
  for (const id of ids) await page.locator(`input.tick[value="${id}"]`).check();
};

visit("what is ticked is counted, switched off and found again later", {}, async (visitor) => {
  const { page, program } = visitor;
  await visitor.signIn();
  const ids = Object.values(program.instances);
  await tick(page, ids);
  await page.getByRole("heading", { level: 1 }).click();
  // The list is brought up to date meanwhile, and ticks stay.
  await page.waitForResponse((response) => response.url().endsWith("/instances"));
  await page.waitForResponse((response) => response.url().endsWith("/instances"));
  assert.equal(await page.locator("input.tick:checked").count(), ids.length);
  await visitor.inspect("instances-ticked");
  await page.getByLabel("With many at once").selectOption("disable");
  await visitor.click("button", "Go on");
  await visitor.sees("button", "Disable 2 instances");
  await visitor.inspect("bulk-counted");
  await visitor.click("button", "Disable 2 instances");
  await visitor.sees("heading", "Disable 2 instances", { level: 1 });
  // Left at once, and found again in the list.
  await page.goto("/instances");
  await visitor.click("link", "Bulk actions");
  await visitor.sees("heading", "Bulk actions", { level: 1 });
  await badge(page, "Done").waitFor();
  await visitor.inspect("bulk-list");
  await visitor.click("link", "Disable 2 instances");
  await visitor.seesText("2 of 2 instances are finished");
  await visitor.inspect("bulk-done");
  for (const id of ids) {
    await page.goto(`/instances/${id}`);
    await badge(page, "Disabled").waitFor();
  }
});

visit("all that match a filter, without the script", { scripts: false }, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn();
  await page.goto("/instances?status=disabled");
  await page.getByLabel("With many at once").selectOption("enable");
  await page.getByLabel("To", { exact: true }).selectOption("all");
  await visitor.click("button", "Go on");
  await visitor.seesText("all instances with status disabled");
  await visitor.click("button", "Enable 2 instances");
  await visitor.sees("heading", "Enable 2 instances", { level: 1 });
  for (let tries = 0; tries < 50 && !(await badge(page, "Done").isVisible()); tries += 1) await page.reload();
  await visitor.seesText("2 of 2 instances are finished");
  // What is so already is told, with its reason.
  await page.goto("/bulk/new?action=enable&of=all");
  await visitor.seesText("it is enabled already");
  await visitor.seesText("There is nothing to be done.");
  await page.goto("/bulk/new?action=enable&of=ticked");
  await visitor.seesText("Nothing is ticked");
});

visit("what needs to know more asks for it, and says what is wrong", {}, async (visitor) => {
  const { page, program } = visitor;
  await visitor.signIn();
  await program.line(/refused once, on purpose/);
  for (const action of ["tag", "release", "retry", "backfill"]) {
    await page.goto(`/bulk/new?action=${action}&of=all`);
    await visitor.sees("button", "Count");
    await visitor.inspect(`bulk-asks-${action}`);
  }
  for (const [name, query] of [
    ["bulk-nothing", "?action=enable&of=all"],
    ["bulk-unticked", "?action=enable&of=ticked"],
  ]) {
    await page.goto(`/bulk/new${query}`);
    await visitor.inspect(name);
  }
  await page.goto("/bulk/new");
  await visitor.sees("button", "Count");
  await visitor.inspect("bulk-asks");
  await page.goto("/activity");
  await visitor.click("link", "Deliver again by time");
  await page.getByLabel("From, UTC").fill("2020-01-01T00:00");
  await visitor.click("button", "Count");
  await visitor.click("button", /^Deliver \d+ notifications? again$/);
  await badge(page, "Done").waitFor();
  await visitor.inspect("bulk-retried");
  await page.goto(`/instances/${program.instances.gmail}`);
  await visitor.click("link", "Read a time again");
  await page.getByLabel("From, UTC").fill("2020-01-01T00:00");
  await visitor.click("button", "Count");
  await visitor.seesText(/must not be before/i);
  await page.goto(`/bulk/new?action=backfill&id=${program.instances.gmail}&from=${minutesAgo(1)}`);
  await visitor.sees("table", "What came within this time");
  await visitor.inspect("bulk-counted-backfill");
  await page.goto(`/bulk/new?action=backfill&id=${program.instances.gmail}&from=2020-01-01T00:00`);
  await visitor.click("button", "Read a time again in 1 instance");
  // The single call refuses it for its time, and so does this.
  await badge(page, "Done, with failures").waitFor();
  await visitor.openAll();
  await visitor.seesText(/must not be before/i);
  await visitor.inspect("bulk-failed");
});

visit("why nothing was sent, and a life on one line", {}, async (visitor) => {
  const { page, program } = visitor;
  await visitor.signIn();
  const why = `/instances/${program.instances.gmail}/why`;
  await program.line(/refused once, on purpose/, 1);
  await page.goto(`/instances/${program.instances.gmail}/activity`);
  await page.locator("tbody tr th a").first().click();
  await visitor.seesText("From the provider to the callback");
  await visitor.inspect("event-life");
  await visitor.click("link", "Why?");
  await visitor.click("button", "Explain");
  await visitor.seesText("Under today's configuration");
  await visitor.inspect("why-explained");
  await page.goto(why);
  await page.getByLabel("Subject, id or time").fill("Nothing has this subject at all");
  await visitor.click("button", "Explain");
  await visitor.seesText("Under today's configuration");
  await visitor.seesText("The provider does not show it");
  await visitor.inspect("why-not-shown");
  await page.getByLabel("What you know of it").selectOption("at");
  await page.getByLabel("Subject, id or time").fill("yesterday");
  await visitor.click("button", "Explain");
  await visitor.seesText(/must be a time/);
  await visitor.inspect("why-refused");
});
