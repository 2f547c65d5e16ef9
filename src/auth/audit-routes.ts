/** GET /{o}/{p}/audit: the audit entries that the asker's token may see, newest first. */
import { Hono } from "hono";
import { firstIdAt } from "../base/ids.ts";
import { PAGE_MAX_LOOKED_AT } from "../base/limits.ts";
import type { Instant } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import { encodeCursor, nextLink } from "../http/paging.ts";
import type { AppEnv } from "../http/request-context.ts";
import { validQuery } from "../http/validate.ts";
import { baseUrl } from "../settings/config.ts";
import { type AuditAction, type AuditEntry, auditScope } from "./audit.ts";
import { requires } from "./authentication.ts";
import { auditQuery } from "./request-schemas.ts";

export const auditRoutes = new Hono<AppEnv>().get("/", requires("tokens:manage"), validQuery(auditQuery), async (c) => {
  const { o, p } = c.req.param() as { o: string; p: string };
  const { entries, nextBefore } = await readD1(c.get("hops"), () =>
    listAudit(c.env.DB, `${o}/${p}`, c.get("principal").envName, c.req.valid("query")),
  );
  if (nextBefore !== null) {
    c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(nextBefore)));
  }
  return c.json(entries.map(toWire));
});

function toWire(entry: ListedEntry) {
  const { at, actor, actorName, person, sessionId, action, target, targetName, reason } = entry;
  const { gates = null, bulk = null } = entry;
  return {
    at: new Date(at).toISOString(),
    actor,
    actorName,
    person,
    via: person && actorName,
    sessionId,
    action,
    target,
    targetName,
    scope: auditScope(entry),
    gates,
    reason,
    bulk: bulk && (JSON.parse(bulk) as unknown),
  };
}

/* SECTION: Lists audit entries in D1, newest first, always along an index. A page may be short and still have a next one. */

/** An entry as D1 has it. */
export type ListedEntry = Omit<AuditEntry, "asker">;

export interface AuditQuery {
  readonly limit: number;
  /** The id before which the page begins. */
  readonly cursor?: string | undefined;
  /** A token's id, `root` or `service`. */
  readonly actor?: string | undefined;
  readonly person?: string | undefined;
  readonly action?: AuditAction | undefined;
  readonly since?: Instant | undefined;
  /** The first instant that is too late. */
  readonly until?: Instant | undefined;
}

export interface AuditPage {
  readonly entries: readonly ListedEntry[];
  /** The id before which the next page begins; null on the last page. */
  readonly nextBefore: string | null;
}

type Row = ListedEntry & { readonly ok: number; readonly n: number };

/**
 * A person does the least, so that is the best index, and then come a token and an environment. A filter without an
 * index looks at 5000 entries for a page at most. `envName` null: of the project and all its environments.
 */
export async function listAudit(
  db: D1Database,
  project: string,
  envName: string | null,
  { limit, cursor, actor, person, action, since, until }: AuditQuery,
): Promise<AuditPage> {
  const bindings: unknown[] = [];
  const bind = (value: unknown) => `?${bindings.push(value)}`;
  const uppers = [cursor ?? "g", ...(until === undefined ? [] : [firstIdAt(until.ceilMs)])].sort();
  const lower = since === undefined ? "" : firstIdAt(since.ceilMs);
  const range = `project = ${bind(project)} AND id < ${bind(uppers[0])} AND id >= ${bind(lower)}`;
  const filters = [
    ["audit_by_person", "person", person],
    ["audit_by_actor", "actor", actor],
    ["audit_by_env", "env_name", envName ?? undefined],
    [null, "action", action],
  ] as const;
  const given = filters.flatMap(([index, column, value]) =>
    value === undefined ? [] : [{ index, test: `${column} = ${bind(value)}` }],
  );
  const walked = given[0]?.index == null ? undefined : given.shift();
  const isFiltered = given.length > 0;
  const lookedAt = isFiltered ? PAGE_MAX_LOOKED_AT : limit + 1;
  const { results } = await db
    .prepare(
      `SELECT looked.ok, looked.n, audit.id, project, env_name AS envName, at, actor, actor_name AS actorName, person,
              action, target, target_name AS targetName, session_id AS sessionId, gates, reason, bulk
       FROM (
         SELECT row, ok, row_number() OVER (ROWS UNBOUNDED PRECEDING) AS n
         FROM (
           SELECT rowid AS row, ${isFiltered ? given.map(({ test }) => test).join(" AND ") : "1"} AS ok
           FROM audit INDEXED BY ${walked?.index ?? "sqlite_autoindex_audit_1"}
           WHERE ${range}${walked === undefined ? "" : ` AND ${walked.test}`}
           ORDER BY id DESC LIMIT ${lookedAt})
       ) AS looked CROSS JOIN audit ON audit.rowid = looked.row
       WHERE looked.ok OR looked.n = ${PAGE_MAX_LOOKED_AT}
       LIMIT ${limit + 1}`,
    )
    .bind(...bindings)
    .all<Row>();
  const entries = results.slice(0, limit).filter(({ ok }) => ok === 1);
  const last = results.at(-1);
  if (results.length > limit) return { entries, nextBefore: entries.at(-1)?.id ?? null };
  return { entries, nextBefore: isFiltered && last?.n === PAGE_MAX_LOOKED_AT ? last.id : null };
}
