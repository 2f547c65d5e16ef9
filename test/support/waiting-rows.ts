/** What a row has of a run that waits at a gate. */

import type { Run, WaitingFor } from "../../src/runs/run.ts";

const CREATOR = { tokenId: "root", tokenName: "root", parents: [], person: null };

export interface Waited {
  readonly group?: string;
  readonly tokenId?: string;
  readonly sealedUnder?: string | null;
}

/** `waitingFor` null: it no longer waits. */
export function waitingRun(
  waitingFor: WaitingFor | null,
  { group = "prod", tokenId = "root", sealedUnder = null }: Waited = {},
): Pick<Run, "gates" | "waitingFor" | "waitingSince"> {
  const at = Date.now();
  return {
    gates: {
      notBefore: waitingFor === "time" ? at + 60_000 : null,
      approval: { required: 1, allowSelf: false },
      concurrency: { group, key: "", limit: 1, onConflict: "queue" },
      waitUntil: at + 3_600_000,
      creator: { ...CREATOR, tokenId },
      sealedUnder,
    },
    waitingFor,
    waitingSince: waitingFor === null ? null : at,
  };
}
