/** What a schedule's definition holds, and its fields. PURE. The service checks everything else. */
import { LABELS } from "../actions/action-fields.ts";
import { isSchema, type Schema, stepOf } from "../actions/schema-form.ts";
import type { FieldTable } from "../definitions/members.ts";

export const SCHEDULE_FIELDS: FieldTable = {
  "/cron": {
    kind: "text",
    label: "Cron",
    hint: "Minute, hour, day of the month, month, day of the week: 30 2 * * MON-FRI. Or @hourly, @daily, @weekly, @monthly.",
    empty: "",
  },
  "/timezone": {
    kind: "text",
    label: "Time zone",
    hint: "Such as Europe/Berlin or UTC.",
    empty: "",
    suggested: ["UTC", ...Intl.supportedValuesOf("timeZone")],
  },
  "/disabled": { kind: "flag", label: "Disabled: start no run", empty: false },
  "/action": { kind: "text", label: "Action", hint: "A stored action with a webhook.", empty: "" },
  // A text is no JSON yet.
  "/parameters": { kind: "own", label: "Parameters", isShown: (value) => isSchema(value) || typeof value === "string" },
  "/labels": LABELS,
};

/** The members that a schedule can't be without. */
const REQUIRED = ["action", "cron", "timezone"];

/** The pointers of fields that must not be empty, but are. */
export function emptyIn(definition: Schema | null): readonly string[] {
  return definition === null ? [] : REQUIRED.filter((name) => !definition[name]).map(stepOf);
}

/** What the editor of a new schedule begins with. `timezone`: of this machine. */
export function firstSchedule(timezone: string): Schema {
  return { action: "", cron: "30 2 * * *", timezone, parameters: {}, disabled: false };
}

/** The runs of a schedule have this label. */
export function scheduleLabel(name: string): string {
  return `schedule:${name}`;
}

const WORDS = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});

/**
 * `Thu, 26 Nov 2026, 02:30 +01:00`, as the clocks of its zone show it. `local`: RFC 3339. A browser need not know the
 * zone, because the text has its offset.
 */
export function localText(local: string): string {
  const [, clock = "", offset = ""] = /^(.+?)(Z|[+-]\d\d:\d\d)$/.exec(local) ?? [];
  return `${WORDS.format(Date.parse(`${clock}Z`))}${offset === "Z" ? "" : ` ${offset}`}`;
}
