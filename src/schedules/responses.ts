/** zod: the responses of schedules, for the OpenAPI document and the tests. */

import * as z from "zod";
import { listsOf } from "../definitions/operations.ts";
import { instantOrNull, named, responseInstant, text, textOrNull, version } from "../http/response-schemas.ts";
import { TIME_OUTCOMES } from "../runs/starts.ts";
import { scheduleDefinition } from "./definition.ts";

const DEFINITION = {
  action: "deploy",
  cron: "30 2 * * MON-FRI",
  timezone: "Europe/Berlin",
  parameters: { version: "1.4.2" },
  disabled: false,
};

export const schedule = z
  .object(scheduleDefinition.shape)
  .meta({
    id: "Schedule",
    description: "A schedule as the last PUT stored it, with all defaults. You can send it back unchanged.",
    examples: [DEFINITION],
  });

const nextAt = instantOrNull.describe(
  "When the next run starts. Null if somebody, or the service, has disabled the schedule.",
);

export const { list: scheduleList, versions: scheduleVersionList } = listsOf(
  schedule,
  { one: "Schedule", version: "ScheduleVersion" },
  { name: "nightly", definition: DEFINITION },
  { shape: { nextAt }, example: { nextAt: "2026-11-26T01:30:00.000Z" } },
);

const lastTime = named("LastScheduledTime", null, {
  at: responseInstant,
  outcome: z
    .enum(TIME_OUTCOMES)
    .describe(
      "`failed`: the run failed before it started, and its error says why. `skipped`: no run was created, because the " +
        "run before was still open, or because nothing could start within 15 minutes.",
    ),
  runId: z.uuid().nullable().describe("The run. Null if the time was skipped."),
});

const STATUS = {
  name: "nightly",
  version: 1795612908373,
  changedAt: "2026-11-25T13:21:48.373Z",
  changedBy: "ana",
  createdBy: "ana",
  disabledAt: null,
  disabledReason: null,
  nextTimes: [{ at: "2026-11-26T01:30:00.000Z", local: "2026-11-26T02:30:00.000+01:00" }],
  lastTime: { at: "2026-11-25T01:30:00.000Z", outcome: "started", runId: "01890a5d-ac96-774b-bcce-b302099a8057" },
};

export const scheduleStatus = named("ScheduleStatus", STATUS, {
  name: text,
  version,
  changedAt: responseInstant,
  changedBy: text.describe("The name of the token that changed it last, or `root`. Its runs have this creator."),
  createdBy: text.describe("The name of the token that created it, or `root`."),
  disabledAt: instantOrNull,
  disabledReason: textOrNull.describe("Why the service has disabled the schedule. Null if it has not."),
  nextTimes: z
    .array(
      z.object({
        at: responseInstant,
        local: z.iso.datetime({ offset: true }).describe("The same instant in the schedule's time zone."),
      }),
    )
    .describe("The next five times. Empty if somebody, or the service, has disabled the schedule."),
  lastTime: lastTime.nullable().describe("The last time whose run was created or skipped. Null if there was none."),
});
