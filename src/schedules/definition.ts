/** zod: a schedule as a PUT sends it and as a GET shows it. PURE. */
import * as z from "zod/mini";
import { isTimeZone } from "../base/cron.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { DEFINITION_NAME, SCHEDULE_MAX_BYTES, SCHEDULES_MAX_PER_ENVIRONMENT } from "../base/limits.ts";
import { finiteNumbers, flag, inDocument, labels, maxBytes } from "../http/schemas.ts";

const ACTION = `^${DEFINITION_NAME}$`;

const action = z
  .string({ error: "send the name of a stored action." })
  .check(
    z.regex(new RegExp(ACTION), {
      error: "is no name of an action; send a letter or digit, then at most 62 letters, digits, ., _ and -.",
    }),
  );
inDocument(action, {
  wire: { type: "string", pattern: ACTION },
  description: "The stored action that each run runs. It must have a `trigger`.",
});

const CRON_MAX_CHARACTERS = 200;

const cron = z
  .string({ error: "send a string." })
  .check(z.maxLength(CRON_MAX_CHARACTERS, { error: `is too long; send at most ${CRON_MAX_CHARACTERS} characters.` }));
inDocument(cron, {
  wire: { type: "string", maxLength: CRON_MAX_CHARACTERS },
  description:
    "When runs start: minute, hour, day of the month, month and day of the week, separated by spaces. A field is `*`, a " +
    "number, a range such as `1-5`, a step such as `*/5` or `1-30/5`, or a list of numbers and ranges. Months and days may " +
    "have names such as `JAN` and `MON`, and Sunday is `0` or `7`. If both day fields are restricted, either is enough. " +
    "Or one of `@hourly`, `@daily`, `@weekly` and `@monthly`. It must have a time in the next five years.",
});

const timezone = z
  .string({ error: "send the name of a time zone, such as Europe/Berlin or UTC." })
  .check(
    z.maxLength(64, { error: "is too long; send a name such as Europe/Berlin.", abort: true }),
    z.refine(isTimeZone, { error: "is no known time zone; send a name such as Europe/Berlin or UTC." }),
  );
inDocument(timezone, {
  wire: { type: "string", maxLength: 64 },
  description:
    "The IANA name of the time zone that `cron` is in, such as `Europe/Berlin` or `UTC`. If the clocks skip a time, the run " +
    "starts when they have moved. A time that they repeat counts once, unless minute or hour is `*` or a step of it.",
});

const parameters = z.custom<JsonObject>(isJsonObject, { error: "send a JSON object." }).check(finiteNumbers);
inDocument(parameters, {
  wire: { type: "object", additionalProperties: true },
  description: `The parameters of each run. The action's schema must accept them. At most ${SCHEDULE_MAX_BYTES} bytes with the rest of the schedule.`,
});

export const scheduleDefinition = z
  .strictObject({
    action,
    cron,
    timezone,
    parameters: z._default(parameters, {}),
    labels,
    disabled: flag(DESCRIBE && "If true, the schedule starts no run."),
  })
  .check(maxBytes(SCHEDULE_MAX_BYTES, (schedule) => JSON.stringify(schedule)));
inDocument(scheduleDefinition, {
  id: "ScheduleDefinition",
  description:
    `When the service starts runs of an action. At most ${SCHEDULE_MAX_BYTES} bytes of JSON. An environment has at most ` +
    `${SCHEDULES_MAX_PER_ENVIRONMENT} schedules.`,
  examples: [
    { action: "deploy", cron: "30 2 * * MON-FRI", timezone: "Europe/Berlin", parameters: { version: "1.4.2" } },
  ],
});

export type ScheduleDefinition = z.output<typeof scheduleDefinition>;
