/**
 * Approves or rejects a run. The parameters and the request are in view before the buttons. No single key decides: the
 * dialog gets the focus first, Enter in the field does nothing, and there is no shortcut.
 */
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { titleOf } from "../../words/statuses.ts";
import { waitingText } from "../../words/waiting.ts";
import { RequestView } from "../actions/request-preview.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, TextField, useChange } from "../ui/forms.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { ErrorView } from "../ui/load.tsx";
import { Fact, Section, useNotices, Who } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { type Decision, Fails, useApproval, VERBS, WHY_REFUSED } from "./approval.tsx";

type DetailedActionRun = Schemas["DetailedActionRun"];
type RunApproval = Schemas["RunApproval"];

interface DecisionDialogProps {
  readonly decision: Decision;
  readonly run: DetailedActionRun;
  /** Also called after the decision. */
  readonly onClose: () => void;
}

export function DecisionDialog({ decision, run, onClose }: DecisionDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const { data: approval = null, failure, reload } = useApproval(run.id);
  const [reason, setReason] = useState("");
  const change = useChange({ fields: ["/reason"] });
  const isApproval = decision === "approve";
  const refusal = approval?.refusals[decision] ?? null;
  const verb = VERBS[decision];

  function send() {
    const text = reason.trim();
    const body = text === "" ? {} : { reason: text };
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
      <TextField
        label="Reason"
        hint="Optional. Everybody who can see the run can read it."
        value={reason}
        error={change.problems.get("/reason")}
        onText={setReason}
      />
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
          <Approvals of={approval} />
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

function Approvals({ of: { required, approvals } }: { readonly of: RunApproval }) {
  if (required === 1) return null;
  return (
    <p>
      The run needs {required} approvals and has {approvals.length}
      {approvals.length === 0 ? "." : ": "}
      <bdi>{approvals.map(({ by }) => by).join(", ")}</bdi>
    </p>
  );
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
