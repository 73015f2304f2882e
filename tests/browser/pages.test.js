// Every page, as it looks and as it is heard: at two widths, light and dark.

import assert from "node:assert/strict";
import { stage } from "./visitor.js";

const { visit } = stage("pages");

visit("the sign-in", {}, async (visitor) => {
  await visitor.page.goto("/sign-in");
  await visitor.inspect("sign-in");
});

visit("what shows events", {}, async (visitor) => {
  const { page, program } = visitor;
  await visitor.signIn();
  // One of five callbacks is refused on purpose; its event shows a retry.
  await program.line(/refused once, on purpose/);
  await program.line(/refused once, on purpose/, 1);
  for (const [name, path] of [
    ["overview", "/"],
    ["activity", "/activity"],
    ["activity-filtered", "/activity?type=CREATED&range=1h"],
    ["activity-nothing", "/activity?object=nothing-like-it"],
    ["instance-activity", `/instances/${program.instances.gmail}/activity`],
    ["deliveries", "/deliveries"],
    ["inspector", "/inspector"],
  ]) {
    await page.goto(path);
    await visitor.sees("heading", /./, { level: 1 });
    await visitor.inspect(name);
  }
  await page.goto("/inspector");
  const refused = page.getByRole("region").filter({ hasText: "refused" }).first();
  await refused.getByRole("link").click();
  await page.getByText("Delivered", { exact: true }).first().waitFor();
  await visitor.inspect("event-retried");
  await visitor.openAll();
  await visitor.inspect("event-opened");
});

visit("new events come to an open page", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn(undefined, "/sign-in?next=/activity");
  const newest = page.locator("tbody tr:first-child th a");
  const before = await newest.getAttribute("href");
  await page.evaluate(() => (window.isSame = true));
  // New rows wait, and nothing moves, until somebody asks for them.
  const came = page.getByRole("button", { name: /^\d+ new$/ });
  await came.waitFor();
  assert.equal(await newest.getAttribute("href"), before);
  await came.click();
  await page.locator(`tbody tr:first-child th a:not([href="${before}"])`).waitFor();
  await page.locator(`tbody tr:not(:first-child) th a[href="${before}"]`).waitFor();
  assert.ok(await page.evaluate(() => window.isSame), "the page was not loaded anew");
});

visit("a page that hears nothing says since when", {}, async (visitor) => {
  const { page, context } = visitor;
  visitor.expectsSilence();
  await visitor.signIn(undefined, "/sign-in?next=/instances");
  await context.setOffline(true);
  await page.getByRole("alert").getByText(/^Disconnected since \d/).waitFor();
  await context.setOffline(false);
  await page.getByRole("alert").waitFor({ state: "detached" });
});

visit("instances and what belongs to one", {}, async (visitor) => {
  const { page, program } = visitor;
  await visitor.signIn();
  const one = `/instances/${program.instances.gmail}`;
  for (const [name, path] of [
    ["instances", "/instances"],
    ["instances-nothing", "/instances?search=nothing-like-it"],
    ["instance", one],
    ["token", `${one}/token`],
    ["why", `${one}/why`],
    ["edit", `${one}/edit`],
    ["sign-in-again", `${one}/authenticate`],
    ["sign-in-link", `${one}/sign-in-link`],
    ["delete", `${one}/delete`],
  ]) {
    await page.goto(path);
    await visitor.inspect(name);
  }
});

visit("the catalogue and the forms", {}, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn();
  for (const [name, path] of [
    ["catalogue", "/connect"],
    ["connect-gmail", "/connect/gmail"],
    ["connect-outlookemail", "/connect/outlookemail"],
    ["connect-googlecalendar", "/connect/googlecalendar"],
  ]) {
    await page.goto(path);
    await visitor.inspect(name);
  }
  await visitor.openAll();
  await visitor.inspect("connect-opened");
});

visit("what somebody sees who has nothing yet", {}, async (visitor) => {
  const { page, program } = visitor;
  await visitor.signIn(await program.newcomer());
  for (const [name, path] of [
    ["newcomer-overview", "/"],
    ["newcomer-instances", "/instances"],
    ["newcomer-activity", "/activity"],
    ["newcomer-deliveries", "/deliveries"],
  ]) {
    await page.goto(path);
    await visitor.inspect(name);
  }
});

visit("errors", {}, async (visitor) => {
  const { page } = visitor;
  visitor.expectsRefusals(400, 404, 403);
  await visitor.signIn();
  for (const [name, path] of [
    ["not-found", "/instances/1"],
    ["login-unknown", "/oauth/callback?code=1&state=1"],
    ["address-unknown", "/nope"],
    ["filter-refused", "/activity?from=yesterday"],
  ]) {
    await page.goto(path);
    await visitor.inspect(name);
  }
});

visit("the checks find what they are for", {}, async (visitor) => {
  const { page } = visitor;
  await page.goto("/sign-in");
  await page.evaluate(() => {
    const image = document.createElement("img");
    image.src = "data:image/gif;base64,R0lGODlhAQABAAAAACw=";
    document.querySelector("main").append(image);
    document.querySelector("h1").style.minWidth = "500px";
    document.querySelector("main button").style.width = "30px";
  });
  await assert.rejects(visitor.inspect("checks"), (error) => {
    assert.match(error.message, /image-alt \(critical\)/);
    assert.match(error.message, /checks-390: scrolls sideways/);
    assert.match(error.message, /checks-1280: the words do not fit/);
    return true;
  });
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.isBroken = true";
    document.body.append(script);
  });
  assert.equal(await page.evaluate(() => window.isBroken), undefined);
  assert.equal(visitor.complaints.splice(0).filter((one) => one.includes("Content Security Policy")).length, 1);
});
