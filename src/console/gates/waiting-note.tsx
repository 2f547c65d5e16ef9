/** What a run waits for: its place in line, behind which runs, and when it ends if it still waits. */
import type { Schemas } from "../../client/index.ts";
import { ageStepMs } from "../../words/durations.ts";
import { counted } from "../../words/statuses.ts";
import { type Waiting, waitingText, whenText } from "../../words/waiting.ts";
import { hrefOf } from "../router.tsx";
import { RunLink } from "../runs/run-link.tsx";
import { useSession } from "../session/session.tsx";
import { StatusNote, useNotices, Who } from "../ui/parts.tsx";
import { Countdown, useNow, useZone } from "../ui/time.tsx";
import { Fails } from "./approval.tsx";
import { PlannedPause } from "./pause.tsx";

const NAMED = 3;

export function WaitingNote({ waiting }: { readonly waiting: Waiting }) {
  const { behind = [], until, throughPause } = waiting;
  const more = behind.length - NAMED;
  return (
    <StatusNote status="pending">
      <p>
        <span class="waiting-text">
          <WaitingText waiting={waiting} />
        </span>
        {behind.slice(0, NAMED).map((id, index) => (
          <span key={id}>
            {index === 0 ? ", behind " : ", "}
            <RunLink id={id} />
          </span>
        ))}
        {more > 0 ? ` and ${more} more` : ""}.
      </p>
      {throughPause === undefined ? null : (
        <p>
          <Who name={throughPause.by} via={throughPause.via} /> let the run through the pause:{" "}
          <bdi>{throughPause.reason}</bdi>
        </p>
      )}
      <p class="muted">
        The run <Fails until={until} /> if it still waits.
      </p>
      <PlannedPause group={waiting.group} />
    </StatusNote>
  );
}

/** What a run waits for, in a few words. The time until its start ticks. */
export function WaitingText({ waiting }: { readonly waiting: Waiting }) {
  const { for: gate, notBefore } = waiting;
  const at = gate === "time" ? notBefore : null;
  const now = useNow(at === null ? null : ageStepMs(Date.parse(at) - Date.now()));
  const { exact, timeZone } = useZone();
  const when = (instant: number) => whenText(instant, now, timeZone);
  return <bdi title={at === null ? undefined : exact(at)}>{waitingText(waiting, now, { when })}</bdi>;
}

export type Failing = NonNullable<Schemas["ActionRunDetails"]["delivery"]>;

/** In a list, the next attempt can have come since. */
export function FailingText({ failing: { reason, nextAttemptAt } }: { readonly failing: Failing }) {
  const isAhead = Date.parse(nextAttemptAt ?? "") > useNow(nextAttemptAt === null ? null : 1000);
  return (
    <>
      <bdi>{reason}</bdi>
      {nextAttemptAt === null || !isAhead ? null : (
        <>
          {" Next attempt "}
          <Countdown until={nextAttemptAt} />.
        </>
      )}
    </>
  );
}

export function FailingNote({ failing }: { readonly failing: Failing }) {
  return (
    <StatusNote status="pending">
      <p>
        <FailingText failing={failing} />
      </p>
      <p class="muted">
        {failing.nextAttemptAt === null
          ? `Attempt ${failing.attempts} is under way.`
          : `Attempts so far: ${failing.attempts}.`}
      </p>
    </StatusNote>
  );
}

/** A run that waits keeps the old request and the old number of approvals. A failed read says nothing. */
export function useWaitingNote(): (name: string) => void {
  const { reader, scope } = useSession();
  const { note } = useNotices();
  return (name) => {
    const query = { actionName: name, waiting: "any" } as const;
    reader.runs.summary(query).then(
      ({ pending }) => {
        if (pending === 0) return;
        note(
          `${counted(pending, "run")} of ${name} still ${pending === 1 ? "waits" : "wait"}. A waiting run keeps ` +
            "its request and its approval rule from before the change. Cancel runs that must not start.",
          { link: { href: hrefOf({ name: "runs", ...scope }, new URLSearchParams(query)), text: "Waiting runs" } },
        );
      },
      () => {},
    );
  };
}
