/**
 * The demo's webhook receiver. It fails twice, then accepts and does the work: it sends heartbeats and reports the end.
 * It does everything that a receiver must do, and refuses requests without a valid signature.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Webhook } from "standardwebhooks";

const FAILS = 2;
const STEPS = ["checked out", "built", "deployed"];
const STEP_MS = 300;

export interface WebhookBody {
  readonly run: { readonly id: string; readonly callbackUrl: string; readonly callbackToken: string };
}

export interface Receiver {
  readonly url: string;
  /** One entry for each attempt. */
  readonly seen: readonly { readonly id: string; readonly isSigned: boolean; readonly answered: number }[];
  close(): Promise<void>;
}

export async function startReceiver(signingSecret: string): Promise<Receiver> {
  const seen: { id: string; isSigned: boolean; answered: number }[] = [];
  const started = new Set<string>();
  const server = createServer(async (request, response) => {
    const body = await readBody(request);
    const isSigned = verifies(signingSecret, body, request.headers);
    const id = String(request.headers["webhook-id"]);
    const fails = seen.length < FAILS;
    const answered = !isSigned ? 401 : fails ? 503 : 202;
    seen.push({ id, isSigned, answered });
    response.writeHead(answered, { "Content-Type": "text/plain" }).end(fails ? "still starting" : "queued");
    // The same dispatch may come again, with the same id.
    if (answered === 202 && !started.has(id)) {
      started.add(id);
      await work(JSON.parse(body) as WebhookBody);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/deploy`,
    seen,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function work({ run }: WebhookBody): Promise<void> {
  for (const [done, message] of STEPS.entries()) {
    await delay(STEP_MS);
    const progress = (done + 1) / STEPS.length;
    await postAs(run, run.callbackUrl.replace(/callback$/, "heartbeat"), { message, progress });
  }
  const output = { url: "https://shop.example" };
  await postAs(run, run.callbackUrl, { status: "succeeded", output });
}

/** Sends what a job says of its run. */
export async function postAs(run: WebhookBody["run"], url: string, body: unknown): Promise<void> {
  const headers = {
    Authorization: `Bearer ${run.callbackToken}`,
    "Content-Type": "application/json",
    "Idempotency-Key": run.id,
  };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), redirect: "error" });
  await response.body?.cancel();
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function verifies(secret: string, body: string, headers: IncomingMessage["headers"]): boolean {
  try {
    new Webhook(secret).verify(body, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}

/* SECTION:
 * The demo's second receiver. It answers like a CI product: with the id and the page of a job, and it has an endpoint
 * that stops the job. The first job works until it is stopped. Each later job works for a moment and succeeds.
 */

const JOB_STEP_MS = 200;
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
    if (isNew) await workUntilStopped(JSON.parse(body) as WebhookBody, job, () => stopped.has(job));
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

async function workUntilStopped({ run }: WebhookBody, job: number, isStopped: () => boolean): Promise<void> {
  const heartbeats = run.callbackUrl.replace(/callback$/, "heartbeat");
  const steps = job === 1 ? STEPS_MAX : 2;
  for (let step = 0; step < steps && !isStopped(); step++) {
    await postAs(run, heartbeats, { message: `job ${job} is at work` });
    await delay(JOB_STEP_MS);
  }
  const isDone = job > 1 && !isStopped();
  await postAs(run, run.callbackUrl, isDone ? { status: "succeeded" } : { status: "failed", error: "stopped" });
}
