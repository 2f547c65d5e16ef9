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
import { useNotices } from "../ui/notices.tsx";
import { Fact, Section, Who } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { type Decision, Fails, useApproval, VERBS, WHY_REFUSED } from "./approval.tsx";

type DetailedActionRun = Schemas["DetailedActionRun"];
type RunApproval = Schemas["RunApproval"];

interface DecisionDialogProps {
  readonly decision: Decision;
  readonly run: DetailedActionRun;
  readonly onClose: () => void;
  readonly onDecided: (run: DetailedActionRun) => void;
}

export function DecisionDialog({ decision, run, onClose, onDecided }: DecisionDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const { data: approval, failure, reload } = useApproval(run.id);
  const [reason, setReason] = useState("");
  const change = useChange({ fields: ["/reason"] });
  const isApproval = decision === "approve";
  const refusal = approval?.refusals[decision] ?? null;

  function send() {
    const text = reason.trim();
    const body = text === "" ? {} : { reason: text };
    change.submit({
      body,
      send: (options) => client.runs[decision](run.id, { ...body, ...options, include: "details" }),
      done(after) {
        note(isApproval ? approvedText(after) : "You rejected the run. The run ended, and nothing was sent.");
        onDecided(after);
      },
    });
  }
  const verb = VERBS[decision];
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
      isReady={approval != null && refusal === null}
      besides={refusal === null ? null : <p class="note is-warning">{WHY_REFUSED[refusal]}</p>}
    >
      <ErrorView failure={failure} onRetry={reload} isBanner />
      <DecidedAbout run={run} approval={approval ?? null} />
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
  return `The run is approved. It still ${waitsNow(waitingText(waiting, Date.now()))}.`;
}

/** "3rd in line" has no verb. */
function waitsNow(text: string): string {
  return /^\d/.test(text) ? `waits: ${text}` : text;
}

function DecidedAbout({ run, approval }: { readonly run: DetailedActionRun; readonly approval: RunApproval | null }) {
  const { actionName, triggeredBy, createdAt, parameters, recommendations, details } = run;
  const { title = null, subject = null, waiting = null } = details ?? {};
  return (
    <>
      {title === null && subject === null ? null : (
        <dl class="facts stack gap-6">
          {title === null ? null : (
            <Fact term="Action">
              <bdi>{actionName}</bdi>
            </Fact>
          )}
          {subject === null ? null : (
            <Fact term="Subject">
              <bdi>{subject}</bdi>
            </Fact>
          )}
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
        <Values what="parameters" value={parameters} />
      </Section>
      {Object.keys(recommendations).length === 0 ? null : (
        <Section title="Recommendations">
          <Values what="recommendations" value={recommendations} />
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

function Values({ what, value }: { readonly what: string; readonly value: object }) {
  return Object.keys(value).length === 0 ? <p class="muted">None.</p> : <JsonTree what={what} value={value} />;
}
