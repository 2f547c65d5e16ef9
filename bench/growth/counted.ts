/**
 * The service, with a count of each statement: which SQL ran, in D1 or in an object, and how many rows it read and
 * wrote by the runtime's own count. It is never deployed. The bench builds it beside the service.
 */

import service, { RunCoordinator as Coordinator } from "../../src/index.ts";
import type { Count } from "./count.ts";

export * from "../../src/index.ts";

type Env = ConstructorParameters<typeof Coordinator>[1];
type Self = D1PreparedStatement & { readonly statement: string; readonly params: readonly unknown[] };
/** Replaces a method. `ask` calls the original. */
type Around = (ask: () => unknown, self: Self, args: readonly unknown[]) => unknown;

/**
 * The Worker and its objects share an isolate, so they share this. A cursor knows its counts once its rows have been
 * read.
 */
const counts: (() => Count)[] = [];
const SHORT = 20;
/** The scope that each object belongs to, by its storage. */
const scopes = new WeakMap<object, string>();

export class RunCoordinator extends Coordinator {
  constructor(ctx: DurableObjectState, env: Env) {
    countObject(ctx.storage, ctx.id.name ?? "");
    countD1(env.DB);
    super(ctx, env);
  }
}

export default {
  ...service,
  /** A path that the service does not have. Its response is what was counted since the last request. */
  async fetch(request, env, ctx) {
    countD1(env.DB);
    if (new URL(request.url).pathname !== "/counts") return service.fetch(request, env, ctx);
    return Response.json(counts.splice(0).map((count) => count()));
  },
} satisfies ExportedHandler<Env>;

function count(sql: string, values: readonly unknown[], rows: () => Pick<Count, "rowsRead" | "rowsWritten">) {
  const known = { sql, at: Date.now(), values: values.filter(isShort), items: Math.max(1, ...values.map(itemsOf)) };
  counts.push(() => ({ ...known, ...rows() }));
}

function itemsOf(value: unknown): number {
  return typeof value === "string" && value.startsWith("[") ? (JSON.parse(value) as unknown[]).length : 1;
}

function isShort(value: unknown): value is string {
  return typeof value === "string" && value.length < SHORT;
}

function countObject(storage: DurableObjectStorage, scope: string): void {
  scopes.set(storage, scope).set(storage.sql, scope);
  const ofObject = (self: object, values: readonly unknown[] = []) => [scopes.get(self), ...values];
  patch(storage.sql, "exec", (ask, self, [text, ...values]) => {
    const cursor = ask() as SqlStorageCursor<never>;
    let [rowsRead, rowsWritten] = [0, 0];
    // Read by then, because every critical section is synchronous. Another request can't ask a cursor that was not read
    // to its end.
    queueMicrotask(() => {
      ({ rowsRead, rowsWritten } = cursor);
    });
    count(`object: ${text}`, ofObject(self, values), () => ({ rowsRead, rowsWritten }));
    return cursor;
  });
  patch(storage, "setAlarm", (ask, self) => {
    // The platform charges one row for an alarm.
    count("object: setAlarm", ofObject(self), () => ({ rowsRead: 0, rowsWritten: 1 }));
    return ask();
  });
}

function countD1(db: D1Database): void {
  const note = (self: Self | undefined, { meta }: D1Result) => {
    const rows = { rowsRead: meta.rows_read, rowsWritten: meta.rows_written };
    count(`D1: ${self?.statement}`, self?.params ?? [], () => rows);
  };
  const noted: Around = async (ask, self) => {
    const result = (await ask()) as D1Result;
    note(self, result);
    return result;
  };
  // These methods don't return counts, so the statement runs once more.
  const repeated: Around = async (ask, self) => {
    await self.all();
    return ask();
  };
  const statement = db.prepare("SELECT 1");
  for (const name of ["all", "run"]) patch(statement, name, noted);
  for (const name of ["first", "raw"]) patch(statement, name, repeated);
  patch(db.withSession(), "batch", async (ask, _, [list]) => {
    const results = (await ask()) as D1Result[];
    for (const [i, result] of results.entries()) note((list as Self[])[i], result);
    return results;
  });
}

const patched = new Set<string>();

function patch(instance: object, name: string, around: Around): void {
  if (patched.has(name)) return;
  patched.add(name);
  const prototype = Object.getPrototypeOf(instance);
  const method = prototype[name];
  prototype[name] = function (this: Self, ...args: unknown[]) {
    return around(() => method.call(this, ...args), this, args);
  };
}
