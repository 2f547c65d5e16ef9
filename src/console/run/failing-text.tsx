/** Why a pending run's receiver did not take its webhook, and when it is tried again. */

import type { ActionRunDetails } from "../../client/index.ts";
import { useNow } from "../ui/clock.tsx";
import { StatusIcon } from "../ui/status.tsx";
import { Countdown } from "../ui/time.tsx";

export type Failing = NonNullable<ActionRunDetails["delivery"]>;

/** In a list, the next attempt can have come since. */
export function FailingText({ failing: { reason, nextAttemptAt } }: { readonly failing: Failing }) {
  const isAhead = Date.parse(nextAttemptAt ?? "") > useNow(nextAttemptAt === null ? null : 1000);
  return (
    <>
      <bdi>{reason}</bdi>
      {nextAttemptAt !== null && isAhead ? (
        <>
          {" Next attempt "}
          <Countdown until={nextAttemptAt} />.
        </>
      ) : null}
    </>
  );
}

export function FailingNote({ failing }: { readonly failing: Failing }) {
  return (
    <div class="stop-note is-pending">
      <StatusIcon status="pending" />
      <div>
        <p>
          <FailingText failing={failing} />
        </p>
        <p class="muted">
          {failing.nextAttemptAt === null
            ? `Attempt ${failing.attempts} is under way.`
            : `Attempts so far: ${failing.attempts}.`}
        </p>
      </div>
    </div>
  );
}
