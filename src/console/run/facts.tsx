/** Who, when and what about: the short facts of a run. */
import type { ComponentChildren } from "preact";
import type { Schemas } from "../../client/index.ts";
import type { Scope } from "../pages.ts";
import { hrefOf, Link, useRoute } from "../router.tsx";
import { ExternalLink } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { RelativeTime } from "../ui/time.tsx";

interface FactsProps {
  readonly run: Schemas["DetailedActionRun"];
  readonly scope: Scope;
}

export function Facts({ run, scope }: FactsProps) {
  const { search } = useRoute();
  const { entityId, triggeredBy, createdAt, details } = run;
  const { action, retryOf, bulkOperationId, labels = [], externalUrl, via, approval } = details ?? {};
  return (
    <dl class="facts">
      <Fact name="Triggered by">
        <Who name={triggeredBy} via={via} />{" "}
        <span class="muted">
          <RelativeTime at={createdAt} />
        </span>
      </Fact>
      {externalUrl == null ? null : (
        <Fact name="Job">
          <ExternalLink href={externalUrl} />
        </Fact>
      )}
      {action == null ? null : (
        <Fact name="Action">
          <Link href={hrefOf({ name: "action", ...scope, action: action.name })}>
            <bdi>{action.name}</bdi>
          </Link>{" "}
          <span class="muted">version {action.version}</span>
        </Fact>
      )}
      {approval == null ? null : (
        <Fact name="Approvals">
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
        <Fact name="Retry of">
          <Link href={hrefOf({ name: "run", ...scope, id: retryOf }, search)}>
            <code>{retryOf}</code>
          </Link>
        </Fact>
      )}
      {bulkOperationId == null ? null : (
        <Fact name="Made by">
          <Link href={hrefOf({ name: "operation", ...scope, id: bulkOperationId })}>a bulk retry</Link>
        </Fact>
      )}
      {entityId === null ? null : (
        <Fact name="Entity">
          <code>{entityId}</code> <CopyButton what="entity" text={entityId} />
        </Fact>
      )}
      {labels.length === 0 ? null : (
        <Fact name="Labels">
          <span class="chips">
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

export function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd class="break">{children}</dd>
    </div>
  );
}

/* SECTION: Who did something: a person or a token, and the token that acted for the person if it has another name. */

interface WhoProps {
  readonly name: string;
  readonly via?: string | null | undefined;
}

export function Who({ name, via }: WhoProps) {
  return (
    <>
      <bdi>{name}</bdi>
      {via == null || via === name ? null : (
        <>
          {" via "}
          <bdi>{via}</bdi>
        </>
      )}
    </>
  );
}
