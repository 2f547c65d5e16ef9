/** What an action calls to start and to stop the work. Secrets are only named: the service shows null for them. */
import type { ComponentChildren } from "preact";
import type { Schemas } from "../../client/index.ts";
import { formatDuration } from "../../words/durations.ts";
import { counted } from "../../words/statuses.ts";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { Fact } from "../ui/parts.tsx";

type Trigger = NonNullable<Schemas["Action"]["trigger"]>;

interface TriggerViewProps {
  readonly trigger: Trigger;
  readonly reporter: Schemas["Action"]["reporter"];
}

export function TriggerView({ trigger, reporter }: TriggerViewProps) {
  const { method, url, headers, secrets, signingSecret, payload, accepted } = trigger;
  const { retry = {}, startOn, link, cancel } = trigger;
  const { maxAttempts, initialDelayMs = 1000 } = retry;
  return (
    <dl class="facts is-ruled stack gap-0">
      <Fact term="Calls">
        <Address method={method} url={url} />
      </Fact>
      <Texts term="Headers" of={headers} />
      <Texts term="Secrets" of={secrets} />
      <Fact term="Signature">{signingSecret === undefined ? "none" : "Standard Webhooks, with a secret"}</Fact>
      {payload === undefined ? null : (
        <Fact term="Body">
          <JsonTree what="body" value={payload} />
        </Fact>
      )}
      <Fact term="Attempts">
        {maxAttempts === 1
          ? "1"
          : `${maxAttempts === undefined ? "for half of the timeout, at most 1 h" : `at most ${maxAttempts}`}, the second after at most ${formatDuration(initialDelayMs)}`}
      </Fact>
      {accepted === undefined ? null : (
        <Fact term="A 2xx counts if">
          <JsonTree what="conditions" value={accepted} />
        </Fact>
      )}
      <Fact term="A run starts">
        {startOn === "accepted" ? "when the webhook is answered with 2xx" : "with its first heartbeat"}
      </Fact>
      {link === undefined ? null : (
        <Fact term="Link to the job">
          <code class="break">{link}</code>
        </Fact>
      )}
      {reporter === undefined ? null : (
        <Fact term="Reports without a token">
          <JsonTree what="reporter" value={reporter} />
        </Fact>
      )}
      {cancel === undefined ? null : (
        <>
          <Fact term="A cancel calls">
            <Address method={cancel.method} url={cancel.url} />
          </Fact>
          <Texts term="Its headers" of={cancel.headers} />
          {cancel.payload === undefined ? null : (
            <Fact term="Its body">
              <JsonTree what="body of the stop request" value={cancel.payload} />
            </Fact>
          )}
        </>
      )}
    </dl>
  );
}

/** Not a link: people don't open what a webhook calls. */
function Address({ method, url }: { readonly method: string; readonly url: string }) {
  return (
    <code class="break">
      <span class="muted">{method}</span> <bdi>{url}</bdi>
    </code>
  );
}

interface TextsProps {
  readonly term: string;
  readonly of: Readonly<Record<string, string | null>> | undefined;
}

function Texts({ term, of = {} }: TextsProps) {
  const texts = Object.entries(of);
  if (texts.length === 0) return null;
  return (
    <Fact term={term}>
      <span class="row gap-4">
        {texts.map(([name, text]) =>
          text === null ? (
            <span key={name} class="chip" title={`${name}: its value is a secret`}>
              <bdi>{name}</bdi> <span aria-hidden="true">•••</span>
              <span class="only-heard">is secret</span>
            </span>
          ) : (
            <span key={name} class="chip" title={`${name}: ${text}`}>
              <bdi>
                {name}: {text}
              </bdi>
            </span>
          ),
        )}
      </span>
    </Fact>
  );
}

type Gates = Pick<Schemas["Action"], "approval" | "concurrency">;

const CONFLICTS: Readonly<Record<NonNullable<Gates["concurrency"]>["onConflict"], string>> = {
  queue: "others wait",
  cancel_running: "a newer run replaces the others",
  reject: "others are refused",
};

export function GateFacts({ of: { approval, concurrency } }: { readonly of: Gates }) {
  const { scope } = useSession();
  return (
    <>
      {approval === undefined ? null : (
        <Fact term="Approvals">
          {approval.required}
          {approval.allowSelf ? "" : ", by somebody else"}
          {approval.tokens === undefined ? "" : `, only by ${counted(approval.tokens.length, "named token")}`}
        </Fact>
      )}
      {concurrency === undefined ? null : (
        <Fact term="Group">
          <Link href={hrefOf({ name: "runs", ...scope }, new URLSearchParams({ group: concurrency.group }))}>
            {concurrency.group}
          </Link>
          <Key of={concurrency.key} />: {concurrency.limit} at once, {CONFLICTS[concurrency.onConflict]}
        </Fact>
      )}
    </>
  );
}

function Key({ of }: { readonly of: string | undefined }): ComponentChildren {
  return of === undefined ? null : (
    <>
      {" for each "}
      <code>
        <bdi>{of}</bdi>
      </code>
    </>
  );
}

/** What a new run of the action waits for, as a sentence; null if for nothing. */
export function gatesText({ approval, concurrency }: Gates): string | null {
  const waits = [
    ...(approval === undefined ? [] : [approval.required === 1 ? "an approval" : `${approval.required} approvals`]),
    ...(concurrency === undefined ? [] : [`a slot of the group ${concurrency.group}`]),
  ];
  return waits.length === 0 ? null : `The run starts when it has ${waits.join(" and ")}.`;
}
