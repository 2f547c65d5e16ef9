/** How a chip is named. PURE. */

import { WAITED_FOR } from "../gates/waiting.ts";
import type { Chip, FilterName } from "./filters.ts";
import { isRelative } from "./since.ts";

const NAMES: Readonly<Record<FilterName, string>> = {
  status: "status",
  actionName: "action",
  label: "label",
  triggeredBy: "by",
  entityId: "entity",
  waiting: "waiting for",
  group: "group",
  since: "since",
  createdAfter: "since",
  createdBefore: "until",
};
const WAITING: Readonly<Record<string, string>> = { ...WAITED_FOR, any: "anything" };
const AT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const AGO = /^\d/;

/** What stands before the value: "label". */
export function chipName({ name }: Chip): string {
  return NAMES[name];
}

/** The value as people read it: instants in the time zone of this machine. */
export function chipValue(chip: Chip): string {
  const { name, value } = chip;
  if (name === "waiting") return Object.hasOwn(WAITING, value) ? (WAITING[value] ?? value) : value;
  if (name === "since") return AGO.test(value) && isRelative(value) ? `${value} ago` : value;
  if (!isTime(chip)) return value;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? value : AT.format(at);
}

export function isTime({ name }: Chip): boolean {
  return name === "since" || name === "createdAfter" || name === "createdBefore";
}

export function chipText(chip: Chip): string {
  return `${chipName(chip)} ${chipValue(chip)}`;
}
