/**
 * The audit: who did what to a project, as a row in D1 and a log line. The limit on request lines does not apply to
 * these lines, so a flood can't hide them. They contain no secret.
 *
 * Who changes what lasts must hold the newest secret of a token that still lives. An isolate can accept a revoked
 * token, a replaced secret or an ended session for 30 s, and for 10 minutes while D1 is down. So D1 decides, in the
 * statement that writes the entry. It also refuses what an erasure under way would delete a moment later.
 */

import type { Context } from "hono";
import { firstIdAt, hyphenated, lineageOf, newUuidV7, type Proven, timeHex } from "../base/ids.ts";
import { sha256Hex } from "../base/json.ts";
import { log, logFailure } from "../base/log.ts";
import { DAY_MS, msSinceOrJustNow, within } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import { ApiError } from "../http/errors.ts";
import { type AppEnv, projectOf } from "../http/request-context.ts";
import { credentials } from "./credential-memory.ts";
import { type Principal, rowIdOf } from "./principal.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** What the program of an agent calls itself, unverified. Only requests of agents have it. */
    agent?: string;
  }
}

export const AUDIT_ACTIONS = [
  "token_minted",
  "token_revoked",
  "token_rotated",
  "session_ended",
  "resync_requested",
  "environment_moved",
  "purge_requested",
  "run_approved",
  "run_rejected",
  "run_released",
  "run_released_through_pause",
  "run_cancelled",
  "run_erased",
  "pause_put",
  "pause_deleted",
  "bulk_started",
  "bulk_ended",
  "action_put",
  "action_deleted",
  "action_version_deleted",
  "action_tested",
  "action_secret_rotated",
  "webhook_endpoint_put",
  "webhook_endpoint_deleted",
  "webhook_endpoint_version_deleted",
  "webhook_endpoint_secret_rotated",
  "webhook_endpoint_disabled",
  "webhook_endpoint_enabled",
  "webhook_endpoint_tested",
  "webhook_endpoint_message_resent",
  "webhook_endpoint_recovery_started",
  "schedule_put",
  "schedule_deleted",
  "schedule_version_deleted",
  "schedule_disabled",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** What the change of an action did to the gates that hold back its runs. The worst counts if it did several things. */
export type GateChange = "added" | "changed" | "weakened" | "removed";

/** The service itself, as the actor of what nobody asked for. No token has this id. */
export const SERVICE = { id: "service", name: "service" } as const;

/** The asker as D1 knows it, besides the session. `tokenId` and `secretHash`: null for the operator. */
interface Asker {
  readonly tokenId: string | null;
  readonly secretHash: string | null;
  /** See `lineageOf`. */
  readonly lineage: string;
}

export interface AuditEntry {
  readonly id: string;
  /** `{org}/{project}`. */
  readonly project: string;
  /** Null for the whole project. */
  readonly envName: string | null;
  readonly at: number;
  /** The acting token's id, `root`, or `service`. */
  readonly actor: string;
  readonly actorName: string;
  /** The person for whom the actor acted. Null: nobody in particular. */
  readonly person: string | null;
  /** What a proof said of the actor. Null: nothing did. */
  readonly proven: Proven | null;
  /** What the program of an agent calls itself. Null: no agent asked. */
  readonly agent: string | null;
  /** Null if the request had the token itself. */
  readonly sessionId: string | null;
  /** Who must still hold the newest secret when the entry is written. Null: nobody, as for the service. */
  readonly asker: Asker | null;
  readonly action: AuditAction;
  /**
   * The id of a token, a session, a run or a bulk operation, a scope, the name of a definition, or
   * `{name}/versions/{version}`. Of a pause: the concurrency group, or `-environment`. Of a move, and of the resync of a
   * whole database: `database/{number}`. Of a purge: `days/{days}`.
   */
  readonly target: string;
  /** The name of the token, of the session's token, or of the definition. For a scope the same as `target`. */
  readonly targetName: string;
  /** Missing or null if the change did nothing of these. */
  readonly gates?: GateChange | null;
  /** What the request said of it. Null if it said nothing. */
  readonly reason: string | null;
  /** Of a bulk operation: what it does to which runs, and how it ended, as JSON. Otherwise missing or null. */
  readonly bulk?: string | null;
}

type AuditedChange = Pick<AuditEntry, "project" | "envName" | "action" | "target"> &
  Partial<Pick<AuditEntry, "targetName" | "reason">>;

/** Call this once for a request. A retry at D1 then finds what the first try wrote, by the entry's id. */
export function newAuditEntry(c: Context<AppEnv>, what: AuditedChange, now: number): AuditEntry {
  const principal = c.get("principal");
  const { id, sessionId = null, secretHash, parents, proven } = principal;
  const asker = { tokenId: rowIdOf(principal), secretHash, lineage: lineageOf(id, parents) };
  const agent = c.get("agent") ?? null;
  return { ...entryOf(principal, what, now), person: c.get("person"), proven, agent, sessionId, asker };
}

/** The entry of what the service does by itself. */
export function newServiceEntry(what: AuditedChange, now: number): AuditEntry {
  return entryOf(SERVICE, what, now);
}

function entryOf({ id, name }: Pick<Principal, "id" | "name">, what: AuditedChange, now: number) {
  const by = { actor: id, actorName: name, person: null, proven: null, agent: null, sessionId: null, asker: null };
  return { id: newUuidV7(now), at: now, ...by, targetName: what.target, reason: null, ...what };
}

/** An id that sorts by time and is made of the change, so that a repetition writes the same row. */
export async function derivedAuditId(at: number, change: unknown): Promise<string> {
  const hash = await sha256Hex(JSON.stringify(change));
  // A UUID of version 7 whose random bits are those of the hash.
  return hyphenated(`${timeHex(at)}7${hash.slice(0, 3)}8${hash.slice(3, 18)}`);
}

/** `{org}/{project}`, or `{org}/{project}/{env}`. */
export function auditScope({ project, envName }: Pick<AuditEntry, "project" | "envName">): string {
  return envName === null ? project : `${project}/${envName}`;
}

/** `requestId`: undefined if no request asked for it. */
export function logAudit(entry: AuditEntry, requestId: string | undefined, more: object = {}): void {
  const { actor, sessionId, action, target } = entry;
  const [session, gates] = [sessionId ?? undefined, entry.gates ?? undefined];
  log("info", "audit", { requestId, actor, session, action, target, gates, scope: auditScope(entry), ...more });
}

/** SQL that takes parts of an entry from other tables. `with` begins the statement, and `join` joins the tables. */
export type EntrySource = Readonly<
  Partial<Record<"with" | "join" | "id" | "envName" | "target" | "targetName" | "lineage", string>>
>;

/**
 * Writes the entry if `condition` holds. If the entry's asker may not change anything, the actor is null. That breaks
 * the column's NOT NULL, which undoes the whole batch, so no change in it can forget the rule. While the project or the
 * environment is being erased, the action is null. Run it with `writeAudited`.
 *
 * The condition is SQL and can use the project (?1), the entry's id (?2), the environment (?3), the instant (?4), the
 * actor (?5), the target (?8) and its name (?9). ?13 and on are the values of `more`.
 */
export function auditStatement(
  db: D1Database,
  entry: AuditEntry,
  condition = "1",
  more: readonly (string | number | null)[] = [],
  source: EntrySource = {},
): D1PreparedStatement {
  const { project, id, envName, at, actor, sessionId, action, target, targetName, asker } = entry;
  const { actorName, bulk, person, reason, proven, agent } = entry;
  const said = JSON.stringify({ actorName, bulk, person, reason, subject: proven?.subject, agent });
  const of = [asker?.tokenId ?? null, asker?.secretHash ?? null];
  // Without an asker, both are null.
  const [ok, erasing] = asker === null ? ["?10 IS ?11", "0"] : [MAY_WRITE, IS_ERASING];
  // One of three words, so that the SQL text can contain it.
  const gates = entry.gates ? `'${entry.gates}'` : "NULL";
  const from = { id: "?2", envName: "?3", target: "?8", targetName: "?9", lineage: "NULL", ...source };
  return db
    .prepare(
      `${source.with ?? ""}INSERT INTO audit (project, id, env_name, at, actor, actor_name, action, target, target_name,
                          session_id, bulk, gates, person, reason, lineage, subject, agent)
       SELECT ?1, ${from.id}, ${from.envName}, ?4, iif(ok, ?5, NULL), ?12 ->> 'actorName', iif(erasing, NULL, ?7),
              ${from.target}, ${from.targetName}, ?6, ?12 ->> 'bulk', ${gates}, ?12 ->> 'person', ?12 ->> 'reason',
              ${from.lineage}, ?12 ->> 'subject', ?12 ->> 'agent'
       FROM (SELECT ${ok} AS ok, ${erasing} AS erasing) ${source.join ?? ""}
       WHERE NOT ok OR erasing OR (${condition}) ON CONFLICT (project, id) DO NOTHING`,
    )
    .bind(project, id, envName, at, actor, sessionId, action, target, targetName, ...of, said, ...more);
}

/** SQL: whether the project or the entry's environment is being erased. */
const IS_ERASING = `EXISTS (
  SELECT 1 FROM erasures INDEXED BY open_erasures
  WHERE completed_at IS NULL AND scope IN (?1, ?1 || '/' || ?3))`;

/** Whether the token is still valid at `now`. */
export function isLiving(now: string): string {
  return `(tokens.expires_at IS NULL OR tokens.expires_at > ${now})`;
}

/** SQL: whether the asker's token still lives with this secret, and the session too. ?1: the project. */
function holds(asker: string, secret: string, session: string, now: string): string {
  return `((${asker} IS NULL OR EXISTS (
    SELECT 1 FROM tokens WHERE project = ?1 AND id = ${asker} AND ${isLiving(now)} AND (${secret})))
  AND (${session} IS NULL OR EXISTS (
    SELECT 1 FROM sessions WHERE project = ?1 AND id = ${session} AND expires_at > ${now})))`;
}

/**
 * SQL: whether the asker's secret is the newest of a token that still lives. A second try may find the entry of the first,
 * and the asker may be gone because of it: a token can revoke or rotate itself.
 */
const MAY_WRITE = `EXISTS (SELECT 1 FROM audit WHERE project = ?1 AND id = ?2)
  OR ${holds("?10", "hash IS ?11", "?6", "?4")}`;

/** Runs the statements of a change in one batch. Whether they wrote the entry, now or in an earlier try. */
export async function batchWrote(
  db: D1Database,
  { project, id }: AuditEntry,
  statements: readonly D1PreparedStatement[],
): Promise<boolean> {
  const read = db.prepare("SELECT 1 FROM audit WHERE project = ? AND id = ?").bind(project, id);
  return (await db.batch([...statements, read])).at(-1)?.results.length === 1;
}

/** Throws `token_invalid`, `session_ended`, `forbidden`, `environment_erasing`, and errors of D1. */
export async function writeAudited<T>(c: Context<AppEnv>, write: () => Promise<T>): Promise<T> {
  try {
    return await readD1(c.get("hops"), write);
  } catch (error) {
    const refused = error instanceof ApiError ? REFUSED.exec(String(error.cause))?.[1] : undefined;
    if (refused === "action") throw new ApiError("environment_erasing");
    throw (refused === "actor" && (await askerRefusal(c))) || error;
  }
}

/** Why D1 undid a batch. `actor`: the asker is gone, or its secret is replaced. `action`: an erasure is under way. */
const REFUSED = /NOT NULL constraint failed: audit\.(actor|action)\b/;

/** A change that a coordinator makes waits so long for D1. */
const ASK_MAX_MS = 1000;

/**
 * The same rule for what only a coordinator writes: its audit entry comes afterwards, so D1 is asked before. A D1 that
 * does not answer must not prevent a decision or a pause, so the isolate's memory counts then.
 */
export async function requireNewestSecret(c: Context<AppEnv>): Promise<void> {
  const principal = c.get("principal");
  // ROOT_TOKEN itself has no row.
  if (rowIdOf(principal) === null && principal.sessionId === undefined) return;
  if (principal.isReplaced) throw secretReplaced(principal);
  const refusal = await within(ASK_MAX_MS, askerRefusal(c)).catch(() => null);
  if (refusal !== null) throw refusal;
}

/** Why the asker may not change what lasts; null if they may. Asks D1's primary, and never the isolate's memory. */
export async function askerRefusal(c: Context<AppEnv>): Promise<ApiError | null> {
  const asker = c.get("principal");
  const holdsNewest = holds("?2", "hash IS ?3", "?4", "?5");
  const lives = holds("?2", "hash IS ?3 OR (old_hash = ?3 AND old_expires_at > ?5)", "?4", "?5");
  const { project, secretHash, sessionId = null } = asker;
  const select = c.env.DB.prepare(
    `SELECT CASE WHEN ${holdsNewest} THEN 'newest' WHEN ${lives} THEN 'replaced' END AS state`,
  ).bind(project, rowIdOf(asker), secretHash, sessionId, Date.now());
  const state = await readD1(c.get("hops"), () => select.first<"newest" | "replaced" | null>("state"));
  if (state === "newest") return null;
  return state === "replaced" ? secretReplaced(asker) : askerGone(asker);
}

/** D1 no longer has the asker's token or session, but this isolate still remembered it. */
export function askerGone({ id, sessionId }: Pick<Principal, "id" | "sessionId">): ApiError {
  credentials.forget([id]);
  return new ApiError(sessionId === undefined ? "token_invalid" : "session_ended");
}

/** A rotation replaced the asker's secret. This isolate may not have known it. */
export function secretReplaced({ id }: Pick<Principal, "id">): ApiError {
  credentials.forget([id]);
  return new ApiError(
    "forbidden",
    "A rotation replaced this secret of your token. It can still read, and create, report and cancel runs. " +
      "Use the newest secret for everything else, and to sign in.",
  );
}

/** How long the response waits for the row, so that a list right after it has the row. */
const WAIT_MAX_MS = 1000;
/** A try can take 10 s, and the platform ends the work 30 s after the response. */
const TRIES_END_AFTER_MS = 18_000;

/**
 * The audit entry of a change that a coordinator made at `changedAt`. The entry comes after the change: before it, nobody
 * knows whether the coordinator refuses. And D1 must not be able to prevent an approval or a freeze, which people need
 * most while something is down.
 *
 * Nothing that was answered is lost: the journal keeps the change with who made it, and the log has the entry at once.
 * A caller who got no answer repeats the request, and the repetition writes the same row, because its id is made of the
 * change. `isAwaited` false: nobody needs the row right after the response.
 */
export async function auditAfterwards(
  c: Context<AppEnv>,
  what: Pick<AuditEntry, "action" | "target"> & { readonly reason?: string | null },
  changedAt: number,
  { isAwaited = true } = {},
): Promise<void> {
  const { envName } = c.req.param() as { envName: string };
  const { reason = null } = what;
  const created = newAuditEntry(c, { project: projectOf(c), envName, ...what, reason }, changedAt);
  const { actor, action, target, person } = created;
  // A run is erased once. Whoever repeats the request, to see how far it is, did not do it.
  const change = action === "run_erased" ? [envName, action, target] : [envName, actor, person, action, target];
  // The change is made, so its entry has no condition any more: `requireNewestSecret` came before the change.
  const entry = { ...created, asker: null, id: await derivedAuditId(changedAt, change) };
  logAudit(entry, c.get("requestId"));
  const written = writeRow(c, entry);
  c.executionCtx.waitUntil(written);
  if (isAwaited) await within(WAIT_MAX_MS, written).catch(() => {});
}

/** Never throws. */
async function writeRow(c: Context<AppEnv>, entry: AuditEntry): Promise<void> {
  const startedAt = Date.now();
  for (let pauseMs = 1000; ; pauseMs *= 2) {
    try {
      await readD1(c.get("hops"), () => auditStatement(c.env.DB, entry).run());
      return;
    } catch (error) {
      if (msSinceOrJustNow(startedAt, Date.now()) + pauseMs > TRIES_END_AFTER_MS) {
        logFailure("audit_failed", error, { requestId: c.get("requestId"), audit: entry.id });
        return;
      }
    }
    await scheduler.wait(pauseMs);
  }
}

/**
 * Erases what requests said of a run in their reasons. The entries stay. `since`: when the run was created, because no
 * entry is older. The reason of the erasure itself stays. Throws `database_unavailable`.
 */
export async function eraseReasons(c: Context<AppEnv>, runId: string, since: number): Promise<void> {
  await onReasons(c, "UPDATE audit INDEXED BY audit_by_env SET reason = NULL", runId, since);
}

/** Whether there is one. An entry can be written later than its change. Throws `database_unavailable`. */
export async function hasReasons(c: Context<AppEnv>, runId: string, since: number): Promise<boolean> {
  return (await onReasons(c, "SELECT 1 FROM audit INDEXED BY audit_by_env", runId, since)).results.length > 0;
}

function onReasons(c: Context<AppEnv>, what: string, runId: string, since: number): Promise<D1Result> {
  const { envName } = c.req.param() as { envName: string };
  const statement = c.env.DB.withSession("first-primary")
    .prepare(
      `${what} WHERE project = ?1 AND env_name = ?2 AND id >= ?3 AND target = ?4 AND action <> 'run_erased'
         AND reason IS NOT NULL`,
    )
    .bind(projectOf(c), envName, firstIdAt(since), runId);
  return readD1(c.get("hops"), () => statement.run());
}

const PURGED_PER_MINUTE = 1000;

/** Removes a bounded number of entries older than `retentionDays`, the oldest first. Never throws. */
export async function purgeAudit(db: D1Database, retentionDays: number, now: number): Promise<void> {
  const purge = db
    .prepare(
      `DELETE FROM audit WHERE rowid IN (
         SELECT rowid FROM audit INDEXED BY audit_by_time WHERE at < ? ORDER BY at LIMIT ${PURGED_PER_MINUTE})`,
    )
    .bind(now - retentionDays * DAY_MS);
  await purge.run().catch((error) => logFailure("sweep_failed", error, { step: "purge_audit" }));
}
