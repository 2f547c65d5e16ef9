/** When a run was created, started and ended, and how long it waited, ran and took. The clock of an open stage ticks. */
import type { Schemas } from "../../client/index.ts";
import { ranOf, type Span, tookOf, waitedOf } from "../../words/durations.ts";
import { isOpen } from "../../words/statuses.ts";
import { ClockTime, Duration, useNow } from "../ui/time.tsx";

type TimelineEvent = Schemas["TimelineEvent"];

interface LifecycleBarProps {
  readonly run: Schemas["DetailedActionRun"];
  readonly events: readonly TimelineEvent[];
}

export function LifecycleBar({ run, events }: LifecycleBarProps) {
  const now = useNow(isOpen(run.status) ? 1000 : null);
  const { stages, last } = lifecycleOf(run, events, now);
  // In hundredths: a grid whose fractions add up to less than 1 leaves room unused.
  const columns = stages.map(({ share }) => `minmax(max-content, ${(share * 100).toFixed(1)}fr)`);
  return (
    <ol
      class={`stack gap-0 is-${run.status}`}
      aria-label="Lifecycle"
      style={{ gridTemplateColumns: [...columns, "max-content"].join(" ") }}
    >
      {stages.map((stage) => (
        <li key={stage.from.name} class={`stage is-${stage.name.toLowerCase()}`}>
          <Length stage={stage} />
          <span class="stage-line" />
          <MilestoneMark milestone={stage.from} />
        </li>
      ))}
      <li class="stage is-last">
        {/* A single stage says it already. */}
        {stages.length < 2 || last.at === null ? null : (
          <span class="cut">
            <span class="muted">Took</span> <Duration {...tookOf(run)} />
          </span>
        )}
        <MilestoneMark milestone={last} />
      </li>
    </ol>
  );
}

function Length({ stage: { name, from, to } }: { readonly stage: Stage }) {
  return (
    <span class="cut">
      {/* What comes next has no length. */}
      {from.at === null || name === "Next" ? null : (
        <>
          <span class="muted">{name}</span> <Duration from={from.at} to={to} />
        </>
      )}
    </span>
  );
}

function MilestoneMark({ milestone: { name, at } }: { readonly milestone: Milestone }) {
  return (
    <span class={`milestone stack gap-0 small${at === null ? " muted" : ""}`}>
      <span class="muted">{name}</span>
      <span>{at === null ? "–" : <ClockTime at={at} />}</span>
    </span>
  );
}

/** `at`: null if it has not happened yet. */
interface Milestone {
  readonly name: "Created" | "Starts" | "Started" | "Ended";
  readonly at: string | null;
}

interface Stage {
  readonly name: "Waiting" | "Waited" | "Running" | "Ran" | "Took" | "Next";
  /** The milestone that it begins with. */
  readonly from: Milestone;
  /** null: it goes on. */
  readonly to: string | null;
  /** Its part of the bar's length, 0 to 1. The parts add up to 1. */
  readonly share: number;
}

interface Lifecycle {
  readonly stages: readonly Stage[];
  readonly last: Milestone;
}

/** The least part of the bar that a stage gets. */
const SHARE_MIN = 0.15;

/**
 * The stages of a run for the bar: waiting for its start, then working. Or one, if its start is not known, or if the
 * run never came past its gates. `now`, in ms, is the end of an open stage.
 */
export function lifecycleOf(
  run: Schemas["DetailedActionRun"],
  events: readonly TimelineEvent[],
  now: number,
): Lifecycle {
  const { createdAt, startedAt, completedAt, status, details } = run;
  const created: Milestone = { name: "Created", at: createdAt };
  const started: Milestone = { name: "Started", at: startedAt };
  const last: Milestone = { name: "Ended", at: completedAt };
  const waited = waitedOf(run);
  const ran = ranOf(run);
  if (waited !== null && ran !== null) {
    const waitedMs = lengthOf(waited, now);
    const share = clamped(waitedMs / Math.max(waitedMs + lengthOf(ran, now), 1));
    const stages: Stage[] = [
      { name: "Waited", from: created, to: waited.to, share },
      { name: isOpen(status) ? "Running" : "Ran", from: started, to: ran.to, share: 1 - share },
    ];
    return { stages, last };
  }
  if (isOpen(status)) {
    const isTimed = details?.waiting?.for === "time";
    const next: Milestone = isTimed ? { name: "Starts", at: details?.waiting?.notBefore ?? null } : started;
    const stages: Stage[] = [
      { name: "Waiting", from: created, to: null, share: 1 - SHARE_MIN },
      { name: "Next", from: next, to: null, share: SHARE_MIN },
    ];
    return { stages, last };
  }
  const name = wasHeldBack(events) ? "Waited" : "Took";
  return { stages: [{ name, from: created, to: tookOf(run).to, share: 1 }], last };
}

/** Whether a gate was still closed at the run's end. */
function wasHeldBack(events: readonly TimelineEvent[]): boolean {
  return events.findLast(({ type }) => type === "waiting" || type === "released")?.type === "waiting";
}

function lengthOf({ from, to }: Span, now: number): number {
  return (to === null ? now : Date.parse(to)) - Date.parse(from);
}

function clamped(share: number): number {
  return Math.min(Math.max(share, SHARE_MIN), 1 - SHARE_MIN);
}
