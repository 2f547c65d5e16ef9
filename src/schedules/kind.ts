/** Schedules as a kind of stored definition: what a PUT checks, what an isolate remembers, and the routes. */
import type { Context } from "hono";
import { knownAction, resolved } from "../actions/resolve.ts";
import { requires } from "../auth/authentication.ts";
import { cronFault, localTime, nextTimes } from "../base/cron.ts";
import {
  LABEL_MAX_CHARACTERS,
  LABELS_MAX,
  SCHEDULES_MAX_PER_ENVIRONMENT,
  SCHEDULES_MAX_PER_PROJECT,
  VERSIONS_MAX_PER_DEFINITION,
} from "../base/limits.ts";
import { rfc3339 } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import { askCoordinator, changed, noteChange, requireStored } from "../definitions/change.ts";
import type { DefinitionKind } from "../definitions/kind.ts";
import { DefinitionMemory, type Known } from "../definitions/memory.ts";
import { DEFINITION, definitionRoutes } from "../definitions/routes.ts";
import { ApiError, refusalOf } from "../http/errors.ts";
import type { Described } from "../http/operation.ts";
import { type AppEnv, environmentOf, scopeOf } from "../http/request-context.ts";
import { register } from "../runs/d1/control-database.ts";
import { type ScheduleFilter, scheduleLabel } from "../runs/starts.ts";
import { type ScheduleDefinition, scheduleDefinition } from "./definition.ts";
import { schedule, scheduleList, scheduleStatus, scheduleVersionList } from "./responses.ts";

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
  beforeChange: async (c, definition) => {
    const silences = definition === null || definition.disabled;
    await noteChange(c, { silences });
    // The sweep must know the coordinator, which may have no run yet.
    if (!silences) await readD1(c.get("hops"), () => register(c.env.DB, scopeOf(c), Date.now()).run());
  },
  afterChange: changed,
};

/** None if somebody, or the service, has disabled it. */
function nextTimesOf(definition: ScheduleDefinition, isDisabled: boolean, count: number): readonly number[] {
  return isDisabled || definition.disabled ? [] : nextTimes(definition, Date.now(), count);
}

/** Throws what is known to fail each run. A disabled schedule starts nothing, so its action may be gone. */
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
  const known = await knownAction(environmentOf(c), name);
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

const SHOWN_TIMES = 5;

const GET_SCHEDULE_STATUS: Described = DESCRIBE && {
  operationId: "getScheduleStatus",
  summary: "Get the status of a schedule",
  description:
    "Returns the next times of a schedule, what became of the last one, and whether the service has disabled it. Its " +
    "runs are those with the label `schedule:{name}`.",
  responses: { 200: { description: "The status", json: scheduleStatus } },
  errors: ["coordinator_unavailable"],
};

export const scheduleRoutes = definitionRoutes(
  SCHEDULE_KIND,
  DESCRIBE && {
    descriptions: {
      list: "Returns the schedules of an environment by name, each with its next time.",
      get: "Returns a schedule. You can send it back with PUT. `ETag` is the version.",
      put:
        "Creates or replaces a schedule. At each of its times, the service creates a run of the action, and you are the " +
        "creator of the run. Send `If-Match` with the ETag that you read, so that you overwrite nobody's change. While a run " +
        "of the schedule is open, its times are skipped. A time is tried for 15 minutes, and then skipped. If a run can't " +
        "start, for example because the action is gone, the run fails at once. When your token is revoked or expires, the " +
        "service disables the schedule, and a PUT with another token enables it. A session of ROOT_TOKEN can only store " +
        "disabled schedules, and a token that may act for others must name a person. Times begin with the PUT. " +
        `An environment has at most ${SCHEDULES_MAX_PER_ENVIRONMENT} schedules, and a project ${SCHEDULES_MAX_PER_PROJECT}.`,
      delete: "Deletes a schedule and its versions. Runs that it started go on.",
      listVersions:
        "Returns the versions of a schedule, newest first. The first one is the current version. The service keeps the newest " +
        `${VERSIONS_MAX_PER_DEFINITION} of a schedule.`,
      getVersion: "Returns a version. To restore it, send it with PUT and the `If-Match` of the current version.",
      deleteVersion: "Deletes an older version. You can't delete the current version.",
    },
    shown: {
      get: "The schedule",
      replaced: "The schedule that replaced an older version",
      created: "The new schedule",
      version: "The version",
    },
    schemas: { list: scheduleList, one: schedule, created: schedule, versions: scheduleVersionList },
    errorsOfPut: [
      "action_not_found",
      "action_needs_newer_code",
      "trigger_required",
      "invalid_parameters",
      "too_many_labels",
      "person_required",
      "too_many_schedules",
      "coordinator_unavailable",
    ],
  },
).get(`${DEFINITION}/status`, requires("data:read", GET_SCHEDULE_STATUS), async (c) => {
  const stored = await requireStored(c, SCHEDULE_KIND);
  const { name, version, changedAt, storedBy, createdBy, disabledAt, disabledReason } = stored;
  const last = await askCoordinator(environmentOf(c), ({ schedules }) => schedules.lastTime(name));
  const definition = JSON.parse(stored.definition) as ScheduleDefinition;
  return c.json({
    name,
    version,
    changedAt: rfc3339(changedAt),
    changedBy: storedBy.tokenName,
    createdBy,
    disabledAt: rfc3339(disabledAt),
    disabledReason,
    nextTimes: nextTimesOf(definition, disabledReason !== null, SHOWN_TIMES).map((at) => ({
      at: rfc3339(at),
      local: localTime(at, definition.timezone),
    })),
    lastTime: last && { ...last, at: rfc3339(last.at) },
  });
});
