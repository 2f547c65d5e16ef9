/**
 * The service with each of its statements counted: which SQL ran, in D1 or in an object, and how many rows it read, as
 * the runtime itself counts them. Never deployed: `npm run bench -- --growth` builds it beside the service.
 */

import service, { RunCoordinator as Coordinator } from "../../src/index.ts";

export * from "../../src/index.ts";

type Env = ConstructorParameters<typeof Coordinator>[1];
type Self = D1PreparedStatement & { readonly statement: string };
/** Takes the place of a method: `ask` calls the original. */
type Around = (ask: () => unknown, self: Self, args: readonly unknown[]) => unknown;

/** The Worker and its objects share it, as they share an isolate. A cursor knows its rows when they have been read. */
const counts: (() => { readonly sql: string; readonly rowsRead: number })[] = [];

export class RunCoordinator extends Coordinator {
  constructor(ctx: DurableObjectState, env: Env) {
    countObject(ctx.storage.sql);
    countD1(env.DB);
    super(ctx, env);
  }
}

export default {
  ...service,
  /** The service has no route of this name. It answers what was counted since it was last asked. */
  async fetch(request, env, ctx) {
    countD1(env.DB);
    if (new URL(request.url).pathname !== "/counts") return service.fetch(request, env, ctx);
    return Response.json(counts.splice(0).map((count) => count()));
  },
} satisfies ExportedHandler<Env>;

function countObject(sql: SqlStorage): void {
  patch(sql, "exec", (ask, _, [text]) => {
    const cursor = ask() as SqlStorageCursor<never>;
    counts.push(() => ({ sql: `object: ${text}`, rowsRead: cursor.rowsRead }));
    return cursor;
  });
}

function countD1(db: D1Database): void {
  const note = (sql: unknown, { meta }: D1Result) =>
    counts.push(() => ({ sql: `D1: ${sql}`, rowsRead: meta.rows_read }));
  const noted: Around = async (ask, self) => {
    const result = (await ask()) as D1Result;
    note(self.statement, result);
    return result;
  };
  // These don't say how many rows they read, so their statement runs once more.
  const repeated: Around = async (ask, self) => {
    await self.all();
    return ask();
  };
  const statement = db.prepare("SELECT 1");
  for (const name of ["all", "run"]) patch(statement, name, noted);
  for (const name of ["first", "raw"]) patch(statement, name, repeated);
  patch(db.withSession(), "batch", async (ask, _, [list]) => {
    const results = (await ask()) as D1Result[];
    for (const [i, result] of results.entries()) note((list as Self[])[i]?.statement, result);
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
