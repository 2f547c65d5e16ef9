/**
 * The service's own modules that need the platform, run here in Node: of the module `cloudflare:workers` they need
 * the base classes alone. Imported by path, for their types are the platform's, which this folder has not.
 */

import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import type { ChangeKey, RunAnswer, RunRefusal } from "../../src/runs/protocol.ts";
import type { NewRun, RunEvent } from "../../src/runs/run.ts";

export interface Coordinator {
  create(input: NewRun, change: ChangeKey): Promise<RunAnswer | RunRefusal>;
  change(id: string, event: RunEvent, change: ChangeKey): Promise<RunAnswer | RunRefusal>;
  heartbeat(id: string, heartbeat: object): Promise<RunAnswer | RunRefusal>;
  read(id: string): Promise<RunAnswer | RunRefusal>;
  events(id: string, after: number, limit: number): Promise<{ readonly ok: boolean }>;
  poke(): Promise<boolean>;
  alarm(): Promise<void>;
}

export interface Service {
  /** Starts the object of this name. */
  start(name: string, storage: DurableObjectStorage, db: D1Database): Coordinator;
  /** Lists as a request with this query would. */
  list(db: D1Database, scope: string, query: object): Promise<unknown>;
  get(db: D1Database, scope: string, id: string): Promise<unknown>;
}

const PLATFORM = `
  class Base { constructor(ctx, env) { this.ctx = ctx; this.env = env; } }
  export { Base as DurableObject, Base as WorkerEntrypoint };`;
const PLATFORM_URL = `data:text/javascript,${encodeURIComponent(PLATFORM)}`;

interface Modules {
  readonly RunCoordinator: new (ctx: object, env: object) => Coordinator;
  readonly runListQuery: { parse(query: object): object };
  listRuns(session: object, scope: string, query: object): Promise<unknown>;
  readRun(reading: object, id: string, bookmark: string | undefined): Promise<unknown>;
}

/** `retentionDays`: how long what it journals is kept. */
export async function loadService(retentionDays: number): Promise<Service> {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "cloudflare:workers"
        ? { url: PLATFORM_URL, shortCircuit: true }
        : next(specifier, context),
  });
  const modules: Modules = Object.assign(
    {},
    ...(await Promise.all(["coordinator", "schema", "list", "reader"].map(load))),
  );
  hooks.deregister();
  const { RunCoordinator, runListQuery, listRuns, readRun } = modules;
  return {
    start: (name, storage, db) => {
      const id = { name, equals: () => true };
      return new RunCoordinator(
        { id, storage, exports: {} },
        { DB: db, COORDINATORS: { idFromName: () => id }, RETENTION_DAYS: String(retentionDays) },
      );
    },
    list: (db, scope, query) => listRuns(db.withSession(), scope, runListQuery.parse(query)),
    get: (db, scope, id) =>
      readRun({ env: { DB: db }, hops: { d1: 0, coordinator: 0 }, scope, ring: null }, id, undefined),
  };
}

function load(name: string): Promise<object> {
  return import(fileURLToPath(new URL(`../../src/runs/${name}.ts`, import.meta.url))) as Promise<object>;
}
