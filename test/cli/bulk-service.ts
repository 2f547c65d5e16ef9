/** A service that plays bulk operations as a test says, and the settings to reach it. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Schemas } from "../../src/client/index.ts";
import { cli, cliAtTerminal } from "./in-process.ts";
import { type BadServer, badServer, json, RUN } from "./misbehaving.ts";

type BulkOperation = Schemas["BulkOperation"];
type BulkPreview = Schemas["BulkPreview"];

export const ENVIRONMENT = "/acme/shop/envs/prod";
export const OPERATIONS = `${ENVIRONMENT}/bulk-operations`;
export const ID = "01a212de-9b55-8003-a8a9-0000000000b1";

/** The id of run `n`. */
export const idOf = (n: number) => `01a212de-9b55-8003-a8a9-dd2c${n.toString(16).padStart(8, "0")}`;

export function operation(told: Partial<BulkOperation> = {}): BulkOperation {
  return {
    id: ID,
    operation: "cancel",
    status: "running",
    abortReason: null,
    filter: { status: ["running"] },
    by: "ada",
    byId: RUN.id,
    createdAt: RUN.createdAt,
    completedAt: null,
    counts: { matched: 3, accepted: 0, skipped: 0, failed: 0, remaining: 3 },
    ...told,
  };
}

/** An operation on three runs that has ended. `counts`: accepted, skipped and failed. */
export function completed(...[accepted, skipped, failed]: readonly [number, number, number]): BulkOperation {
  return operation({
    status: "completed",
    completedAt: RUN.createdAt,
    counts: { matched: accepted + skipped + failed, accepted, skipped, failed, remaining: 0 },
  });
}

export const preview = (told: Partial<BulkPreview> = {}): BulkPreview => ({
  matched: 3,
  byStatus: { pending: 1, running: 1, succeeded: 1, failed: 0, cancelled: 0 },
  newest: [idOf(3), idOf(2), idOf(1)],
  wouldStart: 0,
  ...told,
});

export type Step = BulkOperation | ((response: ServerResponse, request: IncomingMessage) => void);

export interface Script {
  readonly preview?: BulkPreview;
  /** The answers to a start, in turn. The last one stays. */
  readonly starts?: readonly Step[];
  /** The answers to a get, in turn. The last one stays. */
  readonly reads?: readonly Step[];
  readonly stopped?: Step;
  readonly items?: readonly Schemas["BulkItem"][];
}

const open: BadServer[] = [];

/** For `afterEach`. */
export async function closeServices(): Promise<void> {
  for (const server of open.splice(0)) await server.close();
}

export async function bulkService(script: Script = {}) {
  const starts = [...(script.starts ?? [operation()])];
  const reads = [...(script.reads ?? [completed(3, 0, 0)])];
  const next = (steps: Step[]) => (steps.length > 1 ? steps.shift() : steps[0]);
  const server = await badServer((request, response) => {
    const { method, url = "" } = request;
    const play = (step: Step | undefined, status = 200) =>
      typeof step === "function" ? step(response, request) : json(response, status, step);
    if (url.includes("/items")) {
      const outcome = new URL(url, "http://x").searchParams.get("outcome");
      const items = script.items ?? [];
      return json(response, 200, outcome === null ? items : items.filter((item) => item.outcome === outcome));
    }
    if (url.endsWith("/cancel")) return play(script.stopped ?? operation({ abortReason: "asked" }));
    if (method === "POST") {
      const isPreview = server.requests.at(-1)?.body.includes('"dryRun":true');
      return isPreview ? json(response, 200, script.preview ?? preview()) : play(next(starts), 202);
    }
    if (url.endsWith(OPERATIONS)) return json(response, 200, reads);
    play(next(reads));
  });
  open.push(server);
  const settings = {
    ACTION_RUNS_URL: server.url,
    ACTION_RUNS_TOKEN: "terr_secret",
    ACTION_RUNS_ORG: "acme",
    ACTION_RUNS_PROJECT: "shop",
    ACTION_RUNS_ENV: "prod",
    ACTION_RUNS_RETRIES: "0",
  };
  return {
    server,
    settings,
    /** Each request that changes something or may, with its body. */
    posted: () =>
      server.requests
        .filter(({ line }) => line.startsWith("POST"))
        .map(({ line, body }) => [line.slice("POST ".length + ENVIRONMENT.length), body && JSON.parse(body)]),
    run: (...args: readonly string[]) => cli(args, settings),
    atTerminal: (typed: string, ...args: readonly string[]) => cliAtTerminal(args, settings, typed),
  };
}
