// The owner's link: made in the console, followed by somebody without an account.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { stage } from "./visitor.js";

/** A demo that says where it is: owners come back there. */
async function somewhere() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return { CARILLON_LISTEN: `127.0.0.1:${port}`, CARILLON_PUBLIC_URL: `http://127.0.0.1:${port}` };
}

const { visit } = stage("link", comeBackHere, somewhere);

/** As if the mailboxes had been connected in the console. */
async function comeBackHere(program) {
  for (const id of Object.values(program.instances)) {
    await call(program, "PATCH", `/instances/${id}`, { configuration: { "oauth.callback.url": `${program.address}/oauth/callback` } });
  }
}

async function call(program, method, path, body) {
  const { user, organization } = program.secrets;
  const answer = await fetch(`${program.address}/elements/api-v2${path}`, {
    method,
    headers: { authorization: `User ${user}, Organization ${organization}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}

/** At the stand-in's login, as at a provider's; the demo's mailboxes are the first. */
async function consent(visitor) {
  await visitor.page.locator('a[href*="as="]').first().click();
  await visitor.click("link", "Allow");
}

const made = (program) => call(program, "POST", `/instances/${program.instances.gmail}/sign-in-link`, { askedBy: "Example Ltd" });

visit("a link is made in the console", {}, async (visitor) => {
  const { page, program } = visitor;
  await visitor.signIn(undefined, `/sign-in?next=/instances/${program.instances.gmail}`);
  await visitor.click("link", "Sign-in link");
  await page.getByLabel("Who asks").fill("Example Ltd");
  await visitor.inspect("link-form");
  await visitor.click("button", "Make the link");
  await visitor.seesText("Send this to the owner");
  await visitor.inspect("link-made");
  const url = await page.locator("pre code").innerText();
  assert.ok(url.startsWith(`${program.address}/link?key=`), url);
});

for (const scripts of [true, false]) {
  visit(`an owner signs in, ${scripts ? "with" : "without"} scripts`, { scripts }, async (visitor) => {
    const { page, program, context } = visitor;
    const { url } = await made(program);
    const told = [];
    page.on("request", (request) => told.push(request.headers().referer ?? ""));
    await page.goto(url);
    await visitor.sees("heading", "Sign in to your mailbox again");
    if (scripts) await visitor.inspect("link-open");
    await visitor.click("button", "Sign in at Gmail");
    await consent(visitor);
    await visitor.sees("heading", "You are signed in again");
    await visitor.seesText("is being fetched now");
    if (scripts) await visitor.inspect("link-done");
    assert.equal(page.url(), url, "nothing of the code stays in the address");
    assert.ok(told.every((referer) => !referer.includes("key=")), "the token is told to nobody");
    await page.reload();
    await visitor.sees("heading", "You are signed in again");
    await context.clearCookies();
    visitor.expectsRefusals(410);
    await page.goto(url);
    await visitor.sees("heading", "This link was used");
    if (scripts) await visitor.inspect("link-over");
  });
}

visit("who does not agree can try again", {}, async (visitor) => {
  const { page, program } = visitor;
  const { url } = await made(program);
  await page.goto(url);
  await visitor.click("button", "Sign in at Gmail");
  await page.locator('a[href*="as="]').first().click();
  await page.locator('a[href*="deny="]').first().click();
  await page.getByRole("alert").getByText("You did not agree").waitFor();
  await visitor.inspect("link-denied");
  await visitor.click("button", "Sign in at Gmail");
  await consent(visitor);
  await visitor.sees("heading", "You are signed in again");
});

visit("a link that is none", {}, async (visitor) => {
  visitor.expectsRefusals(404);
  await visitor.page.goto("/link?key=1.nothing");
  await visitor.sees("heading", "This link is not known here");
  await visitor.inspect("link-unknown");
});
