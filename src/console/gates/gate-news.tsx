/** What the frame tells on every page of an environment: how many runs wait for approval, and what is paused. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { useRead } from "../ui/load.tsx";
import { contextOf } from "../ui/stores.ts";

const POLL_MS = 30_000;
/** Above this, the frame only says that there are more. */
const APPROVALS_MAX = 50;
/** A list is current. The service's own counts can lack the decision that was just made. */
const WAITING = { waiting: "approval", limit: APPROVALS_MAX } as const;
const NO_PAUSES: readonly Schemas["Pause"][] = [];

interface GateNews {
  readonly pauses: readonly Schemas["Pause"][];
  /** How many runs wait for approval. Null: not known, or this token may not approve. */
  readonly approvals: Schemas["ActionRunSummary"]["pending"] | null;
  /** Reads both again. */
  readonly reload: () => void;
}

export const [GateNewsContext, useGateNews] = contextOf<GateNews>("news of gates");

/** A failed read is not shown, because the page below shows its own failure. Meanwhile the last news stay. */
export function GateNewsProvider({ children }: { readonly children: ComponentChildren }) {
  const { reader, holder } = useSession();
  const { mayApprove } = holder;
  const { data, reload } = useRead(
    async (signal) => {
      const [pauses, page] = await Promise.all([
        reader.pauses.list({ signal }),
        mayApprove ? reader.runs.list(WAITING, { signal }).page() : null,
      ]);
      const atLeast = page?.entries.length ?? 0;
      return { pauses, approvals: page && (page.next === null ? atLeast : { atLeast }) };
    },
    [reader, mayApprove],
    { everyMs: POLL_MS },
  );
  const news = useMemo(
    () => ({ pauses: data?.pauses ?? NO_PAUSES, approvals: data?.approvals ?? null, reload }),
    [data, reload],
  );
  return <GateNewsContext value={news}>{children}</GateNewsContext>;
}
