/**
 * The stored action that a run came from, as it is now. It is read only for somebody who may retry the run. The first
 * read comes when the page opens, so that the page can offer a retry as soon as the run ends. The second comes at the
 * end.
 */

import { useCallback, useEffect, useRef } from "preact/hooks";
import { ActionRunsError, type DetailedActionRun } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { type Failure, useLoad } from "../ui/load.ts";
import { isOpen } from "../ui/statuses.ts";
import type { ActionNow } from "./permitted.ts";

export interface ActionOfRun {
  readonly action: ActionNow;
  readonly failure: Failure | null;
  readonly reload: () => void;
}

export function useActionOfRun({ status, details }: DetailedActionRun): ActionOfRun {
  const { reader, may } = useSession();
  const name = may("data:write") ? details?.action?.name : undefined;
  const read = useCallback(
    async (signal: AbortSignal) => {
      if (name === undefined) return undefined;
      try {
        return (await reader.actions.get(name, { signal })).definition;
      } catch (error) {
        if (error instanceof ActionRunsError && error.code === "action_not_found") return null;
        throw error;
      }
    },
    [reader, name],
  );
  const { data, failure, reload } = useLoad(read);
  const hasEnded = !isOpen(status);
  const hadEnded = useRef(hasEnded);
  useEffect(() => {
    if (hasEnded && !hadEnded.current) reload();
    hadEnded.current = hasEnded;
  }, [hasEnded, reload]);
  return { action: data, failure, reload };
}
