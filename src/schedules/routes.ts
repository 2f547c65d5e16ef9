/** /{o}/{p}/envs/{envName}/schedules: what every stored definition has, and when a schedule's times are. */

import { requires } from "../auth/authentication.ts";
import { localTime } from "../base/cron.ts";
import {
  SCHEDULES_MAX_PER_ENVIRONMENT,
  SCHEDULES_MAX_PER_PROJECT,
  VERSIONS_MAX_PER_DEFINITION,
} from "../base/limits.ts";
import { rfc3339 } from "../base/time.ts";
import { requireStored } from "../definitions/change.ts";
import { askCoordinator, environmentOf } from "../definitions/coordinator.ts";
import { DEFINITION, definitionRoutes } from "../definitions/routes.ts";
import type { ScheduleDefinition } from "./definition.ts";
import { nextTimesOf, SCHEDULE_KIND } from "./kind.ts";
import { schedule, scheduleList, scheduleStatus, scheduleVersionList } from "./responses.ts";

const SHOWN_TIMES = 5;

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
).get(
  `${DEFINITION}/status`,
  requires(
    "data:read",
    DESCRIBE && {
      operationId: "getScheduleStatus",
      tag: "Schedules",
      summary: "Get the status of a schedule",
      description:
        "Returns the next times of a schedule, what became of the last one, and whether the service has disabled it. Its " +
        "runs are those with the label `schedule:{name}`.",
      responses: { 200: { description: "The status", json: scheduleStatus } },
      errors: ["coordinator_unavailable"],
    },
  ),
  async (c) => {
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
  },
);
