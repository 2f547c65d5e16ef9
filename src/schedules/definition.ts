/** zod: a schedule as a PUT sends it and as a GET shows it. PURE. */
import * as z from "zod/mini";
import { isTimeZone } from "../base/cron.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { DEFINITION_NAME, SCHEDULE_MAX_BYTES, SCHEDULES_MAX_PER_ENVIRONMENT } from "../base/limits.ts";
import { finiteNumbers, flag, inDocument, labels, maxBytes, objectOf, textLike, textUpTo } from "../http/schemas.ts";

const action = textLike(
  `^${DEFINITION_NAME}$`,
  "is no name of an action; send a letter or digit, then at most 62 letters, digits, ., _ and -.",
  "send the name of a stored action.",
);
const cron = textUpTo(200, "send a string.");
const parameters = z.custom<JsonObject>(isJsonObject, { error: "send a JSON object." }).check(finiteNumbers);
inDocument(parameters, { wire: { type: "object", additionalProperties: true } });
const timezone = z
  .string({ error: "send the name of a time zone, such as Europe/Berlin or UTC." })
  .check(
    z.maxLength(64, { error: "is too long; send a name such as Europe/Berlin.", abort: true }),
    z.refine(isTimeZone, { error: "is no known time zone; send a name such as Europe/Berlin or UTC." }),
  );
inDocument(timezone, { wire: { type: "string", maxLength: 64 } });

export const scheduleDefinition = objectOf(
  {
    action,
    cron,
    timezone,
    parameters: z._default(parameters, {}),
    labels,
    disabled: flag(DESCRIBE && "If true, the schedule starts no run."),
  },
  DESCRIBE && {
    id: "ScheduleDefinition",
    description:
      `When the service starts runs of an action. At most ${SCHEDULE_MAX_BYTES} bytes of JSON. An environment has at most ` +
      `${SCHEDULES_MAX_PER_ENVIRONMENT} schedules.`,
    members: {
      action: "The stored action that each run runs. It must have a `trigger`.",
      cron:
        "When runs start: minute, hour, day of the month, month and day of the week, separated by spaces. A field is `*`, a " +
        "number, a range such as `1-5`, a step such as `*/5` or `1-30/5`, or a list of numbers and ranges. Months and days may " +
        "have names such as `JAN` and `MON`, and Sunday is `0` or `7`. If both day fields are restricted, either is enough. " +
        "Or one of `@hourly`, `@daily`, `@weekly` and `@monthly`. It must have a time in the next five years.",
      timezone:
        "The IANA name of the time zone that `cron` is in, such as `Europe/Berlin` or `UTC`. If the clocks skip a time, the run " +
        "starts when they have moved. A time that they repeat counts once, unless minute or hour is `*` or a step of it.",
      parameters: `The parameters of each run. The action's schema must accept them. At most ${SCHEDULE_MAX_BYTES} bytes with the rest of the schedule.`,
    },
    examples: [
      { action: "deploy", cron: "30 2 * * MON-FRI", timezone: "Europe/Berlin", parameters: { version: "1.4.2" } },
    ],
  },
  maxBytes(SCHEDULE_MAX_BYTES, (schedule) => JSON.stringify(schedule)),
);

export type ScheduleDefinition = z.output<typeof scheduleDefinition>;
