/** Makes the places, each with the schema that the service itself made, and has them filled. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { newSecrets } from "../../src/dev/prepare.ts";
import { ROOT } from "../../src/dev/wrangler.ts";
import { COORDINATORS, coordinatorOfKey } from "../../src/runs/run-id.ts";
import type { Clerks } from "./clerks.ts";
import { findFiles } from "./files.ts";
import {
  EMPTY,
  type EmptyPlace,
  type Layout,
  MEASURED,
  open,
  type Place,
  PROJECT,
  type Standing,
} from "./place.ts";
import { quiet } from "./quiet.ts";

/** A filled place, the API token of a member of its project, and a genuine run of each coordinator. */
export interface Filled extends Place {
  readonly token: string;
  /** Paths of runs that the service itself made: of the measured environment, and of the one that is almost empty. */
  readonly genuine: { readonly measured: readonly string[]; readonly empty: readonly string[] };
}

const LAYOUTS: readonly Layout[] = ["one", "spread"];

export async function makePlaces(
  folder: string,
  sizes: readonly number[],
  clerks: Clerks,
): Promise<Filled[]> {
  const now = Date.now();
  const empty = LAYOUTS.flatMap((layout) =>
    sizes.map((runs): EmptyPlace => {
      const place = { layout, runs, now, folder: join(folder, `${layout}-${runs}`), secrets: secrets() };
      mkdirSync(place.folder);
      return place;
    }),
  );
  const places = await Promise.all(empty.map(begin));
  await clerks.fill(places);
  return places;
}

function secrets(): Place["secrets"] {
  const { CALLBACK_SIGNING_KEYS = "", ROOT_TOKEN = "" } = parseEnv(newSecrets());
  return { CALLBACK_SIGNING_KEYS, ROOT_TOKEN };
}

/** The tables, a token, and in each coordinator a run that has ended. */
async function begin(place: EmptyPlace): Promise<Filled> {
  const standing = await open(place);
  try {
    for (const { queries } of await readD1Migrations(join(ROOT, "migrations"))) {
      await standing.db.batch(queries.map((query) => standing.db.prepare(query)));
    }
    const body = { name: "bench", role: "member" };
    const minted = await post(standing, `/${PROJECT}/tokens`, place.secrets.ROOT_TOKEN, body);
    const token = String(minted.token);
    const measured = await endedRuns(standing, token, MEASURED);
    const empty = await endedRuns(standing, token, EMPTY);
    // An alarm that is still to come would find what is filled in.
    await quiet([standing]);
    await standing.stop();
    return { ...place, files: findFiles(place), token, genuine: { measured, empty } };
  } catch (error) {
    await standing.stop();
    throw error;
  }
}

async function endedRuns(standing: Standing, token: string, envName: string): Promise<string[]> {
  const paths: string[] = [];
  for (let n = 0; n < COORDINATORS; n++) {
    const path = `/${PROJECT}/envs/${envName}/action-runs`;
    const run = await post(standing, path, token, { actionName: "deploy" }, keyOf(n));
    const callback = run.callback as { readonly token: string };
    await post(standing, `${path}/${run.id}/callback`, callback.token, { status: "succeeded" });
    paths.push(`${path}/${run.id}`);
  }
  return paths;
}

/** A key whose run a given coordinator owns. */
function keyOf(n: number): string {
  for (let k = 0; ; k++) {
    if (coordinatorOfKey(`first-${k}`) === n) return `first-${k}`;
  }
}

async function post(
  { origin }: Standing,
  path: string,
  token: string,
  body: object,
  key?: string,
): Promise<Record<string, unknown>> {
  const answer = await fetch(origin + path, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
      ...(key === undefined ? {} : { "Idempotency-Key": key }),
    },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}
