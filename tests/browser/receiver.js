// An application that callbacks go to. It can be told to refuse them.

import { createHmac } from "node:crypto";
import { once } from "node:events";
import http from "node:http";

const ARRIVES_WITHIN_MS = 45_000;

export class Receiver {
  isRefusing = false;
  /** What came: id of the event, whether its signature is right, and what was answered. */
  arrived = [];
  #news = new Set();
  #server;

  static async start(key) {
    const receiver = new Receiver();
    receiver.#server = http.createServer((request, response) => receiver.#take(key, request, response));
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    receiver.address = `http://127.0.0.1:${receiver.#server.address().port}/events`;
    return receiver;
  }

  async #take(key, request, response) {
    const body = Buffer.concat(await request.toArray());
    const status = this.isRefusing ? 503 : 200;
    response.writeHead(status).end(this.isRefusing ? "closed for the test" : "");
    const wanted = `sha256=${createHmac("sha256", key).update(body).digest("base64")}`;
    const isSigned = request.headers["elements-webhook-signature"] === wanted;
    this.arrived.push({ id: request.headers["elements-webhook-id"], isSigned, status, body: body.toString() });
    for (const look of [...this.#news]) look();
  }

  /** The first that the condition holds for, when it is there. */
  async first(condition, within_ms = ARRIVES_WITHIN_MS) {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        this.#news.delete(look);
        settle(value);
      };
      const look = () => {
        const found = this.arrived.find(condition);
        if (found) end(resolve, found);
      };
      const timer = setTimeout(() => end(reject, new Error("no such callback arrived")), within_ms);
      this.#news.add(look);
      look();
    });
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
