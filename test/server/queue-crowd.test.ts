/**
 * 300 callers at once for one concurrency queue, through two isolates that share the coordinators. The receiver reports
 * the first runs as soon as it hears of them, so they pass the queue one by one.
 */

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { parseEnv } from "node:util";
import type { V4WorkerOptions } from "miniflare";
import { afterAll, expect, inject, it } from "vitest";
import { newMiniflare } from "../../src/dev/miniflare.ts";
import { newSecrets } from "../../src/dev/server.ts";
import { serve } from "../support/node-server.ts";

import { type ActionRun, ask, createToken } from "./load.ts";
import { QUICK_FILES } from "./quick-files.ts";
import { until } from "./until.ts";

/** A quarter of those that wait for a queue, 250, may be one token's. So two tokens share these. */
const CALLERS = 300;
/** How many of them start, one by one. Each takes some tens of ms. */
const SERVED = 25;
const ENVIRONMENT = "acme/shop/envs/prod";

interface Waiting extends ActionRun {
  readonly details: { readonly waiting: { readonly position: number; readonly behind: readonly string[] } | null };
}

const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** The built service twice. The second isolate calls the objects of the first one. */
async function openTwice(): Promise<{ readonly origins: readonly string[]; readonly token: string }> {
  const { worker, state } = inject("beginning");
  const folder = mkdtempSync(join(QUICK_FILES, "action-runs-crowd-"));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(state, "v3"), folder, { recursive: true });
  const variables = parseEnv(`${newSecrets()}ALLOW_INSECURE_WEBHOOKS=true\n`) as Record<string, string>;
  const first = worker.name ?? "";
  const service = (name: string): V4WorkerOptions => ({
    ...worker,
    name,
    bindings: { ...worker.bindings, ...variables },
    durableObjects: {
      COORDINATORS: { className: "RunCoordinator", useSQLite: true, ...(name === first ? {} : { scriptName: first }) },
    },
    unsafeDirectSockets: [{}],
  });
  const miniflare = newMiniflare(folder, { handleStructuredLogs: () => {}, workers: [first, "second"].map(service) });
  cleanUps.push(() => miniflare.dispose());
  await miniflare.ready;
  const urls = [first, "second"].map((name) => miniflare.unsafeGetDirectURL(name));
  return { origins: (await Promise.all(urls)).map(({ origin }) => origin), token: variables.ROOT_TOKEN ?? "" };
}

/** What the receiver is sent. Only the receiver gets the callback token. */
interface Job {
  readonly id: string;
  readonly callbackUrl: string;
  readonly callbackToken: string;
}
const JOB = { id: "{{ run.id }}", callbackUrl: "{{ run.callbackUrl }}", callbackToken: "{{ run.callbackToken }}" };

async function receive(heard: (job: Job) => void): Promise<string> {
  const { url, close } = await serve(async (request, response) => {
    heard((await json(request)) as Job);
    response.writeHead(202).end();
  });
  cleanUps.push(close);
  return `${url}/jobs`;
}

it("300 callers at once for one concurrency queue wait in order, and each end starts exactly the next one", async () => {
  const { origins, token } = await openTwice();
  const jobs: Job[] = [];
  const reports: Promise<string>[] = [];
  let mayReport = false;
  /** Runs that were heard of before the report on the run before them was sent. */
  const tooEarly: string[] = [];
  async function report({ callbackUrl, callbackToken: token }: Job): Promise<string> {
    const report = { token, body: { status: "succeeded" } };
    const { status, body } = await ask<{ readonly code?: string }>("POST", callbackUrl, report);
    return `${status} ${body.code ?? ""}`;
  }
  const url = await receive((job) => {
    // On a busy machine, the first response can take longer than an attempt may, and then the same job comes again.
    if (jobs.some(({ id }) => id === job.id)) return;
    if (jobs.length > reports.length) tooEarly.push(job.id);
    jobs.push(job);
    if (mayReport && jobs.length < SERVED) reports.push(report(job));
  });

  const trigger = { type: "webhook", url, payload: JOB };
  const action = `${origins[0]}/${ENVIRONMENT}/actions/deploy`;
  const definition = { trigger, concurrency: { group: "deploys" } };
  expect((await ask("PUT", action, { token, body: definition })).status).toBe(201);
  const tokens = await Promise.all(
    ["ci", "portal"].map((name) => createToken(`${origins[0]}/acme/shop`, token, { name, role: "member" })),
  );

  const answers = await Promise.all(
    Array.from({ length: CALLERS }, (_, n) =>
      ask<ActionRun>("POST", `${origins[n % 2]}/${ENVIRONMENT}/actions/deploy/runs`, {
        token: tokens[(n >> 1) % 2] ?? "",
        body: {},
        key: `crowd-${n}`,
      }),
    ),
  );
  expect(answers.filter(({ status }) => status !== 201)).toEqual([]);
  const ids = new Set(answers.map(({ body }) => body.id));
  expect(ids.size).toBe(CALLERS);

  await until("the first run is heard of", () => jobs.length > 0);
  const shown = await Promise.all(
    [...ids].map(async (id, n) => {
      const path = `${origins[n % 2]}/${ENVIRONMENT}/action-runs/${id}?include=details`;
      return (await ask<Waiting>("GET", path, { token })).body;
    }),
  );
  const [first] = jobs;
  if (first === undefined) throw new Error("no run was heard of");
  const ahead = first.id;
  expect(shown.filter(({ details }) => details.waiting === null).map(({ id }) => id)).toEqual([ahead]);
  const queued = shown
    .flatMap(({ id, details: { waiting } }) => (waiting === null ? [] : [{ id, ...waiting }]))
    .toSorted((a, b) => a.position - b.position);
  expect(queued.map(({ position, behind }) => [position, ...behind])).toEqual(
    Array.from({ length: CALLERS - 1 }, (_, n) => [n + 1, ahead]),
  );

  mayReport = true;
  reports.push(report(first));
  await until("the next runs are heard of", () => jobs.length >= SERVED);
  expect(new Set(await Promise.all(reports))).toEqual(new Set(["200 "]));
  expect(jobs.map(({ id }) => id)).toEqual([ahead, ...queued.slice(0, SERVED - 1).map(({ id }) => id)]);
  expect(tooEarly).toEqual([]);
});
