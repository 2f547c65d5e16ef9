/** Tells that runs of an action still wait after somebody changed or deleted the action. */

import { hrefOf } from "../routes/router.tsx";
import { countText } from "../runs/counts.ts";
import { useSession } from "../session/session.tsx";
import { useNotices } from "../ui/notices.tsx";

/**
 * A run that waits was created before the change and stays as it was: with the old request, and the old number of
 * approvals. `name`: of the action. Nobody waits for the answer, and a failed read says nothing.
 */
export function useWaitingNote(): (name: string) => void {
  const { reader, scope } = useSession();
  const { note } = useNotices();
  return (name) => {
    const query = { actionName: name, waiting: "any" } as const;
    reader.runs.summary(query).then(
      ({ pending }) => {
        if (pending === 0) return;
        const runs = pending === 1 ? "1 run" : `${countText(pending)} runs`;
        note(
          `${runs} of ${name} still ${pending === 1 ? "waits" : "wait"}. A waiting run keeps its request and its approval rule from before the change. Cancel runs that must not start.`,
          { link: { href: hrefOf({ name: "runs", ...scope }, new URLSearchParams(query)), text: "Waiting runs" } },
        );
      },
      () => {},
    );
  };
}
