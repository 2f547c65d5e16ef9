/** A run's status by colour, by shape and by word. */
import type { Schemas } from "../../client/index.ts";

type ActionRunSummary = Schemas["ActionRunSummary"];

/* SECTION: The statuses of a run. PURE. */

export type Status = Schemas["ActionRun"]["status"];

export const STATUSES: readonly Status[] = ["pending", "running", "succeeded", "failed", "cancelled"];

export function isOpen(status: Status): boolean {
  return status === "pending" || status === "running";
}

/** The shape in a disc or ring: nothing, a clock's hand, a check, a cross, a slash. */
const SHAPES: Readonly<Record<Status, string | null>> = {
  pending: null,
  running: "M8 4.8V8l2.2 1.5",
  succeeded: "M5 8.3l2.1 2.1L11 6",
  failed: "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8",
  cancelled: "M5.2 8h5.6",
};

/** The shape without the word. Use it only if the word stands beside it. */
export function StatusIcon({ status }: { readonly status: Status }) {
  const shape = SHAPES[status];
  return (
    <svg class={`status-icon is-${status}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <circle cx="8" cy="8" r="6.25" />
      {shape === null ? null : <path d={shape} />}
    </svg>
  );
}

export function StatusMark({ status }: { readonly status: Status }) {
  return <Mark mark={status}>{status}</Mark>;
}

interface MarkProps {
  readonly mark: Status;
  readonly children: string;
}

/** What is no run, but is shown like one: the status says the colour and the shape. */
export function Mark({ mark, children }: MarkProps) {
  return (
    <span class={`status is-${mark}`}>
      <StatusIcon status={mark} />
      {children}
    </span>
  );
}

/* SECTION: How many runs there are of each status. PURE. */

export type Count = ActionRunSummary[Status];

export function countText(count: Count): string {
  return typeof count === "number" ? count.toLocaleString("en") : `${count.atLeast.toLocaleString("en")}+`;
}

/** Only a lower bound if one of them is one. */
export function sumOf(counts: readonly Count[]): Count {
  const sum = counts.reduce<number>((total, count) => total + least(count), 0);
  return counts.every((count) => typeof count === "number") ? sum : { atLeast: sum };
}

/** The number that is certain. */
export function least(count: Count): number {
  return typeof count === "number" ? count : count.atLeast;
}

/** The counts after a run went from one status to another. What is only a lower bound stays one. */
export function moved(counts: ActionRunSummary, from: Status, to: Status): ActionRunSummary {
  if (from === to) return counts;
  return { ...counts, [from]: plus(counts[from], -1), [to]: plus(counts[to], 1) };
}

function plus(count: Count, difference: number): Count {
  return typeof count === "number" ? Math.max(count + difference, 0) : count;
}
