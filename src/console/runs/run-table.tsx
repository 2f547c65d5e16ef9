/** The table of runs. A click anywhere on a row follows the link in it. */
import type { ComponentChildren } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { harmlessLink } from "../../base/visible-text.ts";
import { tookOf } from "../../words/durations.ts";
import { isSelected } from "../bulk/selection.ts";
import { type Selecting, SelectionCell, SelectionHead } from "../bulk/use-selection.tsx";
import { FailingText, WaitingText } from "../gates/waiting-note.tsx";
import { Link } from "../router.tsx";
import { useRowStops } from "../ui/list-page.tsx";
import { ByHand, ExternalLink, StatusMark } from "../ui/parts.tsx";
import { Duration, RelativeTime } from "../ui/time.tsx";
import { useFilters, withChip } from "./filters.ts";
import { useRunHref } from "./run-link.tsx";
import type { RunRow } from "./run-list.ts";
import { useWidth } from "./strip.tsx";

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
  /** The cell with the checkbox. */
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
