/** The table of runs. A click anywhere on a row follows the link in it. */

import type { ComponentChildren } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { harmlessLink } from "../../base/visible-text.ts";
import { tookOf } from "../../words/durations.ts";
import { isSelected } from "../bulk/selection.ts";
import { type Selecting, SelectionCell, SelectionHead } from "../bulk/use-selection.tsx";
import { FailingText, WaitingText } from "../gates/waiting-note.tsx";
import type { Scope } from "../pages.ts";
import { hrefOf, Link } from "../router.tsx";
import { ExternalLink } from "../ui/button.tsx";
import { StatusMark } from "../ui/status.tsx";
import { Duration, RelativeTime } from "../ui/time.tsx";
import type { RunRow } from "./run-list.ts";

interface RunTableProps {
  readonly rows: readonly RunRow[];
  readonly scope: Scope;
  readonly search: string;
  readonly selectedId: string | null;
  /** The rows are still those of the address before. */
  readonly isStale: boolean;
  readonly onLabel: (label: string) => void;
  /** The link of the selected run was followed. */
  readonly onOpenAgain: () => void;
  /** Null: without checkboxes. */
  readonly selecting: Selecting | null;
}

export function RunTable(props: RunTableProps) {
  const { rows, scope, search, selectedId, isStale, onLabel, onOpenAgain, selecting } = props;
  const selection = selecting?.selection;
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
          href={hrefOf({ name: "run", ...scope, id: row.id }, search)}
          isSelected={row.id === selectedId}
          onLabel={onLabel}
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
    [rows, scope, search, selectedId, onLabel, onOpenAgain, selection, isStale],
  );
  return (
    <table class="table run-table" aria-label="Runs" aria-busy={isStale}>
      <thead>
        <tr>
          {selecting === null ? null : <SelectionHead selecting={selecting} rows={rows} />}
          <th class="col-status" style={{ width: "var(--statuses)" }}>
            Status
          </th>
          <th>Action</th>
          <th class="col-entity" style={{ width: "15%" }}>
            Entity
          </th>
          <th class="col-labels">Labels</th>
          <th class="col-who" style={{ width: "13%" }}>
            Triggered by
          </th>
          <th class="col-created" style={{ width: "88px" }}>
            Created
          </th>
          <th class="col-duration" style={{ width: "min(88px, 22vw)" }}>
            Duration
          </th>
          <th class="col-job" style={{ width: "72px" }}>
            Job
          </th>
        </tr>
      </thead>
      <tbody>{body}</tbody>
    </table>
  );
}

interface RowProps {
  readonly row: RunRow;
  readonly href: string;
  readonly isSelected: boolean;
  readonly onLabel: (label: string) => void;
  readonly onFollow: (() => void) | undefined;
  /** The cell with the checkbox. */
  readonly box: ComponentChildren;
}

function Row({ row, href, isSelected, onLabel, onFollow, box }: RowProps) {
  const { id, actionName, entityId, status, triggeredBy, createdAt, labels, externalUrl } = row;
  const { problem, waiting, failing } = row;
  const marks = [
    isSelected ? "is-selected" : "",
    (problem ?? waiting ?? failing) === null ? "" : "has-note",
    labels.length === 0 ? "" : "has-labels",
  ];
  return (
    <tr class={marks.filter(Boolean).join(" ") || undefined}>
      {box}
      <td class="col-status">
        <StatusMark status={status} />
        {row.isStopping ? <span class="stopping beside muted small">stopping</span> : null}
      </td>
      <td>
        <Link
          class="row-link"
          href={href}
          onFollow={onFollow}
          title={actionName}
          data-run={id}
          aria-current={isSelected ? "page" : undefined}
        >
          <bdi>{actionName}</bdi>
        </Link>
        {/* In a narrow list it stands in for the columns that have no room. */}
        <span class="row-more cut muted">
          <bdi>{triggeredBy}</bdi>
          {row.isStopping ? " · stopping" : ""}
          {entityId === null ? "" : ` · ${entityId.slice(0, ENTITY_SHOWN)}`}
        </span>
        {problem === null ? null : (
          <span class="row-note row-problem cut small tone is-failed" title={problem}>
            <bdi>{problem}</bdi>
          </span>
        )}
        {waiting === null ? null : (
          <span class="row-note cut muted small">
            <WaitingText waiting={waiting} />
          </span>
        )}
        {failing === null ? null : (
          <span class="row-note cut muted small" title={failing.reason}>
            <FailingText failing={failing} />
          </span>
        )}
      </td>
      <td class="col-entity muted" title={entityId ?? undefined}>
        <bdi>{entityId}</bdi>
      </td>
      <td class="col-labels">
        <Labels labels={labels} onLabel={onLabel} />
      </td>
      <td class="col-who muted" title={triggeredBy}>
        <bdi>{triggeredBy}</bdi>
      </td>
      <td class="col-created muted">
        <RelativeTime at={createdAt} />
      </td>
      <td class="col-duration muted">
        <Duration {...tookOf(row)} />
        {/* In the narrowest list it stands in for its column. */}
        <span class="row-age">
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

/** The first block of a UUID. */
const ENTITY_SHOWN = 8;
const LABELS_SHOWN = 3;

interface LabelsProps {
  readonly labels: readonly string[];
  readonly onLabel: (label: string) => void;
}

function Labels({ labels, onLabel }: LabelsProps) {
  const rest = labels.slice(LABELS_SHOWN);
  return (
    <span class="labels row no-wrap gap-4">
      {labels.slice(0, LABELS_SHOWN).map((label) => (
        <button
          key={label}
          type="button"
          class="chip"
          title={`Only runs with the label ${label}`}
          onClick={() => onLabel(label)}
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
