/** What an approver decides about. */

import { useCallback } from "preact/hooks";
import type { RunApproval } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { type Loaded, useLoad } from "../ui/load.ts";

/** `id`: of the run; null reads nothing. */
export function useApproval(id: string | null): Loaded<RunApproval | null> {
  const { reader } = useSession();
  const read = useCallback(
    async (signal: AbortSignal) => (id === null ? null : reader.runs.approval(id, { signal })),
    [reader, id],
  );
  return useLoad(read);
}
