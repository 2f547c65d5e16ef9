/** GET /{o}/{p}/audit: the entries that the asker's token may see, newest first. A short page may have a next one. */
import { Hono } from "hono";
import * as z from "zod/mini";
import { firstIdAt } from "../base/ids.ts";
import { PAGE_MAX_LOOKED_AT } from "../base/limits.ts";
import { rfc3339 } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import type { Described } from "../http/operation.ts";
import { linkNext, pageQuery } from "../http/paging.ts";
import { type AppEnv, projectOf } from "../http/request-context.ts";
import { filterableName, instant, oneOf, withExample } from "../http/schemas.ts";
import { validQuery } from "../http/validate.ts";
import { AUDIT_ACTIONS, type AuditEntry, auditScope } from "./audit.ts";
import { requires } from "./authentication.ts";
import { personName } from "./principal.ts";
import { auditList } from "./responses.ts";

const auditQuery = z.strictObject({
  ...pageQuery,
  actor: z.optional(withExample(filterableName, "root")),
  person: z.optional(withExample(personName, "ada@acme.example")),
  action: z.optional(
    oneOf(
      AUDIT_ACTIONS,
      { wire: { type: "string", enum: [...AUDIT_ACTIONS], examples: ["run_approved"] } },
      "send an action as entries show it, once.",
    ),
  ),
  since: z.optional(withExample(instant, "2026-01-31T12:00:00Z")),
  until: z.optional(withExample(instant, "2026-02-01T00:00:00Z")),
});

const LIST_AUDIT: Described = DESCRIBE && {
  operationId: "listAudit",
  summary: "List audit entries",
  description:
    "Returns who minted, rotated or revoked tokens, ended sessions, stored or deleted actions, changed webhook endpoints, " +
    "deleted versions, or asked for a resync, newest first. Approvals, rejections, releases, cancels, pauses, bulk operations and " +
    "moves to another database and purges are there, too. " +
    "A token of one environment sees the entries of that environment. The filter `actor` is " +
    "the id of a token, `root` or `service`. `since` is the first instant, and `until` is the first that is too late. An " +
    "entry must pass all filters. A page can be short and still have a next one. Entries are kept for " +
    "`AUDIT_RETENTION_DAYS`.",
  responses: { 200: { description: "Audit entries", json: auditList, headers: ["Link"] } },
};

export const auditRoutes = new Hono<AppEnv>().get(
  "/",
  requires("tokens:manage", LIST_AUDIT),
  validQuery(auditQuery),
  async (c) => {
    const { entries, nextBefore } = await readD1(c.get("hops"), () =>
      listAudit(c.env.DB, projectOf(c), c.get("principal").envName, c.req.valid("query")),
    );
    linkNext(c, nextBefore);
    return c.json(entries.map(shownEntry));
  },
);

function shownEntry({ id: _, project, envName, at, subject, bulk = null, ...entry }: ListedEntry) {
  return {
    at: rfc3339(at),
    ...entry,
    via: subject ?? (entry.person && entry.actorName),
    scope: auditScope({ project, envName }),
    bulk: bulk && (JSON.parse(bulk) as unknown),
  };
}

/** An entry as D1 has it. */
type ListedEntry = Omit<AuditEntry, "asker" | "proven"> & { readonly subject: string | null };

/**
 * A person does the least, so that is the best index, and then come a token and an environment. A filter without an
 * index looks at 5000 entries for a page at most. `envName` null: of the whole project.
 */
export async function listAudit(
  db: D1Database,
  project: string,
  envName: string | null,
  { limit, cursor, actor, person, action, since, until }: z.output<typeof auditQuery>,
) {
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
      `SELECT looked.ok, looked.n, audit.id, project, env_name AS envName, at, actor, actor_name AS actorName, person, subject, agent,
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
    .all<ListedEntry & { readonly ok: number; readonly n: number }>();
  const entries = results.slice(0, limit).flatMap(({ ok, n: _, ...entry }): ListedEntry[] => (ok === 1 ? [entry] : []));
  const last = results.at(-1);
  if (results.length > limit) return { entries, nextBefore: entries.at(-1)?.id ?? null };
  return { entries, nextBefore: isFiltered && last?.n === PAGE_MAX_LOOKED_AT ? last.id : null };
}
