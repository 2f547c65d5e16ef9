/** When a run was created, started and ended, and how long it waited, ran and took. The clock of an open stage ticks. */

import type { DetailedActionRun, TimelineEvent } from "../../client/index.ts";
import { useNow } from "../ui/clock.tsx";
import { tookOf } from "../ui/durations.ts";
import { isOpen } from "../ui/statuses.ts";
import { Duration } from "../ui/time.tsx";
import { ClockTime } from "./clock-time.tsx";
import { lifecycleOf, type Milestone, type Stage } from "./lifecycle.ts";

interface LifecycleBarProps {
  readonly run: DetailedActionRun;
  readonly events: readonly TimelineEvent[];
}

export function LifecycleBar({ run, events }: LifecycleBarProps) {
  const now = useNow(isOpen(run.status) ? 1000 : null);
  const { stages, last } = lifecycleOf(run, events, now);
  // In hundredths: a grid whose fractions add up to less than 1 leaves room unused.
  const columns = stages.map(({ share }) => `minmax(max-content, ${(share * 100).toFixed(1)}fr)`);
  return (
    <ol
      class={`lifecycle is-${run.status}`}
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
          <span class="stage-took">
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
    <span class="stage-took">
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
    <span class={`milestone${at === null ? " is-missing" : ""}`}>
      <span class="milestone-name">{name}</span>
      <span>{at === null ? "–" : <ClockTime at={at} />}</span>
    </span>
  );
}
