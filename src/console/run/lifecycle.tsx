/** When a run was created, started and ended, and how long it waited, ran and took. The clock of an open stage ticks. */
import type { Schemas } from "../../client/index.ts";
import { ranOf, type Span, tookOf, waitedOf } from "../../words/durations.ts";
import { isOpen } from "../../words/statuses.ts";
import { ClockTime, Duration, useNow } from "../ui/time.tsx";

interface LifecycleBarProps {
  readonly run: Schemas["DetailedActionRun"];
  readonly events: readonly Schemas["TimelineEvent"][];
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
      {stages.map(({ name, from, to }) => (
        <li key={from.name} class={`stage is-${name.toLowerCase()}`}>
          {/* What comes next has no length. */}
          <span class="cut">
            {from.at === null || name === "Next" ? null : <Length of={name} from={from.at} to={to} />}
          </span>
          <span class="stage-line" />
          <MilestoneMark {...from} />
        </li>
      ))}
      <li class="stage is-last">
        {/* A single stage says it already. */}
        <span class="cut">{stages.length < 2 || last.at === null ? null : <Length of="Took" {...tookOf(run)} />}</span>
        <MilestoneMark {...last} />
      </li>
    </ol>
  );
}

function Length({ of, from, to }: Span & { readonly of: string }) {
  return (
    <>
      <span class="muted">{of}</span> <Duration from={from} to={to} />
    </>
  );
}

/** `at`: null if it has not happened yet. */
interface Milestone {
  readonly name: "Created" | "Starts" | "Started" | "Ended";
  readonly at: string | null;
}

function MilestoneMark({ name, at }: Milestone) {
  return (
    <span class={`milestone stack gap-0 small${at === null ? " muted" : ""}`}>
      <span class="muted">{name}</span>
      <span>{at === null ? "–" : <ClockTime at={at} />}</span>
    </span>
  );
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

/** The least part of the bar that a stage gets. */
const SHARE_MIN = 0.15;

/**
 * The stages of a run for the bar: waiting for its start, then working. Or one, if its start is not known, or if the
 * run never came past its gates. `now`, in ms, is the end of an open stage.
 */
export function lifecycleOf(
  run: Schemas["DetailedActionRun"],
  events: readonly Schemas["TimelineEvent"][],
  now: number,
): { readonly stages: readonly Stage[]; readonly last: Milestone } {
  const { createdAt, startedAt, completedAt, status, details } = run;
  const created: Milestone = { name: "Created", at: createdAt };
  const started: Milestone = { name: "Started", at: startedAt };
  const last: Milestone = { name: "Ended", at: completedAt };
  const waited = waitedOf(run);
  const ran = ranOf(run);
  if (waited !== null && ran !== null) {
    const waitedMs = lengthOf(waited, now);
    const part = waitedMs / Math.max(waitedMs + lengthOf(ran, now), 1);
    const share = Math.min(Math.max(part, SHARE_MIN), 1 - SHARE_MIN);
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
  // Whether a gate was still closed at the run's end.
  const gate = events.findLast(({ type }) => type === "waiting" || type === "released");
  const name = gate?.type === "waiting" ? "Waited" : "Took";
  return { stages: [{ name, from: created, to: tookOf(run).to, share: 1 }], last };
}

function lengthOf({ from, to }: Span, now: number): number {
  return (to === null ? now : Date.parse(to)) - Date.parse(from);
}
