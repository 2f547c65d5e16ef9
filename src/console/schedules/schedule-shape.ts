/** What a schedule's definition holds, and whether fields can show it. PURE. The service checks everything else. */
import { isText, type Shown } from "../actions/definition-shape.ts";
import { isSchema, type Schema, stepOf } from "../actions/schema-form.ts";

/** What the fields of a schedule can show of each member. */
export const SHOWN: Shown = {
  action: isText,
  cron: isText,
  timezone: isText,
  // A text that is no JSON yet.
  parameters: (value) => isSchema(value) || isText(value),
  labels: (value) => Array.isArray(value) && value.every(isText),
  disabled: (value) => typeof value === "boolean",
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
