/** What an action calls to start and to stop the work. Secrets are only named: the service shows null for them. */
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
  const most = maxAttempts === undefined ? "for half of the timeout, at most 1 h" : `at most ${maxAttempts}`;
  return (
    <dl class="facts is-ruled stack gap-0">
      <Fact term="Calls">
        <Address method={method} url={url} />
      </Fact>
      <Texts term="Headers" of={headers} />
      <Texts term="Secrets" of={secrets} />
      <Fact term="Signature">{signingSecret === undefined ? "none" : "Standard Webhooks, with a secret"}</Fact>
      <Fact term="Body">{payload === undefined ? null : <JsonTree what="body" value={payload} />}</Fact>
      <Fact term="Attempts">
        {maxAttempts === 1 ? "1" : `${most}, the second after at most ${formatDuration(initialDelayMs)}`}
      </Fact>
      <Fact term="A 2xx counts if">{accepted && <JsonTree what="conditions" value={accepted} />}</Fact>
      <Fact term="A run starts">
        {startOn === "accepted" ? "when the webhook is answered with 2xx" : "with its first heartbeat"}
      </Fact>
      <Fact term="Link to the job">{link && <code class="break">{link}</code>}</Fact>
      <Fact term="Reports without a token">{reporter && <JsonTree what="reporter" value={reporter} />}</Fact>
      <Fact term="A cancel calls">{cancel && <Address method={cancel.method} url={cancel.url} />}</Fact>
      <Texts term="Its headers" of={cancel?.headers} />
      <Fact term="Its body">
        {cancel?.payload === undefined ? null : <JsonTree what="body of the stop request" value={cancel.payload} />}
      </Fact>
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
  const shown = texts.map(([name, text]) => (
    <span key={name} class="chip" title={`${name}: ${text ?? "its value is a secret"}`}>
      <bdi>{text === null ? name : `${name}: ${text}`}</bdi>
      {text === null ? (
        <>
          {" "}
          <span aria-hidden="true">•••</span>
          <span class="only-heard">is secret</span>
        </>
      ) : null}
    </span>
  ));
  return <Fact term={term}>{texts.length === 0 ? null : <span class="row gap-4">{shown}</span>}</Fact>;
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
      <Fact term="Approvals">
        {approval && (
          <>
            {approval.required}
            {approval.allowSelf ? "" : ", by somebody else"}
            {approval.tokens === undefined ? "" : `, only by ${counted(approval.tokens.length, "named token")}`}
          </>
        )}
      </Fact>
      <Fact term="Group">
        {concurrency && (
          <>
            <Link href={hrefOf({ name: "runs", ...scope }, new URLSearchParams({ group: concurrency.group }))}>
              {concurrency.group}
            </Link>
            {concurrency.key === undefined ? null : (
              <>
                {" for each "}
                <code>
                  <bdi>{concurrency.key}</bdi>
                </code>
              </>
            )}
            : {concurrency.limit} at once, {CONFLICTS[concurrency.onConflict]}
          </>
        )}
      </Fact>
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
