/** The page "Approvals": the runs that wait for approval, oldest first. */

import { useCallback, useState } from "preact/hooks";
import type { DetailedActionRun } from "../../client/index.ts";
import { hrefOf, Link, useRoute } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Empty } from "../ui/empty.tsx";
import { ListPage } from "../ui/list-page.tsx";
import { useLoad } from "../ui/load.ts";
import { type Column, Table } from "../ui/table.tsx";
import { Countdown, RelativeTime } from "../ui/time.tsx";
import { Who } from "../ui/who.tsx";
import { decidingOf, isOwn, REASONS } from "./deciding.ts";
import { type Decision, DecisionDialog } from "./decision-dialog.tsx";
import { useGateNews } from "./gate-news.tsx";
import { useApproval } from "./use-approval.ts";

const COLUMNS: readonly Column[] = [
  ["Run"],
  ["Created", "is-wide col-env"],
  ["Ends", "is-wide col-env"],
  ["Decide", "is-end col-decide", true],
];

const POLL_MS = 15_000;
/** The run that has waited longest comes first. */
const WAITING = { waiting: "approval", include: "details", order: "oldest" } as const;
/** A filter of the list of runs, which links to a run carry. */
const SEARCH = new URLSearchParams({ waiting: "approval" }).toString();

interface Open {
  readonly decision: Decision;
  readonly run: DetailedActionRun;
}

export function ApprovalsPage() {
  const { reader, holder } = useSession();
  const { reload: reloadNews } = useGateNews();
  const cursor = useRoute().query.get("cursor");
  const read = useCallback(
    (signal: AbortSignal) =>
      reader.runs.page({ ...WAITING, ...(cursor === null ? {} : { cursor }) }, { signal }),
    [reader, cursor],
  );
  const loaded = useLoad(read, { everyMs: POLL_MS });
  const [open, setOpen] = useState<Open | null>(null);
  function close() {
    setOpen(null);
    loaded.reload();
    reloadNews();
  }
  return (
    <>
      <ListPage
        title="Approvals"
        of="runs"
        loaded={loaded}
        note={
          holder.mayApprove ? null : (
            <p class="warning-box">
              Your token can't approve. An owner can create a token that may approve and reject runs.
            </p>
          )
        }
      >
        {({ runs }) =>
          runs.length === 0 ? (
            <Empty title="Nothing waits for you">
              <p>A run of an action that needs approval appears here by itself.</p>
            </Empty>
          ) : (
            <ApprovalTable runs={runs} onDecide={(decision, run) => setOpen({ decision, run })} />
          )
        }
      </ListPage>
      {open === null ? null : <DecisionDialog {...open} onClose={close} onDecided={close} />}
    </>
  );
}

interface ApprovalTableProps {
  readonly runs: readonly DetailedActionRun[];
  readonly onDecide: (decision: Decision, run: DetailedActionRun) => void;
}

function ApprovalTable({ runs, onDecide }: ApprovalTableProps) {
  return (
    <Table label="Approvals" class="approvals-table" columns={COLUMNS}>
      {runs.map((run) => (
        <ApprovalRow key={run.id} run={run} onDecide={onDecide} />
      ))}
    </Table>
  );
}

interface ApprovalRowProps extends Pick<ApprovalTableProps, "onDecide"> {
  readonly run: DetailedActionRun;
}

function ApprovalRow({ run, onDecide }: ApprovalRowProps) {
  const { scope, holder } = useSession();
  const { id, actionName, triggeredBy, createdAt, details } = run;
  // Only the approval itself says whether one's own run may be approved.
  const { data: rule } = useApproval(holder.mayApprove && isOwn(run, holder) ? id : null);
  const deciding = decidingOf(run, holder, rule ?? undefined);
  const { required = 1, approvals = [] } = details?.approval ?? {};
  return (
    <tr>
      <td>
        <Link class="row-link" href={hrefOf({ name: "run", ...scope, id }, SEARCH)}>
          <bdi>{actionName}</bdi>
        </Link>
        <p class="muted">
          by <Who name={triggeredBy} via={details?.via} />
          {required === 1 ? null : `, ${approvals.length} of ${required} approvals`}
        </p>
        <p class="is-narrow muted">
          <RelativeTime at={createdAt} />
        </p>
        {deciding in REASONS ? (
          <p class="muted" id={`why-${id}`}>
            {REASONS[deciding]}
          </p>
        ) : null}
      </td>
      <td class="is-wide">
        <RelativeTime at={createdAt} />
      </td>
      <td class="is-wide">{details?.waiting == null ? null : <Countdown until={details.waiting.until} />}</td>
      <td class="is-end">
        {deciding === "not_offered" ? null : (
          <span class="row-buttons">
            {(["approve", "reject"] as const).map((decision) => (
              <Button
                key={decision}
                disabled={deciding === "own_run" || (deciding === "approved" && decision === "approve")}
                aria-describedby={deciding in REASONS ? `why-${id}` : undefined}
                aria-label={`${VERBS[decision]} ${actionName}`}
                onClick={() => onDecide(decision, run)}
              >
                {VERBS[decision]}
              </Button>
            ))}
          </span>
        )}
      </td>
    </tr>
  );
}

const VERBS: Readonly<Record<Decision, string>> = { approve: "Approve", reject: "Reject" };
