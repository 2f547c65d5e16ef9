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
import { ROOT } from "../../src/dev/wrangler.ts";
import { A_STEP_OF_A_MOVE_MS, ageMoves } from "../support/aged-moves.ts";
import { type ActionRun, ask, type Load, startLoad } from "./load.ts";
import { killAll, newPlace, type Place, type Server } from "./place.ts";
import { QUICK_FILES } from "./quick-files.ts";
import { journaled, type NumberedRows, rowsByDatabase } from "./state.ts";
import { until } from "./until.ts";

const CALLERS = 8;
const ENVIRONMENTS = ["prod", ...Array.from({ length: 12 }, (_, n) => `env-${n}`)];
/** Where new environments live. */
const OPEN = [1, 2];
const TARGET = 3;

interface EnvironmentDatabase {
  readonly database: number;
  readonly move: { readonly status: string; readonly from: number } | null;
}

const folder = mkdtempSync(join(QUICK_FILES, "action-runs-databases-"));
let place: Place;
let server: Server;

beforeAll(async () => {
  const config = join(folder, "wrangler.toml");
  const more = [1, 2, 3].map((n) => `[[d1_databases]]\nbinding = "DB_${n}"\nmigrations_dir = "migrations"\n`);
  const ours = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  // Before the first [[…]] that follows, so that each entry stays whole.
  writeFileSync(config, `${ours}\n${more.join("\n")}`);
  const state = join(folder, "state");
  const migrate = ["src/dev/migrate.ts", "--local", "--persist-to", state, "--config", config];
  const ran = spawnSync(process.execPath, migrate, { cwd: ROOT, encoding: "utf8" });
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  const { d1Databases } = unstable_getMiniflareWorkerOptions(config).workerOptions as V4WorkerOptions;
  const worker = { ...inject("beginning").worker, ...(d1Databases && { d1Databases }) };
  place = await newPlace(`NEW_ENVIRONMENTS=${OPEN.join()}\n`, { worker, state });
  server = await place.start();
});
afterAll(async () => {
  await place.remove();
  rmSync(folder, { recursive: true, force: true });
});

const runsOf = (environment: string) => place.runs.replace("/prod/", `/${environment}/`);
const scopeOf = (environment: string) => `acme/shop/${environment}`;

async function call<T>(method: string, url: string, expected: number, body?: object): Promise<T> {
  const answer = await ask<T>(method, url, { token: place.token, ...(body !== undefined && { body }) });
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

/** In which databases an environment has rows. */
function databasesWith(environment: string): number[] {
  const scope = scopeOf(environment);
  return rowsByDatabase(place.state)
    .filter(({ scopes }) => scopes.has(scope))
    .map(({ number }) => number);
}

it("spreads new environments over the databases of NEW_ENVIRONMENTS", async () => {
  for (const environment of ENVIRONMENTS) await call("POST", runsOf(environment), 201, { actionName: "deploy" });
  await until("every environment has landed", () => ENVIRONMENTS.every((one) => databasesWith(one).length > 0));
  const homes = ENVIRONMENTS.map(databasesWith);
  expect(homes.flat()).toHaveLength(ENVIRONMENTS.length);
  expect(new Set(homes.flat())).toEqual(new Set(OPEN));
});
