/** How the last runs of an action or of a schedule went: numbers, bars with an axis, and the newest runs. */
import { useRef } from "preact/hooks";
import { formatDuration, tookOf } from "../../words/durations.ts";
import { hrefOf, Link } from "../router.tsx";
import { type RunRow, rowOf, STRIP_RUNS } from "../runs/run-list.ts";
import { barsFor, durationMs, fullHeightMs, Strip, useWidth } from "../runs/run-table.tsx";
import { useSession } from "../session/session.tsx";
import { type Column, Table } from "../ui/list-page.tsx";
import { ErrorView, useRead } from "../ui/load.tsx";
import { ByHand, Fact, StatusMark } from "../ui/parts.tsx";
import { Duration, Instant, RelativeTime, useZone } from "../ui/time.tsx";

const COLUMNS: readonly Column[] = [
  { text: "Run" },
  { text: "Triggered by", class: "is-wide" },
  { text: "Took" },
  { text: "Created", class: "is-end" },
];

/** Reading 200 runs costs more than a page of them. */
const POLL_MS = 15_000;
const LISTED = 5;

/** `value`: the name of the action, or the label of the schedule's runs. */
export function RunsPart({ of, value }: { readonly of: "action" | "schedule"; readonly value: string }) {
  const { scope, reader } = useSession();
  const { data, failure, reload } = useRead(
    async (signal) => {
      const filter = of === "action" ? { actionName: value } : { label: [value] };
      const query = { ...filter, include: "details", limit: STRIP_RUNS } as const;
      return (await reader.runs.list(query, { signal }).page()).entries.map(rowOf);
    },
    [reader, of, value],
    { everyMs: POLL_MS },
  );
  const search = new URLSearchParams({ [of === "action" ? "actionName" : "label"]: value }).toString();
  return (
    <>
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {data === undefined ? null : data.length === 0 ? (
        <p class="muted">{of === "action" ? "Nobody has run this action yet." : "None yet."}</p>
      ) : (
        <>
          <Numbers rows={data} />
          <Chart rows={data} search={search} />
          <Newest rows={data.slice(0, LISTED)} search={search} />
        </>
      )}
      <p>
        <Link href={hrefOf({ name: "runs", ...scope }, search)}>All runs of this {of}</Link>
      </p>
    </>
  );
}

function Numbers({ rows }: { readonly rows: readonly RunRow[] }) {
  const statistics = statisticsOf(rows);
  const { decided, succeeded, p50Ms, p95Ms } = statistics;
  // The bars show these, too.
  const apart = rows.some(({ isByHand }) => isByHand) ? ", apart from those made by hand" : "";
  if (p50Ms === null || p95Ms === null)
    return (
      <p class="muted">
        None of the last {rows.length} runs has succeeded or failed{apart}.
      </p>
    );
  return (
    <dl class="facts row run-numbers">
      <Fact term="Success rate">
        <b>{formatRate(statistics)}</b>{" "}
        <span class="muted">
          {succeeded} of {decided}
        </span>
      </Fact>
      <Fact term="Half ended within (p50)">
        <b>{formatDuration(p50Ms)}</b>
      </Fact>
      <Fact term="95 % ended within (p95)">
        <b>{formatDuration(p95Ms)}</b>
      </Fact>
      <Fact term="Counted">
        <span class="muted">
          {decided} that succeeded or failed, of the last {rows.length}
          {apart}
        </span>
      </Fact>
    </dl>
  );
}

interface RowsProps {
  /** Newest first. */
  readonly rows: readonly RunRow[];
  /** The query of a run's page, which shows the list beside it. */
  readonly search: string;
}

/** The bars, with how long the highest one took and when the first and the last run were created. */
function Chart({ rows, search }: RowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const shown = rows.slice(0, barsFor(useWidth(box), matchMedia("(pointer: coarse)").matches));
  const [newest, oldest] = [shown[0], shown.at(-1)];
  return (
    <div ref={box}>
      <p class="axis row is-apart number muted small">
        <span>{newest && formatDuration(fullHeightMs(shown, Date.now()))}</span>
      </p>
      <Strip rows={rows} search={search} selectedId={null} isNewest />
      <p class="axis row is-apart number muted small">
        {oldest && <Created at={oldest.createdAt} />}
        {newest && <Created at={newest.createdAt} />}
      </p>
    </div>
  );
}

function Created({ at }: { readonly at: string }) {
  return <Instant at={at}>{useZone().minute(at)}</Instant>;
}

function Newest({ rows, search }: RowsProps) {
  const { scope } = useSession();
  return (
    <Table label="The newest runs" columns={COLUMNS}>
      {rows.map((row) => (
        <tr key={row.id}>
          <td>
            <Link href={hrefOf({ name: "run", ...scope, id: row.id }, search)}>
              <StatusMark status={row.status} />
            </Link>{" "}
            {row.isByHand ? <ByHand /> : null}
          </td>
          <td class="is-wide">
            <bdi>{row.triggeredBy}</bdi>
          </td>
          <td>
            <Duration {...tookOf(row)} />
          </td>
          <td class="is-end">
            <RelativeTime at={row.createdAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

/**
 * Of the runs that succeeded or failed. A run that somebody cancelled says nothing about the action, and neither does one
 * that somebody sent under its name. The percentiles are null if there are none.
 */
export function statisticsOf(rows: readonly RunRow[]) {
  const decided = rows.filter(({ status, isByHand }) => !isByHand && (status === "succeeded" || status === "failed"));
  const durations = decided.map((row) => durationMs(row, 0)).sort((a, b) => a - b);
  return {
    decided: decided.length,
    succeeded: decided.filter(({ status }) => status === "succeeded").length,
    p50Ms: percentile(durations, 50),
    p95Ms: percentile(durations, 95),
  };
}

/** The smallest value that is at least as large as `percent` of all (nearest rank). `sorted`: smallest first. */
function percentile(sorted: readonly number[], percent: number): number | null {
  return sorted[Math.max(Math.ceil((percent / 100) * sorted.length) - 1, 0)] ?? null;
}

/** `94 %`. Only if all succeeded it is 100 %, and only if none did it is 0 %. */
export function formatRate({ decided, succeeded }: ReturnType<typeof statisticsOf>): string {
  const percent = Math.round((succeeded / decided) * 100);
  const isMixed = succeeded > 0 && succeeded < decided;
  return `${isMixed ? Math.min(Math.max(percent, 1), 99) : percent} %`;
}
