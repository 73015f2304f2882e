// The program, from its start to its end.

import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";

export const TARGET = path.resolve(process.env.CARGO_TARGET_DIR ?? path.join(import.meta.dirname, "../../target"));
export const OUTPUT = path.join(TARGET, "browser");
const SAID_WITHIN_MS = 60_000;
// Told to stop, the program takes ten seconds for what is under way.
const STOPPED_WITHIN_MS = 20_000;

export class Program {
  #said = [];
  #waiting = new Set();
  #process;
  #log;

  /** The demo, with these variables beside the usual ones. */
  static async start(name, variables = {}) {
    const program = new Program();
    await program.#start("demo", name, variables);
    const connected = /^connected (\S+) as instance (\d+)/;
    program.instances = {};
    for (let index = 0; index < 2; index += 1) {
      const [, connector, id] = await program.line(connected, index);
      program.instances[connector] = id;
    }
    return program;
  }

  /** The service, as somebody starts it for the first time. */
  static async serve(name, variables = {}) {
    fs.rmSync(path.join(OUTPUT, `${name}-data`), { recursive: true, force: true });
    const program = new Program();
    await program.#start("serve", name, variables);
    return program;
  }

  async #start(command, name, variables) {
    const kept = Object.entries(process.env).filter(([variable]) => !variable.startsWith("CARILLON_"));
    this.#log = path.join(OUTPUT, `${name}.log`);
    this.adminKey = randomBytes(16).toString("hex");
    const own = {
      CARILLON_LISTEN: "127.0.0.1:0",
      CARILLON_DATA: path.join(OUTPUT, `${name}-data`),
      CARILLON_ADMIN_KEY: this.adminKey,
      // A refused callback is suspended within seconds.
      CARILLON_RETRY_DELAYS: "1,1",
      // Browsers ask faster than people do.
      CARILLON_REQUESTS_PER_MINUTE: "100000",
      ...variables,
    };
    const log = fs.openSync(this.#log, "w");
    this.#process = spawn(path.join(TARGET, "debug/carillon"), [command], {
      env: { ...Object.fromEntries(kept), ...own },
      stdio: ["ignore", "pipe", log],
    });
    fs.closeSync(log);
    // Whatever becomes of the tests, the program does not outlive them.
    process.on("exit", () => this.#process.kill("SIGKILL"));
    createInterface({ input: this.#process.stdout }).on("line", (line) => this.#heard(line));
    this.address = (await this.line(/^carillon listening on (\S+)/))[1];
    this.link = (await this.line(/^open (\S+) in a browser/))[1];
    const secrets = await this.line(/^ *Authorization: User ([^,]+), Organization (.+)/);
    this.secrets = { user: secrets[1].trim(), organization: secrets[2].trim() };
  }

  /** The variables that lead another program to the demo's stand-in providers. */
  async providers() {
    const { user, organization } = this.secrets;
    const headers = { authorization: `User ${user}, Organization ${organization}`, "content-type": "application/json" };
    const origins = {};
    for (const [connector, server] of [["gmail", "google"], ["outlookemail", "microsoft"]]) {
      const body = JSON.stringify({ apiKey: "double-client", callbackUrl: "http://127.0.0.1/" });
      const address = `${this.address}/elements/api-v2/elements/${connector}/oauth/url`;
      const answer = await fetch(address, { method: "POST", headers, body });
      if (!answer.ok) throw new Error(`no login: ${answer.status} ${await answer.text()}`);
      origins[server] = new URL((await answer.json()).oauthUrl).origin;
    }
    const lines = execFileSync(path.join(TARGET, "debug/examples/addresses"), { encoding: "utf8" }).trim().split("\n");
    return Object.fromEntries(
      lines.map((line) => line.split(" ")).map(([variable, server, at]) => [variable, `${origins[server]}${at ?? ""}`]),
    );
  }

  /** Everything that it has said. */
  get said() {
    return [...this.#said];
  }

  #heard(line) {
    this.#said.push(line);
    for (const look of [...this.#waiting]) look();
  }

  /** How many lines it has said. */
  get linesCount() {
    return this.#said.length;
  }

  /** What the pattern finds in the lines after the first `from`; the one after `skipped` such lines. */
  async line(pattern, skipped = 0, from = 0) {
    const find = () => this.#said.slice(from).map((line) => pattern.exec(line)).filter(Boolean)[skipped];
    const found = find();
    if (found) return found;
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle(value);
      };
      const look = () => {
        const found = find();
        if (found) end(resolve, found);
      };
      const timer = setTimeout(() => end(reject, new Error(`the program did not say ${pattern}`)), SAID_WITHIN_MS);
      this.#waiting.add(look);
    });
  }

  /** Another organization, which has nothing yet. */
  async newcomer() {
    const made = await fetch(`${this.address}/elements/api-v2/organizations`, {
      method: "POST",
      headers: { authorization: `Admin ${this.adminKey}` },
    });
    if (!made.ok) throw new Error(`no organization: ${made.status} ${await made.text()}`);
    const { organizationSecret, user } = await made.json();
    return { user: user.userSecret, organization: organizationSecret };
  }

  async stop() {
    if (this.#process.exitCode === null) {
      const ended = once(this.#process, "exit");
      this.#process.kill("SIGTERM");
      const timer = setTimeout(() => this.#process.kill("SIGKILL"), STOPPED_WITHIN_MS);
      await ended;
      clearTimeout(timer);
    }
    if (this.#process.exitCode !== 0) throw new Error(`the program ended with ${this.#process.exitCode}`);
    const errors = fs.readFileSync(this.#log, "utf8").split("\n").filter((line) => line.includes('"level":"ERROR"'));
    if (errors.length > 0) throw new Error(`the program logged errors:\n${errors.slice(0, 20).join("\n")}`);
  }
}
