/** Who, when and what about: the short facts of a run. */
import type { Schemas } from "../../client/index.ts";
import { hrefOf, Link } from "../router.tsx";
import { RunLink } from "../runs/run-link.tsx";
import { useSession } from "../session/session.tsx";
import { CopyButton, ExternalLink, Fact, Who } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";

export function Facts({ run }: { readonly run: Schemas["DetailedActionRun"] }) {
  const { scope } = useSession();
  const { entityId, triggeredBy, createdAt, details } = run;
  const { via, agent, schedule, approval, action, subject, labels = [], retryOf, bulkOperationId } = details ?? {};
  const { externalUrl, erasedAt } = details ?? {};
  const isByService = schedule != null || via === "inbound" || (via === "retry" && retryOf != null);
  const runsOf = (filter: Record<string, string>) => hrefOf({ name: "runs", ...scope }, new URLSearchParams(filter));
  return (
    <dl class="facts stack gap-6">
      <Fact term="Triggered by">
        <Who name={triggeredBy} via={isByService ? null : via} agent={agent} /> <Ago at={createdAt} />
      </Fact>
      {schedule == null ? (
        <Fact term="Started by">
          {isByService && (via === "inbound" ? "an event of another product" : "the service, as an automatic retry")}
        </Fact>
      ) : (
        <Fact term="Started by">
          the schedule <Link href={hrefOf({ name: "schedule", ...scope, schedule })}>{schedule}</Link>
        </Fact>
      )}
      {erasedAt === undefined ? null : (
        <Fact term="Erased">
          The texts of this run were erased <Ago at={erasedAt} />
        </Fact>
      )}
      <Fact term="Job">{externalUrl && <ExternalLink href={externalUrl} />}</Fact>
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
              <Who name={by} via={token} /> <Ago at={at} />
            </p>
          ))}
        </Fact>
      )}
      <Fact term="Retry of">{retryOf && <RunLink id={retryOf} />}</Fact>
      <Fact term="Made by">
        {bulkOperationId && (
          <Link href={hrefOf({ name: "operation", ...scope, id: bulkOperationId })}>a bulk retry</Link>
        )}
      </Fact>
      {subject == null ? null : (
        <Fact term="Subject">
          <Link title="Runs with this subject" href={runsOf({ subject })}>
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
              <Link key={label} class="chip" title="Runs with this label" href={runsOf({ label })}>
                <bdi>{label}</bdi>
              </Link>
            ))}
          </span>
        </Fact>
      )}
    </dl>
  );
}

function Ago({ at }: { readonly at: string }) {
  return (
    <span class="muted">
      <RelativeTime at={at} />
    </span>
  );
}
