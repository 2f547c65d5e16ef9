/**
 * Clients that close their connection, over real sockets. The tests call the built Worker directly, because the proxy
 * of `wrangler dev` does not pass on that a client is gone.
 */

import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { newSecrets } from "../../src/dev/prepare.ts";
import { ROOT as PROJECT, runWrangler } from "../../src/dev/wrangler.ts";
import { WATCHERS_MAX, WATCHERS_PER_RUN, WATCHERS_PER_TOKEN } from "../../src/runs/coordinator/watchers.ts";
import { ask, type CreatedRun } from "./load.ts";
import { until } from "./until.ts";

const RUNS = "/acme/shop/envs/prod/action-runs";
/** Less than the 15 s until a stream's next comment, or the 25 s of a wait's call, would free a place. */
const AT_ONCE_MS = 8_000;

const folder = mkdtempSync(join(tmpdir(), "action-runs-hang-up-"));
const { ROOT_TOKEN = "", ...secrets } = parseEnv(newSecrets());
let miniflare: Miniflare;
let origin: URL;

beforeAll(async () => {
  const config = join(PROJECT, "wrangler.toml");
  await runWrangler(["deploy", "--dry-run", "--config", config, "--outdir", folder]);
  // Without static assets, because no test requests one.
  const { assets: _, modulesRules: __, ...worker } = unstable_getMiniflareWorkerOptions(config).workerOptions;
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      ...worker,
      log: new Log(LogLevel.ERROR),
      cf: false,
      telemetry: { enabled: false },
      handleStructuredLogs: () => {},
      modules: true,
      rootPath: folder,
      scriptPath: join(folder, readdirSync(folder).find((file) => file.endsWith(".js")) ?? ""),
      bindings: { ...(worker.bindings as object), ...secrets, ROOT_TOKEN },
    }),
  );
  origin = await miniflare.ready;
  const db = (await miniflare.getD1Database(
    "DB",
  )) as unknown as import("@cloudflare/workers-types").D1Database;
  for (const { queries } of await readD1Migrations(join(PROJECT, "migrations"))) {
    await db.batch(queries.map((query) => db.prepare(query)));
  }
});

afterAll(async () => {
  await miniflare?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

function url(path: string): string {
  return new URL(path, origin).href;
}

/** Creates tokens, one for each reader. */
function mintTokens(n: number): Promise<string[]> {
  const body = { name: "reader", role: "viewer" };
  const mint = () => ask<{ token: string }>("POST", url("/acme/shop/tokens"), { token: ROOT_TOKEN, body });
  return Promise.all(Array.from({ length: n }, async () => (await mint()).body.token));
}

/** Creates runs until one coordinator owns `n` of them. */
async function runsOfOneCoordinator(n: number): Promise<CreatedRun[]> {
  const runs: CreatedRun[] = [];
  while (runs.length < n) {
    const body = { actionName: "deploy" };
    const { body: run } = await ask<CreatedRun>("POST", url(RUNS), { token: ROOT_TOKEN, body });
    // These digits of the id are the coordinator's number.
    if (run.id.slice(15, 18) === "000") runs.push(run);
  }
  return runs;
}

/** Sends a request on a new socket, and does not read the response. */
async function request(path: string, token: string, accept = "*/*"): Promise<Socket> {
  const socket = connect(Number(origin.port), origin.hostname);
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${origin.host}\r\nAuthorization: Bearer ${token}\r\nAccept: ${accept}\r\n\r\n`,
  );
  return socket;
}

/** The status of an event stream, which is closed at once. */
async function streamStatus(run: CreatedRun, token: string): Promise<number> {
  const stop = new AbortController();
  const headers = { Authorization: `Bearer ${token}`, Accept: "text/event-stream" };
  const { status } = await fetch(url(`${RUNS}/${run.id}/events`), { headers, signal: stop.signal });
  stop.abort();
  return status;
}

function untilStatus(wanted: number, run: CreatedRun, token: string): Promise<void> {
  return until(`a stream gets ${wanted}`, async () => (await streamStatus(run, token)) === wanted);
}

test.each([
  ["waits", (id: string) => `${RUNS}/${id}?wait=60`, "*/*"],
  ["streams", (id: string) => `${RUNS}/${id}/events`, "text/event-stream"],
])("1000 %s free their places at once when their clients hang up", async (_what, pathOf, accept) => {
  const greedy = await mintTokens(WATCHERS_MAX / WATCHERS_PER_TOKEN);
  const [other = ""] = await mintTokens(1);
  const runs = await runsOfOneCoordinator(WATCHERS_MAX / WATCHERS_PER_RUN + 1);
  const free = runs.pop() as CreatedRun;
  const sockets: Socket[] = [];
  const openedAt = performance.now();
  for (let n = 0; n < WATCHERS_MAX; n++) {
    const { id } = runs[n % runs.length] as CreatedRun;
    sockets.push(await request(pathOf(id), greedy[n % greedy.length] ?? "", accept));
  }
  await untilStatus(503, free, other);

  const closedAt = performance.now();
  for (const socket of sockets) socket.resetAndDestroy();
  await untilStatus(200, free, other);
  // How long it took to open them says how busy this machine is.
  expect(performance.now() - closedAt).toBeLessThan(AT_ONCE_MS + (closedAt - openedAt));
  const waits = runs
    .slice(0, 4)
    .map((run, n) => ask("GET", url(`${RUNS}/${run.id}?wait=60`), { token: greedy[n] ?? "" }));
  for (const run of runs) {
    const { url: callback, token } = run.callback;
    await ask("POST", callback, { token, body: { status: "succeeded" } });
  }
  for (const { status, body } of await Promise.all(waits)) {
    expect([status, body]).toMatchObject([200, { status: "succeeded" }]);
  }
});

test("1000 waits of one token leave room for another token", async () => {
  const [greedy = "", other = ""] = await mintTokens(2);
  const runs = await runsOfOneCoordinator(4);
  const [run] = runs as [CreatedRun, ...CreatedRun[]];
  const sockets: Socket[] = [];
  for (let n = 0; n < WATCHERS_MAX; n++) {
    const { id } = runs[n % runs.length] as CreatedRun;
    sockets.push(await request(`${RUNS}/${id}?wait=60`, greedy));
  }
  await untilStatus(503, run, greedy);
  expect(await streamStatus(run, other)).toBe(200);
  const waiting = ask("GET", url(`${RUNS}/${run.id}?wait=60`), { token: other });
  const { url: callback, token } = run.callback;
  await ask("POST", callback, { token, body: { status: "succeeded" } });
  expect(await waiting).toMatchObject({ status: 200, body: { status: "succeeded" } });
  for (const socket of sockets) socket.resetAndDestroy();
});
