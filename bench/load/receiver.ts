/**
 * The receiver of a webhook endpoint's deliveries and of the runs' own webhooks, which come to `/jobs`. It is a process
 * of its own, on loopback, and answers 204 at once. A GET returns what it has heard since the last GET.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { monotonicMs } from "../clock.ts";

/** The payload of a run's own webhook. */
export interface Callback {
  readonly url: string;
  readonly token: string;
}

/** A request that arrived. `at`: by the clock that all processes share, in ms. */
export interface Heard {
  /** The `webhook-id`. It begins with the run's id. */
  readonly id: string;
  readonly at: number;
  /** Null for a delivery. */
  readonly callback: Callback | null;
}

const heard: Heard[] = [];

const server = createServer(async (request, response) => {
  if (request.method === "GET") {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(heard.splice(0)));
    return;
  }
  const body = await text(request);
  const at = monotonicMs();
  const callback = request.url === "/jobs" ? JSON.parse(body) : null;
  heard.push({ id: String(request.headers["webhook-id"]), at, callback });
  response.writeHead(204).end();
});
server.listen(0, "127.0.0.1", () => {
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on("disconnect", () => process.exit());
