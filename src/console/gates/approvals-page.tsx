/** The page "Approvals": the runs that wait for approval, oldest first. */
import { useCallback } from "preact/hooks";
import type { CallOptions, Schemas } from "../../client/index.ts";
import { titleOf } from "../../words/statuses.ts";
import { Link } from "../router.tsx";
import { useRunHref } from "../runs/run-link.tsx";
import { useSession } from "../session/session.tsx";
import { useDialog } from "../ui/forms.tsx";
import { type Column, ListPage, Table, useListPage } from "../ui/list-page.tsx";
import { Empty, Who } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";
import {
  type Decision,
  DecisionButtons,
  DecisionDialog,
  Fails,
  isUndecided,
  mayBeOwn,
  useRefusals,
  WhyRefused,
} from "./approval.tsx";
import { useGateNews } from "./pause.tsx";

type DetailedActionRun = Schemas["DetailedActionRun"];

const COLUMNS: readonly Column[] = [
  { text: "Run" },
  { text: "Created", class: "is-wide", width: "14%" },
  { text: "Waits", class: "is-wide", width: "18%" },
  { text: "Decide", class: "is-end", width: "min(184px, 29vw)", isHeard: true },
];

const POLL_MS = 15_000;
/** The run that has waited longest comes first. */
const WAITING = { waiting: "approval", include: "details", order: "oldest" } as const;
/** A filter of the list of runs, which links to a run carry. */
const SEARCH = "waiting=approval";

export function ApprovalsPage() {
  const { reader, holder } = useSession();
  const { reload } = useGateNews();
  const list = useCallback((_: object, options: CallOptions) => reader.runs.list(WAITING, options), [reader]);
  const loaded = useListPage(list, { everyMs: POLL_MS });
  const [dialog, open] = useDialog(() => {
    loaded.reload();
    reload();
  });
  const decide = (decision: Decision, run: DetailedActionRun) =>
    open((onClose) => <DecisionDialog decision={decision} run={run} onClose={onClose} />);
  return (
    <ListPage
      title="Approvals"
      of="runs"
      loaded={loaded}
      dialog={dialog}
      note={
        holder.mayApprove ? null : (
          <p class="note is-warning">
            Your token can't approve. An owner can create a token that may approve and reject runs.
          </p>
        )
      }
      empty={
        <Empty title="Nothing waits for you">
          <p>A run of an action that needs approval appears here by itself.</p>
        </Empty>
      }
    >
      {(runs) => (
        <Table label="Approvals" columns={COLUMNS}>
          {runs.map((run) => (
            <ApprovalRow key={run.id} run={run} onDecide={(decision) => decide(decision, run)} />
          ))}
        </Table>
      )}
    </ListPage>
  );
}

interface ApprovalRowProps {
  readonly run: DetailedActionRun;
  readonly onDecide: (decision: Decision) => void;
}

function ApprovalRow({ run, onDecide }: ApprovalRowProps) {
  const { holder, person } = useSession();
  const hrefOfRun = useRunHref();
  const { id, actionName, triggeredBy, createdAt, details } = run;
  const { title = null, subject = null, action = null, waiting = null } = details ?? {};
  const face = titleOf(run);
  const isOffered = isUndecided(run, holder);
  // One request for each row would be too many. For the other rows, the dialog says why.
  const refusals = useRefusals(run, isOffered && mayBeOwn(run, { name: holder.name, person }));
  const { required = 1, approvals = [] } = details?.approval ?? {};
  const whyId = `why-${id}`;
  return (
    <tr>
      <td>
        <Link class="row-link" href={hrefOfRun(id, SEARCH)}>
          <bdi class="cut-lines">{face}</bdi>
        </Link>
        {title === null && subject === null && action === null ? null : (
          <p class="muted break">
            {title === null ? null : <bdi>{actionName} </bdi>}
            {action === null ? null : `version ${action.version}`}
            {subject === null ? null : (
              <>
                , for <bdi>{subject}</bdi>
              </>
            )}
          </p>
        )}
        <p class="muted">
          by <Who name={triggeredBy} via={details?.via} agent={details?.agent} />
          {required === 1 ? null : `, ${approvals.length} of ${required} approvals`}
        </p>
        <p class="is-narrow muted">
          <RelativeTime at={createdAt} />
          {waiting === null ? null : (
            <>
              , <Fails until={waiting.until} />
            </>
          )}
        </p>
        <WhyRefused refusals={refusals} id={whyId} />
      </td>
      <td class="is-wide">
        <RelativeTime at={createdAt} />
      </td>
      <td class="is-wide">{waiting === null ? null : <Fails until={waiting.until} />}</td>
      <td class="is-end">
        {isOffered ? (
          <span class="grid">
            <DecisionButtons refusals={refusals} whyId={whyId} of={face} onDecide={onDecide} />
          </span>
        ) : null}
      </td>
    </tr>
  );
}
