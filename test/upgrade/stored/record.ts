/**
 * Writes down what a release stores: `node --no-warnings test/upgrade/stored/record.ts 1.0.0`. A real server gets runs
 * in every state, definitions, tokens and what else it keeps. The file has the statements that make its database and
 * the journal of its environment again, and what the release answers then. Make the file when the release is cut, and
 * never again: stored.test.ts lets the code of today read it.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../../src/dev/server.ts";
import { ROOT } from "../../../src/dev/wrangler.ts";
import { serve } from "../../support/node-server.ts";

/** The settings of the tests in the runtime (vitest.config.ts), so that they open what is sealed. */
const SETTINGS = {
  CALLBACK_SIGNING_KEYS: "a-signing-key-for-tests-of-32-bytes-and-more",
  ROOT_TOKEN: "a-root-token-for-tests-of-32-characters",
  ALLOW_INSECURE_WEBHOOKS: "true",
};
const PROJECT = "/acme/stored";
const ENVIRONMENT = `${PROJECT}/envs/production`;
const RUNS = `${ENVIRONMENT}/action-runs`;
const SIGNING_SECRET = `whsec_${Buffer.alloc(24, "stored").toString("base64")}`;
const HOUR_MS = 3_600_000;
const UNTIL_MS = 90_000;

interface Made {
  readonly id: string;
  readonly callback: { readonly token: string };
}

const [version] = process.argv.slice(2);
if (version === undefined || !/^\d+\.\d+\.\d+$/.test(version)) {
  console.error("Name the release, as in: node --no-warnings test/upgrade/stored/record.ts 1.0.0");
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), "action-runs-stored-"));
try {
  await record(version);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function record(release: string): Promise<void> {
  const file = join(folder, "settings.env");
  writeFileSync(
    file,
    Object.entries(SETTINGS)
      .map((pair) => `${pair.join("=")}\n`)
      .join(""),
    { mode: 0o600 },
  );
  const port = await freePort();
  const flags = ["--persist-to", join(folder, "state"), "--env-file", file, "--port", String(port)];
  const server = spawn(process.execPath, ["--no-warnings", "src/dev/dev.ts", ...flags], {
    cwd: ROOT,
    stdio: "inherit",
  });
  const ended = once(server, "close");
  const { at, tokens, answers } = await answersOf(askerOf(`http://localhost:${port}`)).finally(async () => {
    server.kill("SIGINT");
    await ended;
  });
  const state = join(folder, "state/v3");
  const stored = {
    at,
    environment: ENVIRONMENT,
    tokens,
    d1: dumpOf(join(state, "d1/miniflare-D1DatabaseObject")),
    journal: dumpOf(join(state, "do/action-runs-RunCoordinator")),
    answers,
  };
  // Nobody listens on this port, so what starts later reaches nothing.
  const text = linesOf(stored).replaceAll(new URL(tokens.receiver).host, "127.0.0.1:9");
  writeFileSync(new URL(`${release}.json`, import.meta.url), `${text}\n`);
}

async function answersOf(ask: Asker) {
  let last: unknown;
  const isReady = async () => {
    const { status, body } = await ask("GET", "/readyz");
    last = body;
    return status === 200;
  };
  const tried = () =>
    isReady().catch((error: unknown) => {
      last = String(error);
      return false;
    });
  await until(tried).catch((error) => {
    throw new Error(`The server does not become ready: ${JSON.stringify(last)}`, { cause: error });
  });
  const tokens = await seed(ask);
  await until(async () => {
    const { body } = await ask("GET", `${ENVIRONMENT}/metrics`);
    return /^action_runs_unreplicated 0$/m.test(String(body));
  });
  const answers: Record<string, unknown> = {};
  for (const path of await pathsOf(ask)) {
    const { status, body } = await ask("GET", path);
    if (status !== 200) throw new Error(`GET ${path} answered ${JSON.stringify(body)}`);
    answers[path] = body;
  }
  return { at: Date.now(), tokens, answers };
}

type Asker = (
  method: string,
  path: string,
  body?: object,
  headers?: Readonly<Record<string, string>>,
) => Promise<{ readonly status: number; readonly body: unknown }>;

function askerOf(origin: string): Asker {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: { Authorization: `Bearer ${SETTINGS.ROOT_TOKEN}`, "Content-Type": "application/json", ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("Content-Type")?.startsWith("application/json") === true;
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  };
}

/** Something of each kind that the service stores. Returns the secrets that the test needs. */
async function seed(ask: Asker) {
  const jobs: { readonly run: string; readonly url: string; readonly token: string }[] = [];
  const receiver = await serve(async (request, response) => {
    const body = (await json(request)) as { readonly run?: string; readonly url: string; readonly token: string };
    if (request.url === "/jobs" && body.run !== undefined) jobs.push({ ...body, run: body.run });
    response.writeHead(request.url === "/refusing" ? 422 : 202).end();
  });
  const made = async (method: string, path: string, body: object, headers?: Readonly<Record<string, string>>) => {
    const answer = await ask(method, path, body, headers);
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${JSON.stringify(answer)}`);
    return answer.body;
  };
  const create = async (body: object, headers?: Readonly<Record<string, string>>) =>
    (await made("POST", RUNS, { actionName: "report", ...body }, headers)) as Made;
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
  const callback = ({ id, callback: { token } }: Made, path: string, body: object) =>
    made("POST", `${RUNS}/${id}/${path}`, body, bearer(token));

  const payload = { run: "{{ run.id }}", url: "{{ run.callbackUrl }}", token: "{{ run.callbackToken }}" };
  const trigger = { type: "webhook", url: `${receiver.url}/jobs`, payload, signingSecret: SIGNING_SECRET };
  await made("PUT", `${ENVIRONMENT}/webhook-endpoints/ops`, { url: `${receiver.url}/ops`, events: ["action_run.*"] });
  await made("PUT", `${ENVIRONMENT}/webhook-endpoints/refusing`, {
    url: `${receiver.url}/refusing`,
    events: ["action_run.failed"],
  });
  const deploy = {
    trigger,
    title: "deploy {{ parameters.version }}",
    subject: "shop",
    parametersSchema: { type: "object", properties: { version: { type: "string" } }, required: ["version"] },
    retry: { attempts: 1, delaySeconds: 86_400 },
    inbound: { verify: "token", secret: "a-secret-for-events-in-the-stored-release", parameters: "{{ body }}" },
  };
  await made("PUT", `${ENVIRONMENT}/actions/deploy`, { ...deploy, description: "Deploys a version." });
  await made("PUT", `${ENVIRONMENT}/actions/deploy`, deploy);
  await made("PUT", `${ENVIRONMENT}/actions/migrate`, {
    trigger,
    approval: { required: 1 },
    agents: { description: "Migrates the database." },
    concurrency: { group: "migrations", limit: 1 },
  });
  await made("PUT", `${ENVIRONMENT}/actions/queued`, { trigger, concurrency: { group: "queue", limit: 1 } });
  await made("PUT", `${ENVIRONMENT}/schedules/yearly`, {
    action: "deploy",
    cron: "0 0 1 1 *",
    timezone: "UTC",
    parameters: { version: "next" },
  });
  const inAnHour = new Date(Date.now() + HOUR_MS).toISOString();
  const pause = { reason: "the weekend", from: inAnHour };
  await made("PUT", `${ENVIRONMENT}/pauses/queue`, pause);
  const member = (await made("POST", `${PROJECT}/tokens`, {
    name: "ci",
    role: "member",
    person: "ada@example.com",
  })) as { readonly token: string };
  const owner = (await made("POST", `${PROJECT}/tokens`, { name: "owner", role: "owner" })) as {
    readonly token: string;
  };

  const pending = await create({ parameters: { n: 1 }, timeout: 1440 }, { "Idempotency-Key": "stored-pending" });
  const running = await create({ labels: ["a", "b"], entityId: "0190a5d0-ac96-774b-8cce-b302099a8057", timeout: 1440 });
  await callback(running, "heartbeat", { progress: 0.4, message: "half", externalUrl: "https://ci.example.com/1" });
  const succeeded = await create({ recommendations: { next: "nothing" } });
  await callback(succeeded, "callback", { status: "succeeded", output: { url: "https://shop.example" } });
  const failed = await create({});
  await callback(failed, "callback", { status: "failed", error: "no space left" });
  const cancelled = await create({});
  await made("POST", `${RUNS}/${cancelled.id}/cancel`, { reason: "not needed" });
  const stopping = await create({ timeout: 1440 });
  await callback(stopping, "heartbeat", {});
  await made("POST", `${RUNS}/${stopping.id}/cancel`, { graceSeconds: 3600 });
  const erased = await create({ title: "erase me", parameters: { name: "somebody" } });
  await callback(erased, "callback", { status: "succeeded", output: { name: "somebody" } });
  const wish = { reason: "they asked" };
  await made("POST", `${RUNS}/${erased.id}/erase`, wish, bearer(owner.token));

  const asMember = bearer(member.token);
  const start = (action: string, body: object = {}) =>
    made("POST", `${ENVIRONMENT}/actions/${action}/runs`, body, asMember) as Promise<Made>;
  const deployed = await start("deploy", { parameters: { version: "1.4.2" } });
  await start("migrate");
  await start("queued");
  await start("queued");
  await until(async () => jobs.some(({ run }) => run === deployed.id));
  const job = jobs.find(({ run }) => run === deployed.id);
  const { pathname } = new URL(job?.url ?? "");
  const failure = { status: "failed", error: "the receiver said no" };
  await made("POST", pathname, failure, bearer(job?.token ?? ""));
  const order = { operation: "cancel", runIds: [failed.id], reason: "all of them" };
  const { id: bulk } = (await made("POST", `${ENVIRONMENT}/bulk-operations`, order)) as { readonly id: string };
  await until(async () => {
    const { body } = await ask("GET", `${ENVIRONMENT}/bulk-operations/${bulk}`);
    return (body as { readonly completedAt: string | null }).completedAt !== null;
  });
  // The endpoints have heard of all ends, and the retry is planned.
  await until(async () => {
    const { body } = await ask("GET", `${ENVIRONMENT}/webhook-endpoints/ops/deliveries`);
    const deliveries = body as readonly { readonly status: string }[];
    return deliveries.length >= 6 && deliveries.every(({ status }) => status !== "pending");
  });
  await receiver.close();
  return {
    receiver: receiver.url,
    member: member.token,
    pending: { id: pending.id, callback: pending.callback.token },
  };
}

/** What the release is asked. */
async function pathsOf(ask: Asker): Promise<readonly string[]> {
  const { body } = await ask("GET", `${RUNS}?limit=100`);
  const ids = (body as readonly { readonly id: string }[]).map(({ id }) => id);
  const definitions = ["actions/deploy", "actions/migrate", "webhook-endpoints/ops", "schedules/yearly"];
  return [
    `${RUNS}?include=details&limit=100`,
    ...["summary", "facets?field=actionName&contains=re"].map((path) => `${RUNS}/${path}`),
    ...ids.flatMap((id) => [`${RUNS}/${id}?include=details`, `${RUNS}/${id}/events`]),
    ...["actions", "webhook-endpoints", "schedules", "concurrency-groups", "pauses", "bulk-operations"].map(
      (path) => `${ENVIRONMENT}/${path}`,
    ),
    ...definitions.flatMap((path) => [`${ENVIRONMENT}/${path}`, `${ENVIRONMENT}/${path}/versions`]),
    ...["ops", "refusing"].map((name) => `${ENVIRONMENT}/webhook-endpoints/${name}/deliveries`),
    `${PROJECT}/tokens`,
    `${PROJECT}/audit`,
  ];
}

/** The statements that make the only database of a folder again. */
function dumpOf(where: string): readonly string[] {
  const [file] = readdirSync(where).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  const db = new DatabaseSync(join(where, file ?? ""));
  const entries = db
    .prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
    .all() as unknown as { readonly type: string; readonly name: string; readonly sql: string }[];
  // The runtime's own tables and SQLite's are made by them.
  const own = entries.filter(({ name }) => !/^(_cf|sqlite_)/.test(name));
  const tables = own.filter(({ type }) => type === "table");
  const rows = tables.flatMap(({ name }) => {
    const columns = db
      .prepare("SELECT name FROM pragma_table_info(?)")
      .all(name)
      .map((column) => `"${column.name}"`);
    const values = columns.map((column) => `quote(${column})`).join(" || ', ' || ");
    const all = db.prepare(`SELECT ${values} AS row FROM "${name}"`).all();
    return all.map(({ row }) => `INSERT INTO "${name}" (${columns.join(", ")}) VALUES (${row})`);
  });
  const others = own.filter(({ type }) => type !== "table");
  return [...tables.map(({ sql }) => sql), ...rows, ...others.map(({ sql }) => sql)];
}

/** JSON with a line for each statement and each answer. */
function linesOf(stored: object): string {
  const lines = (values: readonly string[]) => values.map((value) => `    ${value}`).join(",\n");
  const members = Object.entries(stored).map(([name, value]) => {
    if (Array.isArray(value)) return `  "${name}": [\n${lines(value.map((one) => JSON.stringify(one)))}\n  ]`;
    if (name !== "answers") return `  "${name}": ${JSON.stringify(value)}`;
    const answers = Object.entries(value).map(([path, body]) => `${JSON.stringify(path)}: ${JSON.stringify(body)}`);
    return `  "${name}": {\n${lines(answers)}\n  }`;
  });
  return `{\n${members.join(",\n")}\n}`;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const since = Date.now();
  while (!(await holds())) {
    if (Date.now() - since > UNTIL_MS) throw new Error(`never held: ${holds}`);
    await delay(100);
  }
}
