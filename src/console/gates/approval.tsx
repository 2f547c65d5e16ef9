/** A decision about a run: who gets the buttons, why the service would refuse one, and the dialog. */
import type { Schemas } from "../../client/index.ts";
import { isOpen, titleOf } from "../../words/statuses.ts";
import { failsText, waitingText } from "../../words/waiting.ts";
import { RequestView } from "../actions/request-preview.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, PERSON_REQUIRED, TextField, useForm } from "../ui/forms.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { ErrorView, type Loaded, useRead } from "../ui/load.tsx";
import { Button, Fact, Section, useNotices, Who } from "../ui/parts.tsx";
import { Instant, RelativeTime, useNow } from "../ui/time.tsx";

type DetailedActionRun = Schemas["DetailedActionRun"];
type RunApproval = Schemas["RunApproval"];

export type Holder = Pick<Schemas["CurrentToken"], "name" | "person" | "mayApprove">;
type Refusals = RunApproval["refusals"];
export type Decision = keyof Refusals;

/** Before the service has answered. Then no button is disabled, and the dialog says why a decision is refused. */
const NOT_REFUSED: Refusals = { approve: null, reject: null };

const WHY_REFUSED: Readonly<Record<NonNullable<Refusals["approve"]>, string>> = {
  may_not_approve: "Your token can't approve or reject runs.",
  person_required: PERSON_REQUIRED,
  not_waiting: "This run no longer waits for a decision.",
  not_an_approver: "The action names the tokens that may approve this run, and your token is not among them.",
  own_run: "This is your own run, so somebody else must approve it. You can cancel the run.",
  already_approved:
    "You have approved this run, or a token above or below yours has. The run also needs another approver.",
};

/** Whether the run still needs approvals, and the token may give one. If not, show no button. */
export function isUndecided({ status, details }: DetailedActionRun, { mayApprove }: Holder): boolean {
  const approval = details?.approval ?? null;
  if (!mayApprove || approval === null || details?.waiting == null || !isOpen(status)) return false;
  return approval.approvals.length < approval.required;
}

const STARTS: ReadonlySet<string> = new Set(["schedule", "inbound", "retry"]);

/**
 * Whether the holder may have created or approved the run. This compares only names, and two tokens can have the same
 * name. So ask the service. If both acts name a person, only the persons count.
 */
export function mayBeOwn(
  { triggeredBy, details }: DetailedActionRun,
  { name, person }: Omit<Holder, "mayApprove">,
): boolean {
  const via = details?.via ?? null;
  // Of a run that the service started, it names no token.
  const creator = { by: triggeredBy, via: via !== null && STARTS.has(via) ? null : via };
  return [creator, ...(details?.approval?.approvals ?? [])].some(({ by, via }) =>
    via !== null && person === null ? via === name : by === person || (via === null && by === name),
  );
}

/** `id`: of the run; null reads nothing. `version`: reads again when it changes. */
function useApproval(id: string | null, version?: unknown): Loaded<RunApproval | null> {
  const { reader } = useSession();
  return useRead(async (signal) => (id === null ? null : reader.runs.approval(id, { signal })), [reader, id, version]);
}

/** With which codes the service would refuse a decision. `isAsked`: if not, nothing is read. */
export function useRefusals({ id, details }: DetailedActionRun, isAsked: boolean): Refusals {
  // Each approval can change the answer.
  const { data } = useApproval(isAsked ? id : null, details?.approval?.approvals.length);
  return data?.refusals ?? NOT_REFUSED;
}

const VERBS: Readonly<Record<Decision, string>> = { approve: "Approve", reject: "Reject" };

interface DecisionButtonsProps {
  readonly refusals: Refusals;
  readonly whyId: string;
  /** What is decided about, if the page has several. */
  readonly of?: string;
  readonly onDecide: (decision: Decision) => void;
}

/** The buttons that open the dialogs Approve and Reject. Each is disabled while the service would refuse it. */
export function DecisionButtons({ refusals, whyId, of, onDecide }: DecisionButtonsProps) {
  return (["approve", "reject"] as const).map((decision) => (
    <Button
      key={decision}
      disabled={refusals[decision] !== null}
      aria-describedby={refusals[decision] === null ? undefined : whyId}
      aria-label={of && `${VERBS[decision]} ${of}`}
      onClick={() => onDecide(decision)}
    >
      {VERBS[decision]}
    </Button>
  ));
}

/** What refuses a rejection refuses an approval, too. */
export function WhyRefused({ refusals: { approve }, id }: { readonly refusals: Refusals; readonly id: string }) {
  if (approve === null) return null;
  return (
    <p class="muted" id={id}>
      {WHY_REFUSED[approve]}
    </p>
  );
}

/** `fails in 6d 23h`: for how long a run can still wait. */
export function Fails({ until }: { readonly until: string }) {
  return <Instant at={until}>{failsText(until, useNow(1000))}</Instant>;
}

interface DecisionDialogProps {
  readonly decision: Decision;
  readonly run: DetailedActionRun;
  /** Also called after the decision. */
  readonly onClose: () => void;
}

/**
 * Approves or rejects a run. The parameters and the request are in view before the buttons. No single key decides: the
 * dialog gets the focus first, Enter in the field does nothing, and there is no shortcut.
 */
export function DecisionDialog({ decision, run, onClose }: DecisionDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const { data: approval = null, failure, reload } = useApproval(run.id);
  const { change, texts, field } = useForm({ "/reason": "" });
  const isApproval = decision === "approve";
  const refusal = approval?.refusals[decision] ?? null;
  const verb = VERBS[decision];

  function send() {
    const reason = texts["/reason"].trim();
    const body = reason === "" ? {} : { reason };
    change.submit({
      body,
      send: (options) => client.runs[decision](run.id, { ...body, ...options, include: "details" }),
      done(after) {
        note(isApproval ? approvedText(after) : "You rejected the run. The run ended, and nothing was sent.");
        onClose();
      },
    });
  }
  return (
    <ChangeDialog
      title={`${verb} ${titleOf(run)}?`}
      isRead
      change={change}
      onSubmit={send}
      onClose={onClose}
      verb={`${verb} run`}
      kind={isApproval ? "primary" : "danger"}
      keep="Close"
      class="wide-form decision"
      isDeliberate
      // Nobody decides about what they can't see.
      isReady={approval !== null && refusal === null}
      besides={refusal === null ? null : <p class="note is-warning">{WHY_REFUSED[refusal]}</p>}
    >
      <ErrorView failure={failure} onRetry={reload} isBanner />
      <DecidedAbout run={run} approval={approval} />
      <TextField label="Reason" hint="Optional. Everybody who can see the run can read it." {...field("/reason")} />
    </ChangeDialog>
  );
}

function approvedText({ details }: DetailedActionRun): string {
  const waiting = details?.waiting ?? null;
  if (waiting === null) return "The run is approved and starts now.";
  const { required = 0, approvals = [] } = details?.approval ?? {};
  const left = required - approvals.length;
  if (left > 0) return `Your approval counts. The run needs ${left} more.`;
  const text = waitingText(waiting, Date.now());
  // "3rd in line" has no verb.
  return `The run is approved. It still ${/^\d/.test(text) ? `waits: ${text}` : text}.`;
}

function DecidedAbout({ run, approval }: { readonly run: DetailedActionRun; readonly approval: RunApproval | null }) {
  const { actionName, triggeredBy, createdAt, parameters, recommendations, details } = run;
  const { title = null, subject = null, waiting = null } = details ?? {};
  return (
    <>
      {title === null && subject === null ? null : (
        <dl class="facts stack gap-6">
          <Fact term="Action">{title !== null && <bdi>{actionName}</bdi>}</Fact>
          <Fact term="Subject">{subject !== null && <bdi>{subject}</bdi>}</Fact>
        </dl>
      )}
      <p>
        <Who name={triggeredBy} via={details?.via} agent={details?.agent} /> created this run{" "}
        <RelativeTime at={createdAt} />.
        {waiting === null ? null : (
          <>
            {" "}
            The run <Fails until={waiting.until} /> if it still waits.
          </>
        )}
      </p>
      {approval === null ? (
        <p class="muted">Loading the request …</p>
      ) : (
        <>
          {approval.required === 1 ? null : (
            <p>
              The run needs {approval.required} approvals and has {approval.approvals.length}
              {approval.approvals.length === 0 ? "." : ": "}
              <bdi>{approval.approvals.map(({ by }) => by).join(", ")}</bdi>
            </p>
          )}
          <ActionNow {...approval.action} />
        </>
      )}
      <Section title="Parameters">
        {isEmpty(parameters) ? <p class="muted">None.</p> : <JsonTree what="parameters" value={parameters} />}
      </Section>
      {isEmpty(recommendations) ? null : (
        <Section title="Recommendations">
          <JsonTree what="recommendations" value={recommendations} />
        </Section>
      )}
      {approval === null ? null : (
        <Section title="Request">
          {approval.request === null ? (
            <p class="muted">The run has ended, so the service no longer keeps its request.</p>
          ) : (
            <RequestView request={approval.request} />
          )}
        </Section>
      )}
    </>
  );
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

/** An approval is for the request that is shown, whatever happened to the action since. */
function ActionNow({ name, version, isChanged }: RunApproval["action"]) {
  if (isChanged === false) {
    return (
      <p class="muted">
        The action <bdi>{name}</bdi> still has version {version}, as it had when the run was created.
      </p>
    );
  }
  return (
    <p class="note is-warning">
      {isChanged
        ? `The action ${name} has changed since this run was created with version ${version}.`
        : `The service can't say now whether the action ${name} has changed since version ${version}.`}{" "}
      The request below is what is sent.
    </p>
  );
}
