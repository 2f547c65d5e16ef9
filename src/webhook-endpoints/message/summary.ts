/**
 * One line about an event of a run, for chats and commit statuses. PURE. Everybody who creates a run chooses its names,
 * so no character is left that is markup, a mention, a line break, or invisible anywhere. The text of the run's error is
 * never part of it.
 */

import { SUMMARY_MAX_CHARACTERS } from "../../base/limits.ts";
import type { EventType } from "../../runs/telling.ts";

interface Summarized {
  readonly actionName: string;
  readonly entityId: string | null;
  readonly status: string;
  readonly createdAt: string;
  readonly completedAt: string | null;
}

/**
 * Letters beyond the basic plane are replaced as well, because GitHub refuses a commit status that has them. Some
 * letters have no glyph.
 */
const NOT_PLAIN = /[^\p{L}\p{Nd} ._/:-]|[\u{10000}-\u{10ffff}]|\p{Default_Ignorable_Code_Point}/gu;
const CUT = "..";

/**
 * For example `deploy for svc/checkout: failed after 3m 12s`, or `deploy: waits for approval`. At most 140 characters, and
 * always with its end.
 */
export function summaryOf(run: Summarized, type: EventType, isTest: boolean): string {
  const { actionName, entityId } = run;
  const start = isTest ? "Test: " : "";
  const end = `: ${type === "action_run.approval_requested" ? "waits for approval" : outcomeOf(run)}`;
  const room = SUMMARY_MAX_CHARACTERS - start.length - end.length;
  if (entityId === null) return start + cut(plain(actionName), room) + end;
  const [action, entity] = [plain(actionName), plain(entityId)];
  const both = room - " for ".length;
  // The longer name is cut first.
  const actionRoom = Math.max(Math.floor(both / 2), both - entity.length);
  const cutAction = cut(action, actionRoom);
  return `${start}${cutAction} for ${cut(entity, both - cutAction.length)}${end}`;
}

function outcomeOf({ status, createdAt, completedAt }: Summarized): string {
  const ms = Date.parse(completedAt ?? createdAt) - Date.parse(createdAt);
  return `${status} after ${durationOf(ms)}`;
}

/** Two slashes would make some chats show a link. */
function plain(name: string): string {
  return name.normalize("NFC").replace(NOT_PLAIN, "_").replaceAll("//", "/_");
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : text.slice(0, max - CUT.length) + CUT;
}

/** `12s`, `3m 12s`, `1h 4m`, `2d 3h`. */
function durationOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes < 1) return `${seconds}s`;
  if (hours < 1) return `${minutes}m ${seconds % 60}s`;
  return hours < 24 ? `${hours}h ${minutes % 60}m` : `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
