/** Says on every page of an environment that the environment is paused, and which runs go on. */

import { useState } from "preact/hooks";
import { type Pause, WHOLE_ENVIRONMENT } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icons.tsx";
import { Countdown } from "../ui/time.tsx";
import { Who } from "../ui/who.tsx";
import { useGateNews } from "./gate-news.tsx";
import { ResumeDialog } from "./resume-dialog.tsx";

export function PauseBanner() {
  const { scope, may } = useSession();
  const { pauses, reload } = useGateNews();
  const [isResuming, setResuming] = useState(false);
  const pause = pauses.find(({ group }) => group === WHOLE_ENVIRONMENT);
  if (pause === undefined) return null;
  return (
    <section class="banner pause-banner" aria-label="Pause">
      <Icon name="warning" />
      <p>
        <strong>{scope.envName} is paused:</strong> <PauseFacts pause={pause} /> Runs without a gate go on.
      </p>
      {may("actions:manage") ? <Button onClick={() => setResuming(true)}>Resume</Button> : null}
      {isResuming ? <ResumeDialog group={pause.group} onClose={() => setResuming(false)} onResumed={reload} /> : null}
    </section>
  );
}

/** The reason, who paused it and until when. */
export function PauseFacts({ pause: { reason, by, via, until } }: { readonly pause: Pause }) {
  return (
    <>
      <bdi>{reason}</bdi>{" "}
      <span class="muted">
        (by <Who name={by} via={via} />
        {until === null ? null : (
          <>
            , ends <Countdown until={until} />
          </>
        )}
        )
      </span>
    </>
  );
}
