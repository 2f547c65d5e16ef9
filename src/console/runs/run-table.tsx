/** Runs as a table, and as bars. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { harmlessLink } from "../../base/visible-text.ts";
import { tookOf } from "../../words/durations.ts";
import { counted } from "../../words/statuses.ts";
import { isSelected } from "../bulk/selection.ts";
import { type Selecting, SelectionCell, SelectionHead } from "../bulk/use-selection.tsx";
import { FailingText, WaitingText } from "../gates/waiting-note.tsx";
import { Link } from "../router.tsx";
import { useRowStops } from "../ui/list-page.tsx";
import { ByHand, ExternalLink, StatusMark } from "../ui/parts.tsx";
import { Duration, RelativeTime } from "../ui/time.tsx";
import { useFilters, withChip } from "./filters.ts";
import { useRunHref } from "./run-link.tsx";
import { type RunRow, STRIP_RUNS } from "./run-list.ts";

interface RunTableProps {
  readonly rows: readonly RunRow[];
  readonly selectedId: string | null;
  /** The rows are still those of the address before. */
  readonly isStale: boolean;
  /** The link of the selected run was followed. */
  readonly onOpenAgain: () => void;
  /** Null: without checkboxes. */
  readonly selecting: Selecting | null;
}

/** A click anywhere on a row follows the link in it. */
export function RunTable({ rows, selectedId, isStale, onOpenAgain, selecting }: RunTableProps) {
  const hrefOfRun = useRunHref();
  const selection = selecting?.selection;
  const labelsHead = useRef<HTMLSpanElement>(null);
  const labelsPx = useWidth(labelsHead);
  // What a row calls must not change, or each row would be drawn again.
  const latest = useRef(selecting);
  latest.current = selecting;
  // A poll without news leaves `rows` as it is, and then nothing is drawn again.
  const body = useMemo(
    () =>
      rows.map((row) => (
        <Row
          key={row.id}
          row={row}
          href={hrefOfRun(row.id)}
          isSelected={row.id === selectedId}
          labelsPx={labelsPx}
          onFollow={row.id === selectedId ? onOpenAgain : undefined}
          box={
            selection === undefined ? null : (
              <SelectionCell
                row={row}
                isOn={isSelected(selection, row.id)}
                isStale={isStale}
                onToggle={(isRange) => latest.current?.toggle(row.id, isRange)}
              />
            )
          }
        />
      )),
    [rows, hrefOfRun, selectedId, onOpenAgain, selection, isStale, labelsPx],
  );
  const marks = [
    rows.some(({ subject, entityId }) => (subject ?? entityId) !== null) ? "has-subjects" : "",
    rows.some(({ labels }) => labels.length > 0) ? "has-labels" : "",
  ];
  return (
    <table class={`table run-table ${marks.join(" ")}`} aria-label="Runs" aria-busy={isStale}>
      <thead>
        <tr>
          {selecting === null ? null : <SelectionHead selecting={selecting} rows={rows} />}
          <th class="col-status" style={{ width: "var(--status)" }}>
            Status
          </th>
          <th>
            <span class="row-about row no-wrap">
              <span class="row-main row no-wrap">Run</span>
              <span class="row-rest row no-wrap">
                <span class="row-note" />
                <span class="row-subject cut">Subject</span>
                <span class="labels row no-wrap gap-4" ref={labelsHead}>
                  Labels
                </span>
              </span>
            </span>
          </th>
          <th class="col-who" style={{ width: "11%" }}>
            Triggered by
          </th>
          <th class="col-created" style={{ width: "var(--created)" }}>
            Created
          </th>
          <th style={{ width: "var(--took)" }}>Took</th>
          <th class="col-job" style={{ width: "64px" }}>
            Job
          </th>
        </tr>
      </thead>
      <tbody ref={useRowStops()}>{body}</tbody>
    </table>
  );
}

interface RowProps {
  readonly row: RunRow;
  readonly href: string;
  readonly isSelected: boolean;
  readonly onFollow: (() => void) | undefined;
  readonly labelsPx: number;
  readonly box: ComponentChildren;
}

function Row({ row, href, isSelected, onFollow, labelsPx, box }: RowProps) {
  const { id, actionName, title, isByHand, status, triggeredBy, createdAt, externalUrl } = row;
  const subject = row.subject ?? row.entityId;
  return (
    <tr class={isSelected ? "is-selected" : undefined}>
      {box}
      <td class="col-status" title={status}>
        <StatusMark status={status} />
      </td>
      <td>
        <span class="row-about row no-wrap">
          <span class="row-main row no-wrap">
            <Link
              class="row-link cut"
              href={href}
              onFollow={onFollow}
              title={title ?? actionName}
              data-run={id}
              aria-current={isSelected ? "page" : undefined}
            >
              <bdi>{title ?? actionName}</bdi>
            </Link>
            {title === null ? null : <bdi class="row-action cut muted small">{actionName}</bdi>}
            {isByHand ? <ByHand /> : null}
          </span>
          <span class="row-rest row no-wrap">
            <Note row={row} />
            {/* In the narrowest list it stands in for its column. */}
            <bdi class="row-who muted small">{triggeredBy}</bdi>
            <span class="row-subject cut muted" title={subject ?? undefined}>
              <bdi>{subject}</bdi>
            </span>
            {/* In the narrowest list, whose head has no labels, one has room in the place of a subject. */}
            <Labels labels={row.labels} roomPx={labelsPx || (subject === null ? CHIP_PX_MAX + COUNT_PX : 0)} />
          </span>
        </span>
      </td>
      <td class="col-who muted" title={triggeredBy}>
        <bdi>{triggeredBy}</bdi>
      </td>
      <td class="col-created muted">
        <RelativeTime at={createdAt} />
      </td>
      <td class="muted">
        <Duration {...tookOf(row)} />
        {/* In the narrowest list it stands in for its column. */}
        <span class="row-age small">
          <RelativeTime at={createdAt} />
        </span>
      </td>
      <td class="col-job">
        {externalUrl === null || harmlessLink(externalUrl) === null ? null : (
          <ExternalLink href={externalUrl}>Job</ExternalLink>
        )}
      </td>
    </tr>
  );
}

/** Why it failed, what it waits for, why it was not sent, or that it was asked to stop. */
function Note({ row: { problem, waiting, failing, isStopping } }: { readonly row: RunRow }) {
  if (problem !== null) {
    return (
      <span class="row-note row-problem cut small tone is-failed" title={problem}>
        <bdi>{problem}</bdi>
      </span>
    );
  }
  return (
    <span class="row-note cut muted small" title={failing?.reason}>
      {waiting !== null ? (
        <WaitingText waiting={waiting} />
      ) : failing !== null ? (
        <FailingText failing={failing} />
      ) : isStopping ? (
        "stopping"
      ) : null}
    </span>
  );
}

function Labels({ labels, roomPx }: { readonly labels: readonly string[]; readonly roomPx: number }) {
  const { query, change } = useFilters();
  const count = labelsThatFit(labels, roomPx);
  const rest = labels.slice(count);
  return (
    <span class="labels row no-wrap gap-4">
      {labels.slice(0, count).map((label) => (
        <button
          key={label}
          type="button"
          class="chip"
          title={`Only runs with the label ${label}`}
          onClick={() => change(withChip(query, { name: "label", value: label }))}
        >
          <bdi class="cut">{label}</bdi>
        </button>
      ))}
      {rest.length === 0 ? null : (
        <span class="chip" title={rest.join("\n")}>
          +{rest.length}
        </span>
      )}
    </span>
  );
}

/** Of a chip, in CSS pixels: a character, what is around the text with the gap, the widest one, and one that counts. */
const CHARACTER_PX = 6.5;
const AROUND_PX = 20;
const CHIP_PX_MAX = 124;
const COUNT_PX = 34;
const CUT_PX_MIN = 60;

/** How many labels have room beside each other, with the chip that counts the others. PURE. */
export function labelsThatFit(labels: readonly string[], roomPx: number): number {
  // A single one is cut, because its beginning says more than a count.
  if (labels.length === 1) return roomPx < CUT_PX_MIN ? 0 : 1;
  let used = 0;
  for (const [index, label] of labels.entries()) {
    used += Math.min(label.length * CHARACTER_PX + AROUND_PX, CHIP_PX_MAX);
    const isLast = index === labels.length - 1;
    if (used + (isLast ? 0 : COUNT_PX) > roomPx) return index;
  }
  return labels.length;
}

interface StripProps {
  /** Newest first. */
  readonly rows: readonly RunRow[];
  /** The query of the list beside a run, if it is another one. */
  readonly search?: string;
  readonly selectedId: string | null;
  /** Whether the rows begin with the newest run. */
  readonly isNewest: boolean;
}

/**
 * The newest at the right. The height says how long a run took, and colour and pattern say its status. The Tab key stops
 * once, and the arrows go from bar to bar, because all bars are one row.
 */
export function Strip({ rows, search, selectedId, isNewest }: StripProps) {
  const hrefOfRun = useRunHref();
  const list = useRef<HTMLOListElement>(null);
  const width = useWidth(list);
  // A finger needs larger targets (WCAG 2.5.8).
  const hasFinger = matchMedia("(pointer: coarse)").matches;
  const [pointedId, setPointedId] = useState<string | null>(null);
  const shown = useMemo(() => rows.slice(0, barsFor(width, hasFinger)), [rows, width, hasFinger]);
  const pointed = shown.find(({ id }) => id === (pointedId ?? selectedId)) ?? null;
  const bars = useMemo(
    () =>
      barsOf(shown, Date.now()).map(({ row, height, isCut }) => (
        <li key={row.id}>
          <Link
            class={`bar is-${row.status}${isCut ? " is-cut" : ""}`}
            href={hrefOfRun(row.id, search)}
            aria-label={`${row.title ?? row.actionName}, ${row.status}`}
            aria-current={row.id === selectedId ? "page" : undefined}
            onPointerEnter={() => setPointedId(row.id)}
            onFocus={() => setPointedId(row.id)}
          >
            <span style={{ height: `${(height * 100).toFixed(1)}%` }} />
          </Link>
        </li>
      )),
    [shown, hrefOfRun, search, selectedId],
  );
  const runs = counted(shown.length, "run");
  return (
    <nav
      ref={useRowStops()}
      class={hasFinger ? "strip has-finger" : "strip"}
      aria-label={isNewest ? "The last runs" : "Older runs"}
      onPointerLeave={() => setPointedId(null)}
    >
      <ol ref={list}>{bars}</ol>
      <p class="strip-caption cut row no-wrap gap-12 small">
        {pointed === null ? (
          <span class="cut muted">
            {shown.length > 0 &&
              `${isNewest ? `Last ${runs}` : `${runs} from this page on`}, newest at the right. A higher bar took longer.`}
          </span>
        ) : (
          <>
            <StatusMark status={pointed.status} />
            <bdi class="cut">{pointed.title ?? pointed.actionName}</bdi>
            <Duration {...tookOf(pointed)} />
            <RelativeTime at={pointed.createdAt} />
          </>
        )}
      </p>
    </nav>
  );
}

/** In CSS pixels, without the padding; 0 until it is known. */
export function useWidth(element: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

/** The room of one bar with its gap, in CSS pixels. */
const BAR_PX = 5;
/** The same for a finger (WCAG 2.5.8). */
const FINGER_PX = 24;
/** The lowest bar, as a part of the strip's height. */
const LOWEST = 0.08;
/** This part of the runs says how long runs usually take. */
const USUAL = 0.95;
/** Fewer runs than this have no usual duration. */
const USUAL_FROM_RUNS = 8;

export function barsFor(widthPx: number, hasFinger: boolean): number {
  return Math.min(Math.floor(widthPx / (hasFinger ? FINGER_PX : BAR_PX)), STRIP_RUNS);
}

/**
 * Oldest first, as time goes. The scale is logarithmic, because one run can take a thousand times as long as another. It
 * ends at twice the duration that 95 % of the runs keep to, so that one stuck run does not flatten all others.
 * `height`: 0 to 1 of the strip's. `isCut`: the run took longer than that can say. `rows`: newest first. `now`: the end of open runs.
 */
export function barsOf(rows: readonly RunRow[], now: number) {
  const topMs = fullHeightMs(rows, now);
  return rows
    .map((row) => {
      const ms = durationMs(row, now);
      const part = Math.min(Math.log2(1 + ms / 1000) / Math.log2(1 + topMs / 1000), 1);
      return { row, height: LOWEST + (1 - LOWEST) * part, isCut: ms > topMs };
    })
    .reverse();
}

/** How long a run took whose bar just reaches the strip's upper end, in ms. */
export function fullHeightMs(rows: readonly RunRow[], now: number): number {
  const sorted = rows.map((row) => durationMs(row, now)).sort((one, other) => one - other);
  const longest = sorted.at(-1) ?? 0;
  const usual = sorted[Math.floor((sorted.length - 1) * USUAL)] ?? 0;
  return Math.max(sorted.length < USUAL_FROM_RUNS ? longest : Math.min(longest, 2 * usual), 1000);
}

/** `now`: the end of an open run. */
export function durationMs(row: RunRow, now: number): number {
  const { from, to } = tookOf(row);
  return Math.max((to === null ? now : Date.parse(to)) - Date.parse(from), 0);
}
