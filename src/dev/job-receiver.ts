/**
 * The demo's second receiver. It answers like a CI product: with the id and the page of a job, and it has an endpoint
 * that stops the job. The first job works until it is stopped. Each later job works for a moment and succeeds.
 */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { postAs, readBody, type WebhookBody } from "./receiver.ts";

const STEP_MS = 200;
/** The first job gives up here if nobody stops it. */
const STEPS_MAX = 100;

export interface JobReceiver {
  /** `scheme://host:port` */
  readonly origin: string;
  /** The paths of the requests that had the key. */
  readonly seen: readonly string[];
  close(): Promise<void>;
}

/** `key`: what the header `X-Api-Key` must contain. */
export async function startJobReceiver(key: string): Promise<JobReceiver> {
  const seen: string[] = [];
  const stopped = new Set<number>();
  const jobs = new Map<string, number>();
  const server = createServer(async (request, response) => {
    const body = await readBody(request);
    const path = request.url ?? "/";
    if (request.headers["x-api-key"] !== key) {
      response.writeHead(401).end();
      return;
    }
    seen.push(path);
    const [, stops] = /^\/api\/jobs\/(\d+)\/stop$/.exec(path) ?? [];
    if (stops !== undefined) {
      stopped.add(Number(stops));
      response.writeHead(204).end();
      return;
    }
    // The same dispatch may come again, with the same id.
    const id = String(request.headers["webhook-id"]);
    const isNew = !jobs.has(id);
    const job = jobs.get(id) ?? jobs.size + 1;
    jobs.set(id, job);
    const answer = JSON.stringify({ id: job, web_url: `https://ci.example.com/jobs/${job}` });
    response.writeHead(202, { "Content-Type": "application/json" }).end(answer);
    if (isNew) await work(JSON.parse(body) as WebhookBody, job, () => stopped.has(job));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    seen,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function work({ run }: WebhookBody, job: number, isStopped: () => boolean): Promise<void> {
  const heartbeats = run.callbackUrl.replace(/callback$/, "heartbeat");
  const steps = job === 1 ? STEPS_MAX : 2;
  for (let step = 0; step < steps && !isStopped(); step++) {
    await postAs(run, heartbeats, { message: `job ${job} is at work` });
    await delay(STEP_MS);
  }
  const isDone = job > 1 && !isStopped();
  await postAs(run, run.callbackUrl, isDone ? { status: "succeeded" } : { status: "failed", error: "stopped" });
}
