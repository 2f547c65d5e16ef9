/** Shows approvals, concurrency groups and pauses to people. Every text from the service passes through `plain`. */

import { type ConcurrencyGroup, type Pause, type RunApproval, WHOLE_ENVIRONMENT } from "../client/index.ts";
import { words } from "./event-text.ts";
import { type Output, plain, plainLines } from "./output.ts";
import { readableJson } from "./readable-json.ts";
import type { Column } from "./table.ts";
import { fields, indent, instantText } from "./telling.ts";

const GROUP_COLUMNS: readonly Column[] = [
  // Commands need the whole name.
  { heading: "GROUP" },
  { heading: "KEY", least: 12, dispensable: 1 },
  { heading: "LIMIT", dispensable: 2 },
  { heading: "RUNNING" },
  { heading: "WAITING" },
  { heading: "PAUSED", least: 12, dispensable: 3 },
];
const PAUSE_COLUMNS: readonly Column[] = [
  { heading: "GROUP" },
  { heading: "SINCE", dispensable: 3 },
  { heading: "UNTIL", dispensable: 1 },
  { heading: "BY", least: 8, dispensable: 2 },
  { heading: "REASON", least: 20 },
];

/** What an approver must see besides the run: the request as it will be sent. */
export function approvalText({ action, request, allowSelf }: RunApproval, output: Output): string {
  const rows = [
    [
      "note",
      action.isChanged
        ? "The action has changed since. This run stays as it was created, and is sent as below."
        : null,
    ],
    ["own run", allowSelf ? "the run's creator may approve it too" : null],
    ["request", request && plain(`${request.method} ${request.url}`)],
    ["headers", request && jsonText(request.headers)],
    ["payload", request && jsonText(request.payload)],
  ];
  const shown = fields(rows, output);
  return request === null ? shown : `${shown}\n\nnull stands in the place of each secret.`;
}

function jsonText(value: unknown): string {
  return indent(plainLines(readableJson(value)));
}

export function groupTable(groups: readonly ConcurrencyGroup[], output: Output): string {
  const rows = groups.map(({ group, key, limit, holders, waiters, paused }) => [
    group,
    key ?? "",
    String(limit),
    String(holders),
    String(waiters),
    paused ?? "",
  ]);
  return output.table(GROUP_COLUMNS, rows, (column, cell) => (column === 5 && cell !== "" ? "yellow" : null));
}

export function pauseTable(pauses: readonly Pause[], output: Output): string {
  const rows = pauses.map((pause) => [
    pausedText(pause.group),
    instantText(pause.at),
    pause.until === null ? "resumed" : instantText(pause.until),
    byText(pause),
    pause.reason,
  ]);
  return output.table(PAUSE_COLUMNS, rows);
}

export function pauseText(pause: Pause, output: Output): string {
  const rows = [
    ["paused", plain(pausedText(pause.group))],
    ["reason", plain(pause.reason)],
    ["until", pause.until === null ? "somebody resumes it" : instantText(pause.until)],
    ["by", plain(byText(pause))],
    ["since", instantText(pause.at)],
  ];
  return fields(rows, output);
}

/** What a pause holds back. */
export function pausedText(group: string): string {
  return group === WHOLE_ENVIRONMENT ? "the whole environment" : group;
}

function byText({ by, via }: Pause): string {
  return words(by, via === null ? "" : `via ${via}`);
}
