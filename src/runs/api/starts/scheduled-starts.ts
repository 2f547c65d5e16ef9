/**
 * What a coordinator asks the Worker about schedules: to create the runs of times that are due. Each run is of the
 * schedule's action, and its creator is the token that stored the schedule. Each call is a Worker invocation of its own.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import { knownAction, resolveAction } from "../../../actions/resolve.ts";
import { type TokenState, tokenStateOf } from "../../../auth/token-state.ts";
import { LABELS_MAX, TIMEOUT_DEFAULT_MINUTES } from "../../../base/limits.ts";
import { logFailure } from "../../../base/log.ts";
import { MINUTE_MS } from "../../../base/time.ts";
import { disableDefinition } from "../../../definitions/store.ts";
import { ApiError, ERRORS, toApiError } from "../../../http/errors.ts";
import type { ScheduleDefinition } from "../../../schedules/definition.ts";
import { type KnownSchedule, SCHEDULE_KIND, scheduleMemory } from "../../../schedules/kind.ts";
import type { Env } from "../../../settings/env.ts";
import { actorOfLine } from "../../run.ts";
import { type ScheduledTime, type ScheduleRunner, scheduleKey, scheduleLabel } from "../../starts.ts";
import { createRun, wantedOfAction } from "../create-run.ts";
import type { WantedRun } from "../prepare-run.ts";
import { ask } from "../run-request.ts";
import { NotWanted } from "../run-response.ts";
import { type StartEnvironment, startEach, startEnvironment, starterOf } from "./starter.ts";

export class ScheduledStarts extends WorkerEntrypoint<Env> implements ScheduleRunner {
  async start(scope: string, times: readonly ScheduledTime[]): Promise<void> {
    const environment = startEnvironment(this.env, scope, (work) => this.ctx.waitUntil(work));
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
  const actor = actorOfLine(schedule.storedBy);
  const [o, p] = environment.scope.split("/");
  const token = await tokenStateOf(environment, `${o}/${p}`, actor.tokenId);
  if (token !== "living") {
    await create(environment, time, schedule, endedToken(schedule, token));
    return disable(environment, time.name, schedule, endedToken(schedule, token));
  }
  try {
    await create(environment, time, schedule, null);
  } catch (thrown) {
    const { code, message } = toApiError(thrown);
    // Of these, another try can change something.
    if (ERRORS[code][0] >= 500 || code === "environment_erasing") throw thrown;
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
      return failedRun(definition, known?.version ?? null, labels.slice(0, LABELS_MAX), {
        scheduled,
        startFailed: failure,
      });
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
  scheduled: WantedRun["scheduled"],
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
    ...(scheduled && { scheduled }),
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
