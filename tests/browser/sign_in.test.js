// Into the console and out of it.

import assert from "node:assert/strict";
import { stage } from "./visitor.js";

/** More than any page has to step through. */
const TABS_MAX = 80;

const { visit } = stage("sign-in");

visit("the link that the demo prints signs in once", {}, async (visitor) => {
  const { page, program } = visitor;
  await page.goto(program.link);
  await visitor.sees("button", "Sign out");
  await page.context().clearCookies();
  visitor.expectsRefusals(410);
  await page.goto(program.link);
  await visitor.seesText("This link was used already");
  await visitor.inspect("link-used");
});

visit("secrets sign in, wrong ones say so", {}, async (visitor) => {
  const { page } = visitor;
  visitor.expectsRefusals(401);
  await page.goto("/sign-in");
  await page.getByLabel("User secret").fill("nobody");
  await page.getByLabel("Organization secret").fill("nowhere");
  await visitor.click("button", "Sign in");
  await page.getByRole("alert").getByText("not known").waitFor();
  await visitor.inspect("sign-in-refused");
  await visitor.fillSecrets();
  await visitor.click("button", "Sign out");
  await visitor.seesText("You are signed out.");
  await page.goto("/instances");
  await visitor.sees("button", "Sign in");
});

visit("who signed out is out, with the cookie of before too", {}, async (visitor) => {
  const { page, context } = visitor;
  await visitor.signIn();
  const before = await context.cookies();
  await visitor.click("button", "Sign out");
  await visitor.seesText("You are signed out.");
  await context.addCookies(before);
  await page.goto("/instances");
  await visitor.sees("button", "Sign in");
});

visit("an ended session leads to the sign-in and back", {}, async (visitor) => {
  const { page, context, program } = visitor;
  await visitor.signIn();
  await page.goto("/instances?search=Demo");
  const [session] = (await context.cookies()).filter((cookie) => cookie.name === "carillon_session");
  assert.ok(session.httpOnly && session.sameSite !== "None", "the session is kept from scripts and other sites");
  await context.addCookies([{ ...session, value: `${session.value.slice(0, -8)}AAAAAAAA` }]);
  await page.reload();
  await visitor.seesText("Sign in to go on to where you were.");
  await visitor.fillSecrets();
  assert.equal(page.url(), `${program.address}/instances?search=Demo`);
});

visit("an ended session is noticed by a page that is open", {}, async (visitor) => {
  const { page, context } = visitor;
  await visitor.signIn(undefined, "/sign-in?next=/instances");
  await context.clearCookies();
  await page.waitForURL("**/sign-in?next=*");
});

visit("the keyboard alone signs in and goes about", {}, async (visitor) => {
  const { page, program } = visitor;
  const press = (key) => page.keyboard.press(key);
  await page.goto("/sign-in");
  await tabTo(page, "User secret");
  await page.keyboard.type(program.secrets.user);
  await press("Tab");
  await page.keyboard.type(program.secrets.organization);
  await press("Enter");
  await visitor.sees("button", "Sign out");
  await press("Tab");
  assert.equal(await focusedName(page), "Skip to the content");
  await press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.reload();
  await tabTo(page, "Connect");
  await press("Enter");
  await visitor.sees("heading", "Connect a mailbox");
  await tabTo(page, "Gmail");
  await press("Enter");
  await visitor.sees("heading", "Connect Gmail");
  await tabTo(page, "Show Optional Fields");
  await press("Enter");
  await page.getByLabel("Callback Notification Signature Key").waitFor();
});

/** Presses Tab until what has the focus is called so; whatever has it on the way must show it. */
async function tabTo(page, name) {
  const passed = [];
  for (let presses = 0; presses < TABS_MAX; presses += 1) {
    await page.keyboard.press("Tab");
    const focused = await focusedName(page);
    // After the last link the browser's own controls have their turn.
    if (focused === null) continue;
    passed.push(focused);
    const isShown = await page.evaluate(() => {
      const looks = [document.activeElement, document.activeElement.closest("label")]
        .filter(Boolean)
        .flatMap((one) => [getComputedStyle(one), getComputedStyle(one, "::after")]);
      return looks.some((look) => look.outlineStyle !== "none" && look.outlineWidth !== "0px");
    });
    assert.ok(isShown, `nothing shows that "${focused}" has the focus`);
    if (focused === name) return;
  }
  assert.fail(`Tab does not lead to "${name}": ${passed.join(", ")}`);
}

function focusedName(page) {
  return page.evaluate(() => {
    const one = document.activeElement;
    if (one === document.body) return null;
    const label = one.labels?.[0]?.firstChild?.textContent;
    return (label ?? one.getAttribute("aria-label") ?? one.textContent).trim();
  });
}

visit("without JavaScript: sign-in, form, activity", { scripts: false }, async (visitor) => {
  const { page } = visitor;
  await visitor.signIn();
  await page.goto("/connect/gmail");
  await page.locator("summary", { hasText: "Show Optional Fields" }).click();
  await page.getByLabel("Callback Notification Signature Key").fill("key");
  await page.locator("summary", { hasText: /^Code$/ }).click();
  await page.getByLabel("Raw JSON").fill('{ "labels": { "url": "/hubs/general/labels", "idField": "id" } }');
  await visitor.click("button", "Read from code");
  assert.ok(await page.getByRole("checkbox", { name: "labels" }).isChecked());
  assert.ok(!(await page.getByRole("checkbox", { name: "changed-messages" }).isChecked()));
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Activity" }).click();
  await visitor.sees("heading", "Activity");
});
