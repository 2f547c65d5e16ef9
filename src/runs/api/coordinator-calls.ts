/** What a coordinator asks the Worker for, in an invocation each: scheduled runs, retries and bulk operations. */
import { WorkerEntrypoint } from "cloudflare:workers";
import { knownAction, resolveAction } from "../../actions/resolve.ts";
import { auditStatement, derivedAuditId, logAudit, newServiceEntry } from "../../auth/audit.ts";
import { type TokenState, tokenState, tokenStateOf } from "../../auth/credential-memory.ts";
import { OPERATOR } from "../../auth/principal.ts";
import { LABELS_MAX, TIMEOUT_DEFAULT_MINUTES } from "../../base/limits.ts";
import { logFailure } from "../../base/log.ts";
import { MINUTE_MS, within } from "../../base/time.ts";
import { readD1 } from "../../database/read-d1.ts";
import { disableDefinition } from "../../definitions/store.ts";
import { ApiError, toApiError } from "../../http/errors.ts";
import type { ScheduleDefinition } from "../../schedules/definition.ts";
import { type KnownSchedule, SCHEDULE_KIND, scheduleMemory } from "../../schedules/kind.ts";
import type { Env } from "../../settings/env.ts";
import type { BulkItem, BulkOperation, BulkOrder, BulkRunner, Stopper } from "../bulk.ts";
import { selectRevoked } from "../d1/control-database.ts";
import { partsOf } from "../d1/erasures.ts";
import { type Actor, actorOfLine } from "../run.ts";
import {
  bulkKey,
  type MadeRetry,
  type Retrier,
  type RetryToMake,
  retryKey,
  type ScheduledTime,
  type ScheduleRunner,
  scheduleKey,
  scheduleLabel,
} from "../starts.ts";
import { auditedEnd } from "./bulk-routes.ts";
import {
  createRun,
  retryRun,
  type StartEnvironment,
  startEnvironment,
  starterOf,
  wantedOfAction,
} from "./create-run.ts";
import type { WantedRun } from "./prepare-run.ts";
import { ask, NotWanted } from "./run-request.ts";

/** As many calls as an invocation may have open. */
const AT_ONCE = 6;
/** A run that takes longer is undecided. If each run of a batch hangs, the batch is still answered within its lease. */
const RUN_MAX_MS = 8000;

/** Starts a run for each item. The result of one that is undecided is null, and `undecided` hears why. */
async function startEach<T, R>(
  items: readonly T[],
  start: (item: T) => Promise<R>,
  undecided: (error: unknown, item: T) => void,
): Promise<(R | null)[]> {
  const results: (R | null)[] = [];
  const waiting = items.entries();
  const startNext = async () => {
    for (const [i, item] of waiting) {
      results[i] = await within(RUN_MAX_MS, start(item)).catch((error: unknown) => {
        undecided(error, item);
        return null;
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, startNext));
  return results;
}

export class ScheduledStarts extends WorkerEntrypoint<Env> implements ScheduleRunner {
  async start(scope: string, times: readonly ScheduledTime[]): Promise<void> {
    const environment = startEnvironment(this.env, scope, this.ctx);
    await startEach(
      times,
      (time) => startOne(environment, time),
      (error, { name, at }) => logFailure("schedule_undecided", error, { coordinator: scope, schedule: name, at }),
    );
  }
}

/** Throws why the time must be tried again. */
async function startOne(environment: StartEnvironment, time: ScheduledTime): Promise<void> {
  const schedule = await currentSchedule(environment, time);
  if (schedule === null || schedule.disabledReason !== null || schedule.definition.disabled) {
    // A DELETE and a switch work without the coordinator, so it may not have heard of them.
    return ask(environment, ({ definitions }) => definitions.changed());
  }
  const { project } = partsOf(environment.scope);
  const token = await tokenStateOf(environment, project, actorOfLine(schedule.storedBy).tokenId);
  if (token !== "living") {
    const ended = endedToken(schedule, token);
    await create(environment, time, schedule, ended);
    return disable(environment, time.name, schedule, ended);
  }
  try {
    await create(environment, time, schedule, null);
  } catch (thrown) {
    const { code, status, message } = toApiError(thrown);
    // Of these, another try can change something.
    if (status >= 500 || code === "environment_erasing") throw thrown;
    await create(environment, time, schedule, message);
  }
}

/** The schedule as it is, but at least in the version that the coordinator knows. Null if it is gone. */
async function currentSchedule(environment: StartEnvironment, time: ScheduledTime): Promise<KnownSchedule | null> {
  const { env, hops, scope, waitUntil } = environment;
  const ref = { scope, name: time.name };
  const look = () => scheduleMemory.look(env.DB, hops, SCHEDULE_KIND, ref, waitUntil, Date.now());
  const known = await look();
  if (known === null || known.version >= time.version) return known;
  scheduleMemory.forget(ref);
  return look();
}

function endedToken({ storedBy }: KnownSchedule, state: TokenState): string {
  const ended = state === "token_expired" ? "has expired" : "was revoked or has expired";
  return `The token ${storedBy.tokenName}, with which the schedule was stored, ${ended}. Store the schedule again with another token.`;
}

/** `failure`: why the run can't start; null if it can. Throws why there is no run. */
async function create(
  environment: StartEnvironment,
  time: ScheduledTime,
  { definition, storedBy }: KnownSchedule,
  failure: string | null,
): Promise<void> {
  const { name, at, origin } = time;
  const actor = actorOfLine(storedBy);
  const key = scheduleKey(name, at);
  const creation = starterOf(environment, { actor, mustNamePerson: false, origin, key });
  const { action, parameters } = definition;
  const labels = [...new Set([scheduleLabel(name), ...(definition.labels ?? [])])];
  const scheduled = { name, at };
  const want = async (): Promise<WantedRun> => {
    if (failure !== null) {
      const known = await knownAction(environment, action).catch(() => null);
      const wanted = failedRun(definition, known?.version ?? null, labels.slice(0, LABELS_MAX));
      return { ...wanted, scheduled: { scheduled, startFailed: failure } };
    }
    const resolved = await resolveAction(environment, action, parameters);
    // Nobody would get the callback token of the run.
    if (resolved.trigger === undefined) throw new ApiError("trigger_required");
    const body = { entityId: null, parameters, recommendations: {}, labels };
    return { ...wantedOfAction(body, resolved, time), scheduled: { scheduled } };
  };
  try {
    await createRun(creation, { key, fingerprint: "" }, want);
  } catch (error) {
    if (!(error instanceof NotWanted)) throw error;
  }
}

/** A run that fails at once. `actionVersion`: null if there is no such action, or nobody knows. */
function failedRun(
  { action: actionName, parameters }: ScheduleDefinition,
  actionVersion: number | null,
  labels: readonly string[],
): WantedRun {
  return {
    unchanged: {
      entityId: null,
      actionName,
      title: null,
      subject: null,
      timeoutMs: TIMEOUT_DEFAULT_MINUTES * MINUTE_MS,
      heartbeatTimeoutMs: null,
      source: "action",
      actionVersion,
      retryOf: null,
    },
    parameters,
    recommendations: {},
    labels: labels.toSorted(),
    trigger: undefined,
    gates: { notBefore: null, waitTimeoutMs: 0, approval: null, concurrency: null },
  };
}

/** If the coordinator does not hear of it, the next time finds the same, and its run fails as this one. */
async function disable(
  environment: StartEnvironment,
  name: string,
  { version }: KnownSchedule,
  reason: string,
): Promise<void> {
  const { env, scope } = environment;
  await ask(environment, ({ definitions }) => definitions.note(null));
  await disableDefinition(env.DB, SCHEDULE_KIND, { scope, name, version, reason, at: Date.now() });
  await ask(environment, ({ definitions }) => definitions.changed());
}

const MADE: MadeRetry = { dropped: null };
const ENDED = {
  token_revoked: "The token that stored the action was revoked. Store the action again.",
  token_expired: "The token that stored the action has expired. Store the action again.",
} as const;

export class AutomaticRetries extends WorkerEntrypoint<Env> implements Retrier {
  make(scope: string, retries: readonly RetryToMake[]): Promise<readonly MadeRetry[]> {
    const environment = startEnvironment(this.env, scope, this.ctx);
    return startEach(
      retries,
      (retry) => make(environment, retry),
      (error, { runId }) => logFailure("retry_undecided", error, { run: runId }),
    );
  }
}

const CREATOR_REVOKED = "The token that created the run was revoked. Retry the run yourself if it is still needed.";

/** Whether the actor's token, or one above it, was revoked. */
async function isRevoked({ env, hops }: StartEnvironment, project: string, { tokenId, parents }: Actor) {
  if (tokenId === OPERATOR.id) return false;
  return (await readD1(hops, () => selectRevoked(env.DB, project, [tokenId, ...parents]))).length > 0;
}

/**
 * The token that stored the action must not have ended. The creator's token may have expired, but must not be revoked.
 * Throws if nobody knows whether the retry was made.
 */
async function make(environment: StartEnvironment, retry: RetryToMake): Promise<MadeRetry> {
  const { runId, actionName, attempt, at, creator: actor, origin } = retry;
  try {
    const { storedBy } = await knownAction(environment, actionName);
    const { project } = partsOf(environment.scope);
    const state = await tokenStateOf(environment, project, actorOfLine(storedBy).tokenId);
    if (state !== "living") return { dropped: ENDED[state] };
    if (await isRevoked(environment, project, actor)) return { dropped: CREATOR_REVOKED };
    const changeKey = { key: retryKey(runId), fingerprint: "" };
    const creation = starterOf(environment, { actor, mustNamePerson: false, origin, key: changeKey.key });
    const notBefore = { floorMs: at, ceilMs: at };
    await retryRun(creation, changeKey, runId, { notBefore }, { automaticAttempt: attempt });
    return MADE;
  } catch (error) {
    // Somebody dropped it meanwhile, and said why.
    if (error instanceof NotWanted) return MADE;
    if (!(error instanceof ApiError) || error.status >= 500) throw error;
    return { dropped: `The retry was refused as ${error.code}. ${error.message}` };
  }
}

const READ_MAX_MS = 5000;

export class BulkOperations extends WorkerEntrypoint<Env> implements BulkRunner {
  async judge(scope: string, { asker, request }: BulkOrder): Promise<TokenState> {
    // Without keys, no retry counts as tried.
    if (request.operation === "retry") startEnvironment(this.env, scope, this.ctx);
    return within(READ_MAX_MS, tokenState(this.env.DB, partsOf(scope).project, asker.tokenId, Date.now()));
  }

  async retry(scope: string, order: BulkOrder, runIds: readonly string[]): Promise<readonly (BulkItem | null)[]> {
    const environment = startEnvironment(this.env, scope, this.ctx);
    return startEach(
      runIds,
      (runId) => retryOne(environment, order, runId),
      (error, runId) => logFailure("bulk_run_undecided", error, { operation: order.id, run: runId }),
    );
  }

  async conclude(scope: string, operation: BulkOperation, by: Stopper | null): Promise<void> {
    const { project, envName = null } = partsOf(scope);
    const at = operation.completedAt ?? Date.now();
    const { id: target } = operation.order;
    const what = { project, envName, action: "bulk_ended", target } as const;
    const entry = {
      ...newServiceEntry(what, at),
      ...(by !== null && {
        actor: by.id,
        actorName: by.name,
        sessionId: by.sessionId,
        person: by.person,
        proven: by.proven ?? null,
      }),
      id: await derivedAuditId(at, ["bulk_ended", target]),
      bulk: JSON.stringify(auditedEnd(operation)),
    };
    await auditStatement(this.env.DB, entry).run();
    logAudit(entry, undefined);
  }
}

/** Null: nobody knows whether the run was retried, so it must be tried again. Never throws. */
async function retryOne(environment: StartEnvironment, order: BulkOrder, runId: string): Promise<BulkItem | null> {
  try {
    return { runId, code: null, outcome: "accepted", newRunId: await newRunOf(environment, order, runId) };
  } catch (thrown) {
    const error = toApiError(thrown);
    const { code, status } = error;
    if (status < 500) return { runId, newRunId: null, outcome: "skipped", code };
    // Another try would find no more room.
    if (code === "storage_full") return { runId, newRunId: null, outcome: "failed", code };
    logFailure("bulk_run_undecided", error.cause ?? error, { operation: order.id, run: runId, code });
    return null;
  }
}

/** Throws why there is no new run. */
async function newRunOf(environment: StartEnvironment, order: BulkOrder, runId: string): Promise<string> {
  const { id, request, asker: actor, mustNamePerson, origin } = order;
  const changeKey = { key: bulkKey(id, runId), fingerprint: "" };
  const creation = starterOf(environment, { actor, mustNamePerson, origin, key: changeKey.key });
  const isFirst = request.operation === "retry" && !request.includeRetried;
  const { answer } = await retryRun(creation, changeKey, runId, {}, { isFirst });
  return answer.id;
}
