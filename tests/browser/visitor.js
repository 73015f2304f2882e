// Somebody with a browser. Whatever they do, a page must not complain, must load nothing from elsewhere, and must not
// break its policy; `visit` makes a test of it.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { OUTPUT, Program } from "./program.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** Longest wait for a thing on a page; machines that test are busy. */
const THING_MS = 20_000;
const TEST_MS = 120_000;
const WIDE = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
/** Far more than any page has to open. */
const OPENED_MAX = 50;

/**
 * A demo and a browser for the tests of a file; `set` prepares more, `variables` gives the demo's, and `start` starts something
 * else than a demo. `visit(name, options, act)` is a test with a visitor of its own.
 */
export function stage(name, set = async () => {}, variables = async () => ({}), start = Program.start) {
  const stage = {};
  before(async () => {
    mkdirSync(OUTPUT, { recursive: true });
    stage.program = await start(name, await variables());
    stage.browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
    await set(stage.program);
  });
  after(async () => {
    await stage.browser?.close();
    await stage.program?.stop();
  });
  stage.visit = (name, options, act) =>
    test(name, { timeout: options.timeout ?? TEST_MS }, async () => {
      const visitor = await Visitor.come(stage, options);
      try {
        await act(visitor);
      } catch (error) {
        const file = path.join(OUTPUT, `failed-${slug(name)}.png`);
        await visitor.page.screenshot({ path: file, fullPage: true }).catch(() => {});
        error.message += `\n(at ${visitor.page.url()}; complaints: ${visitor.complaints.join("; ") || "none"})`;
        throw error;
      } finally {
        await visitor.context.close();
      }
      assert.deepEqual(visitor.complaints, [], "what the browser complained about");
    });
  return stage;
}

const slug = (text) => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");

class Visitor {
  complaints = [];
  #refusals = new Set();
  #expectsSilence = false;

  /** `scripts: false` switches JavaScript off. */
  static async come(stage, { scripts = true }) {
    const visitor = new Visitor();
    visitor.program = stage.program;
    visitor.context = await stage.browser.newContext({
      baseURL: stage.program.address,
      javaScriptEnabled: scripts,
      viewport: WIDE,
      // Colours are measured at rest.
      reducedMotion: "reduce",
    });
    visitor.context.setDefaultTimeout(THING_MS);
    visitor.page = await visitor.context.newPage();
    visitor.#listen(stage.program.address);
    return visitor;
  }

  /** Answers of these statuses are a part of what is tested, and no reason to complain. */
  expectsRefusals(...statuses) {
    for (const status of statuses) this.#refusals.add(status);
  }

  /** No answer at all is a part of what is tested. */
  expectsSilence() {
    this.#expectsSilence = true;
  }

  #listen(address) {
    const { page } = this;
    // At whichever of this machine's names.
    const { port } = new URL(address);
    page.on("console", (message) => {
      // What a stand-in's page says is its business.
      const isOurs = !message.location().url || new URL(message.location().url).port === port;
      const refused = /the server responded with a status of (\d+)/.exec(message.text());
      const isSilence = this.#expectsSilence && message.text().includes("net::ERR_");
      const isExpected = isSilence || (refused && this.#refusals.has(Number(refused[1])));
      if (isOurs && !isExpected && ["error", "warning"].includes(message.type())) {
        this.complaints.push(`${page.url()}: ${message.text()}`);
      }
    });
    page.on("pageerror", (error) => this.complaints.push(`${page.url()}: ${error}`));
    page.on("request", (request) => {
      const { protocol, hostname } = new URL(request.url());
      const isHere = ["127.0.0.1", "localhost"].includes(hostname) || protocol === "data:";
      if (!isHere) this.complaints.push(`${page.url()} loads ${request.url()}`);
    });
  }

  /** Signs in with the secrets of the demo's user, or with others. */
  async signIn(secrets = this.program.secrets, at = "/sign-in") {
    await this.page.goto(at);
    await this.fillSecrets(secrets);
  }

  async fillSecrets(secrets = this.program.secrets) {
    await this.page.getByLabel("User secret").fill(secrets.user);
    await this.page.getByLabel("Organization secret").fill(secrets.organization);
    await this.page.getByRole("button", { name: "Sign in" }).click();
    await this.sees("button", "Sign out");
  }

  async sees(role, name, options = {}) {
    const found = this.page.getByRole(role, { name, ...options }).first();
    await found.waitFor();
    return found;
  }

  async seesText(text) {
    await this.page.getByText(text).first().waitFor();
  }

  async click(role, name, options = {}) {
    await this.page.getByRole(role, { name, ...options }).first().click();
  }

  /** Opens whatever can be opened. */
  async openAll() {
    const closed = this.page.locator("details:not([open]) > summary").filter({ visible: true });
    for (let opened = 0; opened < OPENED_MAX && (await closed.count()) > 0; opened += 1) await closed.first().click();
  }

  /** At both widths, light and dark: kept as a picture, nothing to scroll sideways, no word beyond its button, no accessibility finding of any level. */
  async inspect(name) {
    const { page } = this;
    const found = [];
    for (const viewport of [WIDE, PHONE]) {
      await page.setViewportSize(viewport);
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        // What sticks to the top would be pictured where it does not belong.
        await page.evaluate(() => window.scrollTo(0, 0));
        const view = `${name}-${viewport.width}-${colorScheme}`;
        await page.screenshot({ path: path.join(OUTPUT, "screenshots", `${view}.png`), fullPage: true });
        found.push(...(await this.#findings(view)));
      }
      found.push(...(await this.#sideways(`${name}-${viewport.width}`)), ...(await this.#spilt(`${name}-${viewport.width}`)));
    }
    await page.setViewportSize(WIDE);
    assert.deepEqual(found, [], `what is wrong with ${name}`);
  }

  async #findings(view) {
    const { violations } = await this.page.evaluate(
      `${AXE}; axe.run(document, { resultTypes: ["violations"], performanceTimer: false })`,
    );
    return violations
      .flatMap((one) => one.nodes.map((node) => `${view}: ${one.id} (${one.impact}) at ${node.html.slice(0, 200)}`));
  }

  /** Buttons and labels whose words are wider than they are. */
  async #spilt(view) {
    const all = await this.page.locator("button, a.button, .badge, label").evaluateAll((all) =>
      all.filter((one) => one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1).map((one) => one.outerHTML.slice(0, 120)),
    );
    return all.slice(0, 3).map((html) => `${view}: the words do not fit in ${html}`);
  }

  async #sideways(view) {
    const wide = await this.page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      if (scrollWidth <= clientWidth) return [];
      const sticksOut = (one) => one.getBoundingClientRect().right > clientWidth + 1;
      return [...document.querySelectorAll("body *")].filter(sticksOut).map((one) => one.outerHTML.slice(0, 120));
    });
    return wide.slice(0, 3).map((html) => `${view}: scrolls sideways for ${html}`);
  }
}
