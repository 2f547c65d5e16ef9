/** What a bulk operation is and how it goes, in words. PURE. */
import type { Schemas } from "../../client/index.ts";
import { RUN_FILTER_NAMES, type RunFilters } from "../../words/run-filters.ts";
import { counted, countText, least, type Status } from "../../words/statuses.ts";
import { type Chip, chipName, chipValue } from "../runs/filters.ts";
import { Mark } from "../ui/parts.tsx";
import { useZone } from "../ui/time.tsx";

type BulkItem = Schemas["BulkItem"];
type BulkOperation = Schemas["BulkOperation"];

type ShownFilter = NonNullable<BulkOperation["filter"]>;

export function titleOf({ operation, counts, status }: BulkOperation): string {
  const { matched } = counts;
  const what = operation === "cancel" ? "Cancel" : "Retry";
  // The number still grows.
  return status === "collecting" ? `${what} of runs` : `${what} of ${counted(matched, "run")}`;
}

/** The filter as the list of runs shows it. */
export function chipsOfFilter({ labels: label, ...others }: ShownFilter): readonly Chip[] {
  const filter: RunFilters = { ...others, ...(label && { label }) };
  return RUN_FILTER_NAMES.flatMap((name) => [filter[name] ?? []].flat().map((value) => ({ name, value })));
}

export function isUnderWay({ status }: Pick<BulkOperation, "status">): boolean {
  return status === "collecting" || status === "running";
}

/** Whether somebody has asked it to stop and it finishes its last retries. */
export function isStopping({ status, abortReason }: Pick<BulkOperation, "status" | "abortReason">): boolean {
  return isUnderWay({ status }) && abortReason !== null;
}

/** How it is shown: one of the marks of a run, and a word. */
export function markOf(operation: Pick<BulkOperation, "status" | "abortReason">): {
  readonly mark: Status;
  readonly word: string;
} {
  if (isStopping(operation)) return { mark: "cancelled", word: "stopping" };
  const { status, abortReason } = operation;
  if (isUnderWay({ status })) return { mark: "running", word: status };
  if (status === "completed") return { mark: "succeeded", word: status };
  return abortReason === "asked" ? { mark: "cancelled", word: "stopped" } : { mark: "failed", word: status };
}

const WHY: Readonly<Record<NonNullable<BulkOperation["abortReason"]>, string>> = {
  asked: "Somebody stopped the operation. It did nothing to the remaining runs.",
  too_many_runs:
    "More runs matched than the operation may change, so it did nothing. Select the runs again, and look at the new number.",
  token_revoked: "The token that asked for the operation is revoked. The remaining runs are as they were.",
  token_expired: "The token that asked for the operation has expired. The remaining runs are as they were.",
};

/** Why it did not do everything; null if it did, or still works. */
export function whyAborted({ status, abortReason }: BulkOperation): string | null {
  if (status !== "aborted" || abortReason === null) return null;
  return Object.hasOwn(WHY, abortReason) ? WHY[abortReason] : abortReason;
}

/** `38 accepted, 2 skipped`, without those that are zero. */
export function countsText({ accepted, skipped, failed, remaining }: BulkOperation["counts"]): string {
  const parts = Object.entries({ accepted, skipped, failed, remaining }).filter(
    ([outcome, count]) => outcome === "accepted" || least(count) > 0,
  );
  return parts.map(([outcome, count]) => `${countText(count)} ${outcome}`).join(", ");
}

/** When to ask again, in ms: often while it works, and seldom while runs of a cancel have not ended. */
export function paceOf(operation: BulkOperation): number | undefined {
  if (isUnderWay(operation)) return WORKING_MS;
  const { ended, counts } = operation;
  if (ended === undefined) return undefined;
  if (ended === null) return ENDING_MS;
  const left = counts.accepted - ended.succeeded - ended.failed - ended.cancelled;
  return left > 0 ? ENDING_MS : undefined;
}

export const WORKING_MS = 2000;
const ENDING_MS = 10_000;

const MARKS: Readonly<Record<NonNullable<BulkItem["outcome"]>, Status>> = {
  accepted: "succeeded",
  skipped: "cancelled",
  failed: "failed",
};

export const OUTCOMES = Object.keys(MARKS) as readonly NonNullable<BulkItem["outcome"]>[];

export function markOfItem(outcome: BulkItem["outcome"]): Status {
  return outcome === null ? "pending" : MARKS[outcome];
}

/** The code of the API as words: `run succeeded`. */
export function codeText(code: string): string {
  return code.replaceAll("_", " ");
}

export function FilterWords({ filter }: { readonly filter: ShownFilter | null }) {
  const { minute } = useZone();
  if (filter === null) return <>selected one by one</>;
  return (
    <>
      {chipsOfFilter(filter).map((chip, index) => (
        <span key={`${chip.name} ${chip.value}`}>
          {index === 0 ? "" : ", "}
          <span class="muted">{chipName(chip)}</span> <bdi>{chipValue(chip, minute)}</bdi>
        </span>
      ))}
    </>
  );
}

export function Progress({ operation }: { readonly operation: BulkOperation }) {
  const { counts, status } = operation;
  const { mark, word } = markOf(operation);
  const done = counts.accepted + counts.skipped + counts.failed;
  // While the set is collected, nobody knows how many runs it will have.
  const bar = status === "collecting" ? {} : { value: done, max: Math.max(least(counts.matched), 1) };
  return (
    <div>
      <p>
        <Mark mark={mark}>{word}</Mark>{" "}
        <span class="number muted">
          {status === "collecting"
            ? `${countText(counts.matched)} found`
            : isUnderWay(operation)
              ? `${countText(done)} of ${countText(counts.matched)}`
              : countsText(counts)}
        </span>
      </p>
      {isUnderWay(operation) ? <progress aria-label="Progress" {...bar} /> : null}
    </div>
  );
}
