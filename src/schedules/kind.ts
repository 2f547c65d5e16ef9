/** Schedules as a kind of stored definition: what a PUT checks, and what an isolate remembers. */
import type { Context } from "hono";
import { knownAction, resolved } from "../actions/resolve.ts";
import { cronFault, nextTimes } from "../base/cron.ts";
import {
  LABEL_MAX_CHARACTERS,
  LABELS_MAX,
  SCHEDULES_MAX_PER_ENVIRONMENT,
  SCHEDULES_MAX_PER_PROJECT,
} from "../base/limits.ts";
import { rfc3339 } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import { changed, noteChange } from "../definitions/coordinator.ts";
import type { DefinitionKind } from "../definitions/kind.ts";
import { DefinitionMemory, type Known } from "../definitions/memory.ts";
import { ApiError, refusalOf } from "../http/errors.ts";
import { type AppEnv, scopeOf } from "../http/request-context.ts";
import { register } from "../runs/d1/control-database.ts";
import { type ScheduleFilter, scheduleLabel } from "../runs/starts.ts";
import { type ScheduleDefinition, scheduleDefinition } from "./definition.ts";

export type KnownSchedule = Known<ScheduleDefinition>;

/** Per isolate. */
export const scheduleMemory = new DefinitionMemory<ScheduleDefinition>((known) => known);

export const SCHEDULE_KIND: DefinitionKind<ScheduleDefinition> = {
  name: "schedule",
  maxPerEnvironment: SCHEDULES_MAX_PER_ENVIRONMENT,
  maxPerProject: SCHEDULES_MAX_PER_PROJECT,
  tooMany: "too_many_schedules",
  permissions: { read: "data:read", manage: "actions:manage" },
  memory: scheduleMemory,
  schema: scheduleDefinition,
  // It has no secret.
  secrets: { map: (definition) => definition, keeps: () => () => false, moved: "" },
  startsRuns: ({ disabled }) => !disabled,
  requireStorable,
  requireWhole: () => {},
  filterOf: ({ cron, timezone, disabled }, _secrets, c) => {
    const filter: ScheduleFilter = { cron, timezone, disabled, origin: new URL(c.req.url).origin };
    return JSON.stringify(filter);
  },
  listed: (definition, isDisabled) => ({ nextAt: rfc3339(nextTimesOf(definition, isDisabled, 1)[0] ?? null) }),
  beforeChange: async (c, _ref, definition) => {
    const silences = definition === null || definition.disabled;
    await noteChange(c, { silences });
    // The sweep must know the coordinator, which may have no run yet.
    if (!silences) await readD1(c.get("hops"), () => register(c.env.DB, scopeOf(c), Date.now()).run());
  },
  afterChange: changed,
};

/** The next times of a schedule. None if somebody, or the service, has disabled it. */
export function nextTimesOf(definition: ScheduleDefinition, isDisabled: boolean, count: number): readonly number[] {
  return isDisabled || definition.disabled ? [] : nextTimes(definition, Date.now(), count);
}

/**
 * Throws `invalid_body`, and what is known to fail each run: `action_not_found`, `trigger_required`, `too_many_labels` and
 * `invalid_parameters`. A disabled schedule starts nothing, so its action may be gone.
 */
async function requireStorable(c: Context<AppEnv>, definition: ScheduleDefinition): Promise<void> {
  const label = scheduleLabel(c.req.param("name") ?? "");
  if (label.length > LABEL_MAX_CHARACTERS) {
    const sentence = `The name of a schedule can have ${LABEL_MAX_CHARACTERS - scheduleLabel("").length} characters at most, because each run gets it as a label.`;
    throw new ApiError("invalid_body", `${sentence} Choose a shorter name.`);
  }
  const fault = cronFault(definition, Date.now());
  if (fault !== null) throw refusalOf("invalid_body", [{ path: ["cron"], message: fault }]);
  const { action: name, parameters, labels = [], disabled } = definition;
  if (disabled) return;
  const resolver = {
    env: c.env,
    hops: c.get("hops"),
    scope: scopeOf(c),
    waitUntil: (work: Promise<unknown>) => c.executionCtx.waitUntil(work),
  };
  const known = await knownAction(resolver, name);
  if (known.definition.trigger === undefined) {
    throw new ApiError("trigger_required", undefined, { pointer: "/action" });
  }
  const action = resolved(name, known, undefined, parameters);
  const all = new Set([...action.labels, ...labels, label]);
  if (all.size > LABELS_MAX) {
    const sentence = `The runs would have ${all.size} labels. Send at most ${LABELS_MAX}, together with those of the action and the one that names the schedule.`;
    throw new ApiError("too_many_labels", sentence, { pointer: "/labels" });
  }
}
