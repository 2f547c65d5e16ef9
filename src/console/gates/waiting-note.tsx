/** What a run waits for: its place in line, behind which runs, and when it ends if it still waits. */

import { useCallback } from "preact/hooks";
import { hrefOf, Link, useRoute } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { useLoad } from "../ui/load.ts";
import { StatusIcon } from "../ui/status.tsx";
import { Countdown } from "../ui/time.tsx";
import type { Waiting } from "./waiting.ts";
import { WaitingText } from "./waiting-text.tsx";

/** How many of those ahead are named. */
const NAMED = 3;
/** The end of an id that people tell runs apart by. */
const ID_END = 6;

export function WaitingNote({ waiting }: { readonly waiting: Waiting }) {
  const { behind = [], until } = waiting;
  const more = behind.length - NAMED;
  return (
    <div class="stop-note is-pending">
      <StatusIcon status="pending" />
      <div>
        <p>
          <span class="waiting-text">
            <WaitingText waiting={waiting} />
          </span>
          {behind.length === 0 ? null : (
            <>
              {", behind "}
              {behind.slice(0, NAMED).map((id, index) => (
                <span key={id}>
                  {index === 0 ? "" : ", "}
                  <RunLink id={id} />
                </span>
              ))}
              {more > 0 ? ` and ${more} more` : ""}
            </>
          )}
          .
        </p>
        <p class="muted">
          The run ends <Countdown until={until} /> if it still waits.
        </p>
      </div>
    </div>
  );
}

/** The name of the run's action and the end of the run's id. Until the name is read, only the id. */
export function RunLink({ id }: { readonly id: string }) {
  const { reader, scope } = useSession();
  const { search } = useRoute();
  const read = useCallback((signal: AbortSignal) => reader.runs.get(id, { signal }), [reader, id]);
  const { data } = useLoad(read);
  return (
    <Link href={hrefOf({ name: "run", ...scope, id }, search)} title={id}>
      <bdi>{data?.actionName ?? "run"}</bdi> …{id.slice(-ID_END)}
    </Link>
  );
}
