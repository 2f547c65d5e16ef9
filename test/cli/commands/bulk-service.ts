/** A service that plays bulk operations as a test says. */

import type { Schemas } from "../../../src/client/index.ts";
import { OPERATION } from "../../support/api/api-objects.ts";
import { json, RUN } from "../misbehaving.ts";
import { ENVIRONMENT, type Step as Played, service } from "../service.ts";

type BulkOperation = Schemas["BulkOperation"];
type BulkPreview = Schemas["BulkPreview"];

export const OPERATIONS = `${ENVIRONMENT}/bulk-operations`;
export const ID = OPERATION.id;

/** The id of run `n`. */
export const idOf = (n: number) => `01a212de-9b55-8003-a8a9-dd2c${n.toString(16).padStart(8, "0")}`;

export function operation(told: Partial<BulkOperation> = {}): BulkOperation {
  return { ...OPERATION, ...told };
}

/** An operation on three runs that has ended. */
export function completed(accepted: number, skipped: number, failed: number): BulkOperation {
  return operation({
    status: "completed",
    completedAt: RUN.createdAt,
    counts: { matched: accepted + skipped + failed, accepted, skipped, failed, remaining: 0 },
  });
}

export const preview = (told: Partial<BulkPreview> = {}): BulkPreview => ({
  matched: 3,
  byStatus: { pending: 1, running: 1, succeeded: 1, failed: 0, cancelled: 0 },
  newest: [idOf(3), idOf(2), idOf(1)],
  wouldStart: 0,
  ...told,
});

export type Step = BulkOperation | Played;

export interface Script {
  readonly preview?: BulkPreview;
  /** The answers to a start, in turn. The last one stays. */
  readonly starts?: readonly Step[];
  /** The answers to a get, in turn. The last one stays. */
  readonly reads?: readonly Step[];
  readonly stopped?: Step;
  readonly items?: readonly Schemas["BulkItem"][];
}

export async function bulkService(script: Script = {}) {
  const starts = [...(script.starts ?? [operation()])];
  const reads = [...(script.reads ?? [completed(3, 0, 0)])];
  const next = (steps: Step[]) => (steps.length > 1 ? steps.shift() : steps[0]);
  const played = await service((request, response) => {
    const { method, url = "" } = request;
    const play = (step: Step | undefined, status = 200) =>
      typeof step === "function" ? step(response, request) : json(response, status, step);
    if (url.includes("/items")) {
      const outcome = new URL(url, "http://x").searchParams.get("outcome");
      const items = script.items ?? [];
      return json(response, 200, outcome === null ? items : items.filter((item) => item.outcome === outcome));
    }
    if (url.endsWith("/cancel")) return play(script.stopped ?? operation({ abortReason: "asked" }));
    if (method === "POST") {
      const isPreview = played.server.requests.at(-1)?.body.includes('"dryRun":true');
      return isPreview ? json(response, 200, script.preview ?? preview()) : play(next(starts), 202);
    }
    if (url.endsWith(OPERATIONS)) return json(response, 200, reads);
    play(next(reads));
  });
  /** Each request that changes something or may, with its body. */
  const posted = () =>
    played
      .sent()
      .filter(([line]) => line.startsWith("POST"))
      .map(([line, body]) => [line.slice("POST ".length + ENVIRONMENT.length), body ?? ""]);
  return { ...played, posted };
}
