/** Stored actions of an imagined CI product, and runs of them: attempts that fail, progress, a link, a cancel. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "../client/index.ts";
import { postAs, readBody, type WebhookBody } from "./receiver.ts";

/** How the product treats the next run. */
interface Fate {
  /** How many attempts it refuses. */
  readonly refuses: number;
  /** The heartbeats of the job, oldest first. */
  readonly news?: readonly { readonly message: string; readonly progress: number }[];
  /** The output with which the job succeeds. Without it the job keeps running. */
  readonly output?: Record<string, unknown>;
}

/** The pause before each heartbeat of a job. */
const STEP_MS = 700;
const DEPLOYING = [
  { message: "Building the image", progress: 0.1 },
  { message: "Pushing 3 of 7 layers", progress: 0.35 },
  { message: "Replacing 2 of 3 replicas in eu-west-1", progress: 0.64 },
];
const ROLLING_BACK = [
  { message: "Replacing 1 of 3 replicas in eu-west-1", progress: 0.3 },
  { message: "Replacing 3 of 3 replicas in eu-west-1", progress: 0.9 },
];
const DEPLOY = {
  type: "object",
  required: ["version"],
  properties: {
    version: { type: "string", title: "Version", pattern: "^[0-9]+[.][0-9]+[.][0-9]+$" },
    region: { type: "string", title: "Region", enum: ["eu-west-1", "us-east-1"], default: "eu-west-1" },
    replicas: { type: "integer", title: "Replicas", minimum: 1, maximum: 20, default: 3 },
    canary: { type: "boolean", title: "Send one request of 100 first", default: false },
  },
  additionalProperties: false,
};

/**
 * The operator stores the actions, and a person runs some. The last run is running, after two attempts that the product
 * refused. The service must allow webhooks to this machine.
 */
export async function seedActions(operator: Client, person: Client): Promise<void> {
  const product = await startProduct();
  try {
    const trigger = {
      type: "webhook",
      url: `${product.origin}/jobs`,
      retry: { initialDelayMs: 400 },
      link: "{{ response.web_url }}",
    } as const;
    await operator.actions.put("deploy", {
      description: "Builds a version of the shop and replaces the replicas of one region.",
      parametersSchema: DEPLOY,
      labels: ["team:payments"],
      timeout: 30,
      trigger,
    });
    await operator.actions.put("rollback", {
      description: "Puts the version before the last one back.",
      parametersSchema: { type: "object", properties: { reason: { type: "string", title: "Reason" } } },
      labels: ["team:payments"],
      timeout: 10,
      trigger,
    });
    await operator.actions.put("provision-database", {
      description: "Creates a database of one size in one region.",
      parametersSchema: {
        type: "object",
        required: ["size"],
        properties: { size: { type: "string", title: "Size", enum: ["small", "medium", "large"] } },
      },
      timeout: 120,
    });
    const run = async (name: string, parameters: Record<string, unknown>, fate: Fate) => {
      const isAtWork = product.treatNext(fate);
      const { id } = await person.actions.run(name, { parameters });
      // A run that the product never accepts has no job.
      await Promise.race([isAtWork, person.runs.wait(id)]);
    };
    const provisioned = await person.actions.run("provision-database", { parameters: { size: "small" } });
    await person.runs.cancel(provisioned.id, { reason: "the wrong size", graceSeconds: 0 });
    const reason = "the checkout is slow";
    await run("rollback", { reason }, { refuses: 3 });
    await run("rollback", { reason }, { refuses: 1, news: ROLLING_BACK, output: { version: "1.4.1" } });
    const version = { version: "1.4.2", region: "eu-west-1", replicas: 3, canary: false };
    await run("deploy", version, { refuses: 2, news: DEPLOYING });
  } finally {
    await product.close();
  }
}

interface Product {
  readonly origin: string;
  /**
   * Sets how the next dispatch is treated. Resolves when its job has sent all heartbeats, and its report if it has one.
   */
  treatNext(fate: Fate): Promise<void>;
  close(): Promise<void>;
}

async function startProduct(): Promise<Product> {
  const left = new Map<string, number>();
  let fate: Fate = { refuses: 0 };
  let isDone = () => {};
  let jobs = 4200;
  const server = createServer(async (request, response) => {
    const body = await readBody(request);
    const id = String(request.headers["webhook-id"]);
    const refusals = left.get(id) ?? fate.refuses;
    left.set(id, refusals - 1);
    const answer = refusals > 0 ? { error: "No runner is free. Try again." } : jobAt(++jobs);
    response.writeHead(refusals > 0 ? 503 : 202, { "Content-Type": "application/json" });
    response.end(JSON.stringify(answer));
    if (refusals > 0) return;
    await work(JSON.parse(body) as WebhookBody, fate);
    isDone();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    treatNext(next) {
      fate = next;
      return new Promise((resolve) => {
        isDone = resolve;
      });
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const jobAt = (job: number) => ({ id: job, web_url: `https://ci.example.com/jobs/${job}` });

async function work({ run }: WebhookBody, { news = [], output }: Fate): Promise<void> {
  for (const one of news) {
    await delay(STEP_MS);
    await postAs(run, run.callbackUrl.replace(/callback$/, "heartbeat"), one);
  }
  if (output !== undefined) await postAs(run, run.callbackUrl, { status: "succeeded", output });
}
