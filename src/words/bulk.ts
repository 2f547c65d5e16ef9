/** What a bulk operation would do and what became of it, in words without a full stop. PURE. */
import type { components } from "../client/openapi.ts";
import { countText, tallyText } from "./statuses.ts";

type Schemas = components["schemas"];
type Preview = Pick<Schemas["BulkPreview"], "matched" | "byStatus">;
type Kind = Schemas["BulkOperation"]["operation"];

export function changeable({ byStatus }: Pick<Preview, "byStatus">, kind: Kind): number {
  const { pending, running, succeeded, failed, cancelled } = byStatus;
  return kind === "cancel" ? pending + running : succeeded + failed + cancelled;
}

/** `38 can be cancelled, 2 have ended, 1 not found`. `digits`: as for `countText`. */
export function changeableText(preview: Preview, kind: Kind, digits?: (number: number) => string): string {
  const { matched, byStatus } = preview;
  const isCancel = kind === "cancel";
  const able = changeable(preview, kind);
  const known = Object.values(byStatus).reduce((sum, count) => sum + count, 0);
  const other = known - able;
  // The service keeps a run for some time only.
  const gone = typeof matched === "number" ? matched - known : 0;
  const words = [
    `${countText(able, digits)} can be ${isCancel ? "cancelled" : "retried"}`,
    other > 0 && `${countText(other, digits)} ${other === 1 ? "has" : "have"} ${isCancel ? "" : "not "}ended`,
    gone > 0 && `${countText(gone, digits)} not found`,
  ];
  return words.filter((one) => one !== false).join(", ");
}

/** What else a cancel does: it lets queued runs start. Null: nothing. */
export function wouldStartText({ wouldStart }: Pick<Schemas["BulkPreview"], "wouldStart">): string | null {
  if (!(wouldStart > 0)) return null;
  return `${wouldStart} waiting ${wouldStart === 1 ? "run" : "runs"} would start, because the cancel frees slots`;
}

/** `30 cancelled, 2 succeeded, 6 still open`, of the accepted runs. Null if none has ended. */
export function endedText({ ended, counts }: Pick<Schemas["BulkOperation"], "ended" | "counts">): string | null {
  if (!ended) return null;
  const open = counts.accepted - Object.values(ended).reduce((sum, count) => sum + count, 0);
  return [tallyText(ended), open > 0 ? `${open} still open` : ""].filter(Boolean).join(", ") || null;
}
