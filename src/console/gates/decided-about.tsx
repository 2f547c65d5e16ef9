/** What an approver decides about: the run, its parameters, and the request as it will be sent. */

import type { DetailedActionRun, RunApproval } from "../../client/index.ts";
import { JsonTree } from "../ui/json-tree.tsx";
import { Countdown, RelativeTime } from "../ui/time.tsx";
import { Who } from "../ui/who.tsx";
import { RequestView } from "./request-view.tsx";

interface DecidedAboutProps {
  readonly run: DetailedActionRun;
  readonly approval: RunApproval | null;
}

export function DecidedAbout({ run, approval }: DecidedAboutProps) {
  const { triggeredBy, createdAt, parameters, recommendations, details } = run;
  const waiting = details?.waiting ?? null;
  return (
    <>
      <p>
        <Who name={triggeredBy} via={details?.via} /> created this run <RelativeTime at={createdAt} />.
        {waiting === null ? null : (
          <>
            {" "}
            The run ends <Countdown until={waiting.until} /> if it still waits.
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
      <h3>Parameters</h3>
      <Values what="parameters" value={parameters} />
      {Object.keys(recommendations).length === 0 ? null : (
        <>
          <h3>Recommendations</h3>
          <Values what="recommendations" value={recommendations} />
        </>
      )}
      {approval === null ? null : (
        <>
          <h3>Request</h3>
          {approval.request === null ? (
            <p class="muted">The run has ended, so the service no longer keeps its request.</p>
          ) : (
            <RequestView request={approval.request} />
          )}
        </>
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
    <p class="warning-box">
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
