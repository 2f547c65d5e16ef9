/**
 * The receiver of a webhook endpoint's messages. It is a process of its own, on loopback, and answers 204 at once. A GET
 * returns what it has heard since the last GET.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { monotonicMs } from "./clock.ts";

/** A message that arrived. `at`: by the clock that all processes share, in ms. */
export interface Heard {
  /** The `webhook-id`. It begins with the run's id. */
  readonly id: string;
  readonly at: number;
}

const heard: Heard[] = [];

const server = createServer((request, response) => {
  if (request.method === "GET") {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(heard.splice(0)));
    return;
  }
  request.resume().once("end", () => {
    heard.push({ id: String(request.headers["webhook-id"]), at: monotonicMs() });
    response.writeHead(204).end();
  });
});
server.listen(0, "127.0.0.1", () => {
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on("disconnect", () => process.exit());
