/**
 * Four databases, as a developer binds them: a configuration, `npm run migrate`, environments that are spread, and one
 * that moves under load while the server is killed.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V4WorkerOptions } from "miniflare";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { ROOT } from "../../../src/dev/wrangler.ts";
import { A_STEP_OF_A_MOVE_MS, ageMoves } from "../../support/databases/aged-moves.ts";
import { type Installation, killAll, newInstallation, type Server } from "../installation.ts";
import { type ActionRun, ask } from "../load.ts";
import { QUICK_FILES } from "../quick-files.ts";
import { idsByDatabase, JOURNALS, journaled } from "../state.ts";
import { until } from "../until.ts";
import { ListingCallers } from "./listing-callers.ts";

/** `MOVE_RUNS=100000 MOVE_CALLERS=16` moves a large environment. The suite has no time for it. */
const CALLERS = Number(process.env.MOVE_CALLERS ?? 2);
const RUNS_BEFORE = Number(process.env.MOVE_RUNS ?? 0);
/** Enough for a copy, and for callers to have runs before it begins. */
const RUNS = 80;
const ENVIRONMENTS = ["prod", ...Array.from({ length: 12 }, (_, n) => `env-${n}`)];
/** Where new environments live. */
const OPEN = [1, 2];
const TARGET = 3;

interface EnvironmentDatabase {
  readonly database: number;
  readonly move: { readonly from: number; readonly to: number; readonly status: string } | null;
}

const folder = mkdtempSync(join(QUICK_FILES, "action-runs-databases-"));
const migrate = (state: string, config: string) =>
  spawnSync(process.execPath, ["src/dev/migrate.ts", "--local", "--persist-to", state, "--config", config], {
    cwd: ROOT,
    encoding: "utf8",
  });
let installation: Installation;
let server: Server;

beforeAll(async () => {
  const config = join(folder, "wrangler.toml");
  const more = [1, 2, 3].map((n) => `[[d1_databases]]\nbinding = "DB_${n}"\nmigrations_dir = "migrations"\n`);
  const ours = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  writeFileSync(config, `${ours}\n${more.join("\n")}`);
  const state = join(folder, "state");
  expect(migrate(state, config)).toMatchObject({ status: 0, stderr: "" });
  const { d1Databases } = unstable_getMiniflareWorkerOptions(config).workerOptions as V4WorkerOptions;
  const worker = { ...inject("beginning").worker, ...(d1Databases && { d1Databases }) };
  installation = await newInstallation(`NEW_ENVIRONMENTS=${OPEN.join()}\n`, { worker, state });
  server = await installation.start();
});
afterAll(async () => {
  await installation.remove();
  rmSync(folder, { recursive: true, force: true });
});

const runsOf = (environment: string) => installation.runs.replace("/prod/", `/${environment}/`);
const scopeOf = (environment: string) => `acme/shop/${environment}`;

async function call<T>(method: string, url: string, expected: number, body?: object): Promise<T> {
  const answer = await ask<T>(method, url, { token: installation.token, ...(body !== undefined && { body }) });
  expect([method, url, answer.status, answer.body]).toEqual([method, url, expected, answer.body]);
  return answer.body;
}

/** Where an environment lives, and how far its move is. */
const databaseOf = (environment: string, status = 200, body?: object) =>
  call<EnvironmentDatabase>(
    body === undefined ? "GET" : "PUT",
    runsOf(environment).replace("action-runs", "database"),
    status,
    body,
  );

/** In which databases an environment has runs. */
function databasesWith(environment: string): number[] {
  const scope = scopeOf(environment);
  return [...idsByDatabase(installation.state)].filter(([, ids]) => ids.has(scope)).map(([number]) => number);
}

it("spreads new environments over the databases of NEW_ENVIRONMENTS", async () => {
  for (const environment of ENVIRONMENTS) await call("POST", runsOf(environment), 201, { actionName: "deploy" });
  await until("every environment is replicated", () => ENVIRONMENTS.every((one) => databasesWith(one).length > 0));
  const homes = ENVIRONMENTS.map(databasesWith);
  expect(homes.flat()).toHaveLength(ENVIRONMENTS.length);
  expect(new Set(homes.flat())).toEqual(new Set(OPEN));
});

/** All pages, newest first. */
async function listAll(): Promise<ActionRun[]> {
  const all: ActionRun[] = [];
  for (let next: string | null = `${installation.runs}?limit=200`; next !== null; ) {
    const answer: { readonly body: ActionRun[]; readonly headers: Headers } = await ask("GET", next, {
      token: installation.token,
    });
    all.push(...answer.body);
    next = /<([^>]+)>; rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1] ?? null;
  }
  return all;
}

/** Kills the server, and starts it again as if it had been down for `ms`. */
async function restart(ms: number): Promise<void> {
  await killAll(server);
  ageMoves(join(installation.state, JOURNALS), ms);
  server = await installation.start();
}

const moveIs = (status: string | null) =>
  until(`the move is ${status}`, async () => ((await databaseOf("prod")).move?.status ?? null) === status);

/** Runs that are there before the callers begin. */
async function createBefore(): Promise<void> {
  let left = RUNS_BEFORE;
  const create = async () => {
    while (left-- > 0) await call("POST", installation.runs, 201, { actionName: "deploy" });
  };
  await Promise.all(Array.from({ length: 16 }, create));
}

it("moves an environment under load, with kill -9 in the middle, loses nothing, and leaves nothing behind", async () => {
  await createBefore();
  const callers = new ListingCallers(installation.runs, installation.token, CALLERS);
  await until(`${RUNS} runs have ended`, () => callers.ended.length >= RUNS || callers.surprises.length > 0);
  const { database: from } = await databaseOf("prod");
  const asked = await databaseOf("prod", 202, { database: TARGET });
  expect(asked).toMatchObject({ database: from, move: { from, to: TARGET, status: "copying" } });
  await until("runs are in both databases", () => databasesWith("prod").length === 2);
  await restart(0);
  await moveIs("resting");
  expect(await databaseOf("prod")).toMatchObject({ database: TARGET });
  const more = callers.ended.length + CALLERS;
  await until("the callers go on", () => callers.ended.length >= more || callers.surprises.length > 0);
  await callers.stop();
  expect(callers.surprises).toEqual([]);

  await restart(A_STEP_OF_A_MOVE_MS);
  await moveIs("cleaned");
  expect(databasesWith("prod")).toEqual([TARGET]);
  await restart(A_STEP_OF_A_MOVE_MS);
  await moveIs(null);
  // Just after the start, a list can be stale.
  await until("every end is listed", async () => {
    const listed = await listAll();
    const succeeded = new Set(listed.filter(({ status }) => status === "succeeded").map(({ id }) => id));
    return callers.ended.every((id) => succeeded.has(id));
  });
  // The server may have died before the last runs were replicated. Their retry comes some seconds after the start.
  await until("every run is replicated, and nothing else is left", () => {
    const replicated = [...idsByDatabase(installation.state).values()].flatMap((scopes) => [...scopes.values()].flat());
    return String(replicated.toSorted()) === String([...journaled(installation.state).keys()].toSorted());
  });
});

it("npm run migrate stops if an environment lives in a local database that is not bound", async () => {
  await killAll(server);
  const config = join(folder, "one.toml");
  writeFileSync(config, readFileSync(join(ROOT, "wrangler.toml"), "utf8"));
  const { status, stderr } = migrate(installation.state, config);
  expect(status).toBe(1);
  expect(stderr).toMatch(/Environments live in database .*, which is not bound/);
});
