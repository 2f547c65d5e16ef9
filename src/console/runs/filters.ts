/**
 * The filters of the list in the address, as chips, and as the API gets them. The names in the address are the API's own.
 * Only `since` is not, so that a bookmark of today's runs shows the runs of the day on which somebody opens it.
 */
import { useCallback, useMemo } from "preact/hooks";
import { ActionRunsError, type RunFilter } from "../../client/index.ts";
import { RUN_FILTERS, type RunFilterName } from "../../words/run-filters.ts";
import { isRelative, LOCAL, sinceInstant } from "../../words/since.ts";
import type { Status } from "../../words/statuses.ts";
import { WAITED_FOR } from "../../words/waiting.ts";
import { atCursor, hrefOf, useRoute, useRouter } from "../router.tsx";
import type { Times } from "../ui/time.tsx";
import type { RunRow } from "./run-list.ts";

const { createdAfter, createdBefore, ...OTHERS } = RUN_FILTERS;
/** In the order of the chips. A search by `text` is one of lists alone: nothing counts it or changes its runs. */
const FILTERS = {
  ...OTHERS,
  since: createdAfter,
  createdAfter,
  createdBefore,
  text: { shown: "text", isRepeatable: false },
} as const;
export type FilterName = keyof typeof FILTERS;
const NAMES = Object.keys(FILTERS) as readonly FilterName[];

export interface Chip {
  readonly name: FilterName;
  readonly value: string;
}

/** The parameter of the API that a filter becomes. Refusals name it. */
function parameterOf(name: FilterName): RunFilterName | "text" {
  return name === "since" ? "createdAfter" : name;
}

export function chipsOf(query: URLSearchParams): readonly Chip[] {
  return NAMES.flatMap((name) =>
    [...new Set(query.getAll(name))]
      .filter((value) => value !== "" && !(name === "createdAfter" && query.get("since")))
      .slice(0, FILTERS[name].isRepeatable ? undefined : 1)
      .map((value) => ({ name, value })),
  );
}

/**
 * What to ask the API. An unknown value goes to the API as it is, because the refusal says what to change. `now`: what
 * `since` counts from.
 */
export function filterOf(query: URLSearchParams, now: Date, zone = LOCAL): RunFilter {
  const filter: Partial<Record<RunFilterName | "text", string | string[]>> = {};
  for (const { name, value } of chipsOf(query)) {
    const parameter = parameterOf(name);
    const text = name === "since" ? (sinceInstant(value, now, zone)?.toISOString() ?? value) : value;
    filter[parameter] = FILTERS[name].isRepeatable ? [filter[parameter] ?? [], text].flat() : text;
  }
  return filter as RunFilter;
}

/**
 * What a filter asks of a run besides its action, subject and labels, by which the feed of changes filters itself. A row
 * can't say whether its run has a text.
 */
export function matches(
  { actionName, subject, label, ...others }: Omit<RunFilter, "limit" | "order" | "include">,
  row: Pick<RunRow, "status" | "triggeredBy" | "entityId" | "createdAt" | "waiting">,
): boolean {
  const { status, triggeredBy, entityId, waiting, group, createdAfter, createdBefore, text, ...unknown } = others;
  // The compiler refuses a filter that nobody looks at here.
  unknown satisfies Record<string, never>;
  const at = Date.parse(row.createdAt);
  return (
    text === undefined &&
    (status === undefined || status.includes(row.status)) &&
    (triggeredBy === undefined || triggeredBy.toLowerCase() === row.triggeredBy.toLowerCase()) &&
    (entityId === undefined || entityId.toLowerCase() === row.entityId) &&
    (waiting === undefined || (waiting === "any" ? row.waiting !== null : row.waiting?.for === waiting)) &&
    (group === undefined || row.waiting?.group === group) &&
    !(createdAfter !== undefined && at <= Date.parse(createdAfter)) &&
    !(createdBefore !== undefined && at >= Date.parse(createdBefore))
  );
}

export function isFiltered(query: URLSearchParams): boolean {
  return chipsOf(query).length > 0;
}

/** Whether runs that are created from now on can appear in the list. */
export function isNewest(query: URLSearchParams): boolean {
  return !query.get("cursor");
}

/** Adds the chip, or puts it in the place of the one that it excludes. */
export function withChip(query: URLSearchParams, chip: Chip): URLSearchParams {
  const changed = withoutChip(query, chip);
  if (chip.name === "createdAfter") changed.delete("since");
  changed.append(chip.name, chip.value);
  return changed;
}

export function withoutChip(query: URLSearchParams, { name, value }: Chip): URLSearchParams {
  const changed = atCursor(query, null);
  // A single value hides further ones, which must not appear in its place.
  changed.delete(name, FILTERS[name].isRepeatable ? value : undefined);
  if (name === "since") changed.delete("createdAfter");
  return changed;
}

export function withStatusToggled(query: URLSearchParams, status: Status): URLSearchParams {
  const chip = { name: "status", value: status } as const;
  return query.getAll("status").includes(status) ? withoutChip(query, chip) : withChip(query, chip);
}

export function withoutFilters(query: URLSearchParams): URLSearchParams {
  const changed = atCursor(query, null);
  for (const name of NAMES) changed.delete(name);
  return changed;
}

/** The same filters at another moment: with the instant that `since` means now. */
export function withInstants(query: URLSearchParams, now: Date, zone = LOCAL): URLSearchParams {
  const changed = new URLSearchParams(query);
  const since = sinceInstant(query.get("since") ?? "", now, zone);
  if (since === null) return changed;
  changed.delete("since");
  changed.set("createdAfter", since.toISOString());
  return changed;
}

const WAITING: Readonly<Record<string, string>> = { ...WAITED_FOR, any: "anything" };
const AGO = /^\d+ ?[a-z]$/i;

/** What stands before the value: "label". */
export function chipName({ name }: Chip): string {
  return FILTERS[name].shown;
}

/** The value as people read it. `minute`: how an instant is written. */
export function chipValue(chip: Chip, minute: Times["minute"]): string {
  const { name, value } = chip;
  if (name === "waiting") return Object.hasOwn(WAITING, value) ? (WAITING[value] ?? value) : value;
  if (name === "since") return AGO.test(value) && isRelative(value) ? `${value} ago` : value;
  if (!isTime(chip)) return value;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? value : minute(value);
}

export function isTime({ name }: Chip): boolean {
  return name === "since" || name === "createdAfter" || name === "createdBefore";
}

export function chipText(chip: Chip, minute: Times["minute"]): string {
  return `${chipName(chip)} ${chipValue(chip, minute)}`;
}

export interface Refusal {
  readonly chips: ReadonlySet<Chip>;
  readonly sentence: string;
}

/** null if the error is about something else than a chip. */
export function refusalOf(error: unknown, chips: readonly Chip[]): Refusal | null {
  if (!(error instanceof ActionRunsError) || error.code !== "invalid_query") return null;
  const named = chips.filter((chip) => error.pointer === `/${parameterOf(chip.name)}`);
  // "label.1: …" is about the second label.
  const [, index] = /^\w+\.(\d+):/.exec(error.message) ?? [];
  const one = index === undefined ? undefined : named[Number(index)];
  const refused = one === undefined ? named : [one];
  return refused.length === 0 ? null : { chips: new Set(refused), sentence: error.message };
}

/** The filters of the address. `change` goes to others. A run that is open stays open. */
export function useFilters() {
  const { page, query } = useRoute();
  const router = useRouter();
  const chips = useMemo(() => chipsOf(query), [query]);
  const change = useCallback(
    (changed: URLSearchParams) => page !== null && router.navigate(hrefOf(page, changed)),
    [page, router],
  );
  return { query, chips, change };
}
