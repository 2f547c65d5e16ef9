/** Fills a server with runs to look at in the console: many actions, people, labels, durations and ends. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { type Callback, type Client, callback, createClient } from "../../src/client/index.ts";
import { EXAMPLE_ENVIRONMENT } from "../../src/dev/server.ts";
import { callTool } from "./agent.ts";

const RUNS = 200;
/** The pause between two creates. */
const PACE_MS = 200;
const LONGEST_MS = 25_000;
const PEOPLE = ["ci", "anna", "gitlab", "nightly"];
const ACTIONS: readonly (readonly [name: string, entities: number, labels: readonly string[]])[] = [
  ["deploy", 3, ["team:payments", "region:eu"]],
  ["build-image", 2, ["team:platform"]],
  ["rotate-keys", 1, ["team:security", "scheduled"]],
  ["backup-database", 2, ["scheduled", "region:eu", "tier:1"]],
  ["provision-preview-environment", 2, ["team:web"]],
  ["run-smoke-tests", 0, []],
];
const SERVICES = ["checkout", "catalog", "search", "storefront"];
const ERRORS = [
  "3 of 214 tests failed: checkout/payment.spec.ts, checkout/refund.spec.ts, catalog/price.spec.ts",
  "The image registry answered 503 after 4 tries.",
  "Exit code 137: out of memory",
];

/**
 * Resolves when all runs are created and all but the last few have ended. Takes about a minute. The server must allow
 * webhooks to this machine.
 */
export async function seed(baseUrl: string, rootToken: string): Promise<void> {
  const operator = createClient({ baseUrl, token: rootToken, ...EXAMPLE_ENVIRONMENT });
  const people = await Promise.all(
    PEOPLE.map(async (name) => {
      const { token } = await operator.tokens.create({ name, role: "member", envName: EXAMPLE_ENVIRONMENT.env });
      return createClient({ baseUrl, token, ...EXAMPLE_ENVIRONMENT });
    }),
  );
  const random = numbers(7);
  const lives: Promise<void>[] = [];
  for (let index = 0; index < RUNS; index++) {
    const person = people[Math.floor(random() ** 2 * people.length)];
    if (person !== undefined) lives.push(live(person, index, random));
    await delay(PACE_MS);
  }
  await Promise.all(lives);
  await seedBulk(operator, people[1] ?? operator);
  await seedActions(operator, people[1] ?? operator);
  await seedGates(operator, people[1] ?? operator);
  const { org, project, env } = EXAMPLE_ENVIRONMENT;
  const ada = { name: "agent-of-ada", person: "ada@example.com", role: "member", envName: env } as const;
  const { token } = await operator.tokens.create(ada);
  await seedAgent({ baseUrl, path: `/${org}/${project}/envs/${env}`, token });
}

/** The life of one run. The last ones stay open. */
async function live(client: Client, index: number, random: () => number): Promise<void> {
  const [actionName, entities, labels] = pick(ACTIONS, random) ?? ["deploy", 0, []];
  const endsAfterMs = LONGEST_MS * random() ** 4 + 150;
  const fate = random();
  const service = pick(SERVICES, random) ?? "";
  const isDeploy = actionName === "deploy";
  const run = await client.runs.create({
    actionName,
    ...(isDeploy && { title: `deploy ${service} 1.${index}.0`, subject: service }),
    entityId: entities === 0 ? null : entityId(actionName, Math.floor(random() * entities)),
    labels: labels.filter(() => random() < 0.8),
    parameters: { version: `1.${index}.0`, region: "eu-west-1", dryRun: random() < 0.2, replicas: 3 },
  });
  const workflow = callback(run.callback.url, run.callback.token);
  const left = RUNS - index;
  if (left === 1 || left === 4) return;
  await workflow.heartbeat({
    message: "Running the tests",
    progress: 0.4,
    externalUrl: `https://ci.example.com/jobs/${4000 + index}`,
  });
  if (left < 8) {
    if (left === 5) await client.runs.cancel(run.id, { reason: "wrong branch", graceSeconds: 3600 });
    return;
  }
  await delay(endsAfterMs);
  if (fate < 0.06) await client.runs.cancel(run.id, { reason: "wrong branch", graceSeconds: 0 });
  else if (fate < 0.18) await workflow.fail(pick(ERRORS, random) ?? "");
  else await workflow.succeed({ url: `https://${actionName}.shop.example`, artifacts: index });
}

/** A person retries what failed, and the operator cancels the new runs. */
async function seedBulk(operator: Client, person: Client): Promise<void> {
  const label = "team:payments";
  const failed = operator.runs.list({ status: ["failed"], label: [label], limit: 3 });
  const { entries: runs } = await failed.page();
  const retry = { operation: "retry", runIds: runs.map(({ id }) => id) } as const;
  const done = await person.bulkOperations.wait((await person.bulkOperations.create(retry)).id);
  await operator.bulkOperations.create({
    operation: "cancel",
    reason: "the version is withdrawn",
    maxRuns: 100,
    filter: { status: ["pending"], labels: [label], createdAfter: done.createdAt },
  });
}

/** A UUID for an entity: always the same for the same action and number. */
function entityId(actionName: string, number: number): string {
  const hex = createHash("sha256").update(`${actionName} ${number}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function pick<T>(values: readonly T[], random: () => number): T | undefined {
  return values[Math.floor(random() * values.length)];
}

/** The same numbers each time (mulberry32), so that two pictures can be compared. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** How an imagined CI product treats the next run. */
interface Fate {
  /** How many attempts it refuses. */
  readonly refuses: number;
  /** The heartbeats of the job, oldest first. */
  readonly news?: readonly { readonly message: string; readonly progress: number; readonly tail?: string }[];
  /** The output with which the job succeeds. Without it the job keeps running. */
  readonly output?: Record<string, unknown>;
}

/** The pause before each heartbeat of a job. */
const STEP_MS = 700;
/** What a deploy prints. */
const PRINTED = Array.from(
  { length: 60 },
  (_, n) => `[eu-west-1] replica ${1 + (n % 3)}: health check ${n + 1} passed\n`,
);
const DEPLOYING = [
  { message: "Building the image", progress: 0.1 },
  { message: "Pushing 3 of 7 layers", progress: 0.35 },
  { message: "Replacing 2 of 3 replicas in eu-west-1", progress: 0.64, tail: PRINTED.join("") },
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
async function seedActions(operator: Client, person: Client): Promise<void> {
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
      title: "deploy shop {{ parameters.version }} to {{ parameters.region }}",
      subject: "{{ parameters.region }}",
      parametersSchema: DEPLOY,
      labels: ["team:payments"],
      timeout: 30,
      trigger,
    });
    await operator.actions.put("rollback", {
      description: "Puts the version before the last one back.",
      title: "roll back: {{ parameters.reason }}",
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
    await operator.schedules.put("nightly", {
      action: "deploy",
      cron: "30 2 * * MON-FRI",
      timezone: "Europe/Berlin",
      parameters: version,
      labels: ["planned"],
    });
    await run("deploy", version, { refuses: 2, news: DEPLOYING });
  } finally {
    await product.close();
  }
}

interface WebhookBody {
  readonly run: { readonly callbackUrl: string; readonly callbackToken: string };
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
    const { run } = (await json(request)) as WebhookBody;
    const id = String(request.headers["webhook-id"]);
    const refusals = left.get(id) ?? fate.refuses;
    left.set(id, refusals - 1);
    const answer = refusals > 0 ? { error: "No runner is free. Try again." } : jobAt(++jobs);
    response.writeHead(refusals > 0 ? 503 : 202, { "Content-Type": "application/json" });
    response.end(JSON.stringify(answer));
    if (refusals > 0) return;
    await work(callback(run.callbackUrl, run.callbackToken), fate);
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

async function work(report: Callback, { news = [], output }: Fate): Promise<void> {
  for (const one of news) {
    await delay(STEP_MS);
    await report.heartbeat(one);
  }
  if (output !== undefined) await report.succeed(output);
}

const HOUR_MS = 3_600_000;
/** Nobody answers there. So a run that is released stays in its queue while the service tries again. */
const NOBODY_URL = "http://127.0.0.1:9/deploy/{{ parameters.version }}";

/** Runs that wait for approval, for their time, in a queue and for the end of a pause. The operator may approve them. */
async function seedGates(operator: Client, person: Client): Promise<void> {
  const trigger = {
    type: "webhook" as const,
    url: NOBODY_URL,
    headers: { Authorization: "Bearer {{ secrets.ci }}" },
    secrets: { ci: "an-example-secret" },
    payload: { version: "{{ parameters.version }}" },
  };
  const parametersSchema = { properties: { version: { type: "string" }, service: { type: "string" } } };
  const key = "{{ parameters.service }}";
  await operator.actions.put("release", {
    description: "Releases a service. Two people must approve it.",
    title: "release {{ parameters.service }} {{ parameters.version }}",
    subject: "{{ parameters.service }}",
    trigger,
    parametersSchema,
    approval: { required: 2 },
    concurrency: { group: "releases", key },
    agents: { description: "Asks for the release of a service. People decide." },
  });
  await operator.actions.put("migrate", {
    description: "Migrates the database, one run at a time.",
    title: "migrate {{ parameters.service }} to {{ parameters.version }}",
    trigger,
    parametersSchema,
    concurrency: { group: "database" },
  });
  for (const more of [{}, { concurrency: { group: "cluster" } }])
    await operator.actions.put("resize", { trigger, parametersSchema, ...more });
  const freeze = { reason: "the cluster is being moved", until: later(3) };
  await operator.pauses.put("cluster", freeze);
  await operator.webhookEndpoints.put("on-call", {
    url: "https://chat.example.com/hooks/on-call",
    events: ["action_run.failed"],
  });
  const run = (name: string, more = {}) =>
    person.actions.run(name, { parameters: { version: "1.4.2", service: "checkout" }, ...more });
  await run("resize");
  for (let count = 0; count < 3; count++) await run("migrate");
  await run("migrate", { notBefore: later(9) });
  await run("release");
}

function later(hours: number): string {
  return new Date(Date.now() + hours * HOUR_MS).toISOString();
}

/** A person's agent asks for a release, which waits for approval, and cancels another one. */
async function seedAgent(place: Parameters<typeof callTool>[0]): Promise<void> {
  const call = (tool: string, args: object) => callTool(place, "claude-code", tool, args);
  await call("run_release", { version: "1.5.0", service: "catalog" });
  const { id } = await call("run_release", { version: "1.5.1", service: "catalog" });
  await call("cancel_run", { id, reason: "the wrong version" });
}
