/** What an approver decides about, and whether the service would take the decision. */

import { useCallback } from "preact/hooks";
import type { DetailedActionRun, RunApproval } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { type Loaded, useLoad } from "../ui/load.ts";
import { NOT_REFUSED, type Refusals } from "./deciding.ts";

/** `id`: of the run; null reads nothing. `version`: reads again when it changes. */
export function useApproval(id: string | null, version?: unknown): Loaded<RunApproval | null> {
  const { reader } = useSession();
  const read = useCallback(
    async (signal: AbortSignal) => (id === null ? null : reader.runs.approval(id, { signal })),
    [reader, id, version],
  );
  return useLoad(read);
}

/** With which codes the service would refuse a decision. `isAsked`: if not, nothing is read. */
export function useRefusals({ id, details }: DetailedActionRun, isAsked: boolean): Refusals {
  // Each approval can change the answer.
  const { data } = useApproval(isAsked ? id : null, details?.approval?.approvals.length);
  return data?.refusals ?? NOT_REFUSED;
}
