/** Who, when and what about: the short facts of a run. */
import type { Schemas } from "../../client/index.ts";
import { RunLink } from "../gates/waiting-note.tsx";
import type { Scope } from "../pages.ts";
import { hrefOf, Link } from "../router.tsx";
import { ExternalLink, Fact, Who } from "../ui/parts.tsx";
import { CopyButton } from "../ui/seen-texts.tsx";
import { RelativeTime } from "../ui/time.tsx";

export function Facts({ run, scope }: { readonly run: Schemas["DetailedActionRun"]; readonly scope: Scope }) {
  const { entityId, triggeredBy, createdAt, details } = run;
  const {
    subject,
    action,
    retryOf,
    bulkOperationId,
    labels = [],
    externalUrl,
    via,
    agent,
    schedule,
    approval,
    erasedAt,
  } = details ?? {};
  const isByService = schedule != null || via === "inbound" || (via === "retry" && retryOf != null);
  return (
    <dl class="facts stack gap-6">
      <Fact term="Triggered by">
        <Who name={triggeredBy} via={isByService ? null : via} agent={agent} />{" "}
        <span class="muted">
          <RelativeTime at={createdAt} />
        </span>
      </Fact>
      {isByService ? (
        <Fact term="Started by">
          {schedule != null ? (
            <>
              the schedule <Link href={hrefOf({ name: "schedule", ...scope, schedule })}>{schedule}</Link>
            </>
          ) : via === "inbound" ? (
            "an event of another product"
          ) : (
            "the service, as an automatic retry"
          )}
        </Fact>
      ) : null}
      {erasedAt === undefined ? null : (
        <Fact term="Erased">
          The texts of this run were erased{" "}
          <span class="muted">
            <RelativeTime at={erasedAt} />
          </span>
        </Fact>
      )}
      {externalUrl == null ? null : (
        <Fact term="Job">
          <ExternalLink href={externalUrl} />
        </Fact>
      )}
      {action == null ? null : (
        <Fact term="Action">
          <Link href={hrefOf({ name: "action", ...scope, action: action.name })}>
            <bdi>{action.name}</bdi>
          </Link>{" "}
          <span class="muted">version {action.version}</span>
        </Fact>
      )}
      {approval == null ? null : (
        <Fact term="Approvals">
          {approval.approvals.length} of {approval.required}
          {approval.approvals.map(({ by, byId, via: token, at }) => (
            <p key={byId + by}>
              <Who name={by} via={token} />{" "}
              <span class="muted">
                <RelativeTime at={at} />
              </span>
            </p>
          ))}
        </Fact>
      )}
      {retryOf == null ? null : (
        <Fact term="Retry of">
          <RunLink id={retryOf} />
        </Fact>
      )}
      {bulkOperationId == null ? null : (
        <Fact term="Made by">
          <Link href={hrefOf({ name: "operation", ...scope, id: bulkOperationId })}>a bulk retry</Link>
        </Fact>
      )}
      {subject == null ? null : (
        <Fact term="Subject">
          <Link
            title="Runs with this subject"
            href={hrefOf({ name: "runs", ...scope }, new URLSearchParams({ subject }))}
          >
            <bdi>{subject}</bdi>
          </Link>
        </Fact>
      )}
      {entityId === null ? null : (
        <Fact term="Entity">
          <code>{entityId}</code> <CopyButton what="entity" text={entityId} />
        </Fact>
      )}
      {labels.length === 0 ? null : (
        <Fact term="Labels">
          <span class="row gap-4">
            {labels.map((label) => (
              <Link
                key={label}
                class="chip"
                title="Runs with this label"
                href={hrefOf({ name: "runs", ...scope }, new URLSearchParams({ label }))}
              >
                <bdi>{label}</bdi>
              </Link>
            ))}
          </span>
        </Fact>
      )}
    </dl>
  );
}
