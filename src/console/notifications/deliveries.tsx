/** The deliveries of an endpoint: its messages with their attempts. The address holds the state and the cursor. */
import type { Schemas } from "../../client/index.ts";
import { formatDuration } from "../../words/durations.ts";
import { counted, type Status } from "../../words/statuses.ts";
import { LocalTimeField, localMinute, readLocalTime } from "../gates/local-time.tsx";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, DialogButton, SelectField, useChange, useForm } from "../ui/forms.tsx";
import { Pager, Rows, useFilter } from "../ui/list-page.tsx";
import { ErrorView, sentenceOf, useOnChange, useRead } from "../ui/load.tsx";
import { Button, Mark, useNotices } from "../ui/parts.tsx";
import { ClockTime, Countdown, RelativeTime } from "../ui/time.tsx";

type EndpointDelivery = Schemas["Delivery"];

type State = EndpointDelivery["state"];

const MARKS: Readonly<Record<State, Status>> = { waiting: "running", delivered: "succeeded", failed: "failed" };
const STATES = Object.keys(MARKS) as readonly State[];
const EVERY_MS = 5000;

interface DeliveriesPartProps {
  readonly name: string;
  /** As the status has it. The list is read again when it is another one. */
  readonly newest: EndpointDelivery | null | undefined;
  readonly onRecovering: () => void;
}

export function DeliveriesPart({ name, newest, onRecovering }: DeliveriesPartProps) {
  const { reader } = useSession();
  const { value: state, cursor, field } = useFilter("State", "state", STATES);
  const { data, failure, reload } = useRead(
    (signal) => reader.webhookEndpoints.deliveries(name, { state }, { signal }).page(cursor),
    [reader, name, state, cursor],
    { everyMs: EVERY_MS },
  );
  useOnChange(newest ? `${newest.runId} ${newest.state} ${newest.attempts.length}` : null, reload);
  return (
    <section class="stack">
      <div class="page-head row is-apart">
        <h2>Deliveries</h2>
        <div class="row">
          {field}
          <DialogButton dialog={(close) => <RecoverDialog name={name} onClose={close} onBegun={onRecovering} />}>
            Recover
          </DialogButton>
        </div>
      </div>
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {data === undefined ? null : data.entries.length === 0 ? (
        <p class="muted">{noneOf(state, data.next)}</p>
      ) : (
        <Rows class="deliveries is-ruled" label="Deliveries">
          {data.entries.map((delivery) => (
            <Delivery key={delivery.runId + delivery.type} name={name} delivery={delivery} onResent={reload} />
          ))}
        </Rows>
      )}
      <Pager of="deliveries" next={data?.next ?? null} />
    </section>
  );
}

/** `next`: the cursor of the next page. A page can be empty and still have a next one. */
function noneOf(state: State | undefined, next: string | null): string {
  if (next !== null) return "None on this page.";
  return state === undefined ? "None yet. They begin with the next run that matches." : "None in this state.";
}

interface DeliveryProps {
  readonly name: string;
  readonly delivery: EndpointDelivery;
  readonly onResent: () => void;
}

function Delivery({ name, delivery, onResent }: DeliveryProps) {
  const { client, scope } = useSession();
  const { note } = useNotices();
  const change = useChange();
  const { runId, type, state, attempts, nextAttemptAt, title, actionName } = delivery;
  const last = attempts.at(-1);
  const kind = type === "action_run.approval_requested" ? "unapproved" : type.replace(/^action_run\./, "");
  const run = `${kind} run ${runId.slice(-8)}`;
  const resend = () =>
    change.submit({
      send: ({ signal }) => client.webhookEndpoints.resend(name, runId, { type, signal }),
      done() {
        note(`The message about the ${run} is sent again.`);
        onResent();
      },
      explain(error) {
        note(sentenceOf(error), { isProblem: true });
      },
    });
  return (
    <li>
      <div class="row gap-12">
        <Mark mark={MARKS[state]}>{state}</Mark>
        <Link href={hrefOf({ name: "run", id: runId, ...scope })} title={runId}>
          <bdi>{title ?? actionName ?? run}</bdi>
        </Link>
        <span class="muted small">{run}</span>
        <span class="muted">
          {last === undefined ? null : <RelativeTime at={last.at} />}
          {nextAttemptAt === null ? null : (
            <>
              {last === undefined ? "" : ", "}next attempt <Countdown until={nextAttemptAt} />
            </>
          )}
        </span>
        <Button kind="quiet" isBusy={change.isBusy} aria-label={`Resend the message about the ${run}`} onClick={resend}>
          Resend
        </Button>
      </div>
      {last === undefined ? null : (
        <details>
          <summary>
            {counted(attempts.length, "attempt")}: <bdi>{last.reason}</bdi>
          </summary>
          <ol class="stack">
            {attempts.map(({ at, status, durationMs, reason, excerpt }) => (
              <li key={at}>
                <ClockTime at={at} /> {status === null ? null : <code class="boxed">{status}</code>}{" "}
                <span class="muted">{formatDuration(durationMs)}</span> <bdi>{reason}</bdi>
                {excerpt === null ? null : (
                  <pre class="excerpt card is-side">
                    <bdi>{excerpt}</bdi>
                  </pre>
                )}
              </li>
            ))}
          </ol>
        </details>
      )}
    </li>
  );
}

type Include = Schemas["RecoveryRequest"]["include"];

const DAY_MS = 24 * 3_600_000;
const INCLUDED: Readonly<Record<Include, string>> = {
  failed: "that the service gave up",
  missing: "that the endpoint never heard of",
};

interface RecoverDialogProps {
  readonly name: string;
  readonly onClose: () => void;
  readonly onBegun: () => void;
}

/** Sends messages again that a time without a receiver cost. The page shows how far it is. */
function RecoverDialog({ name, onClose, onBegun }: RecoverDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const { change, texts, field } = useForm(
    { "/include": "failed", "/since": localMinute(new Date(Date.now() - DAY_MS)) },
    { afterLoss: "The recovery may have begun. The same one again only goes on." },
  );
  function recover() {
    const include = texts["/include"] as Include;
    const since = readLocalTime(texts["/since"]);
    if (!since) return change.refuse(new Map([["/since", "Choose a day and a time."]]));
    change.submit({
      send: ({ signal }) => client.webhookEndpoints.recover(name, { since, include }, { signal }),
      done() {
        note("The recovery has begun. Its messages are among the deliveries.");
        onBegun();
        onClose();
      },
    });
  }
  return (
    <ChangeDialog
      title={`Recover messages of ${name}`}
      change={change}
      onSubmit={recover}
      onClose={onClose}
      verb="Recover"
    >
      <SelectField
        label="Messages"
        hint="Those that it never heard of go back 7 days at most."
        options={Object.entries(INCLUDED)}
        {...field("/include")}
      />
      <LocalTimeField
        label="Of runs that ended since"
        hint="At most 10 000 messages, newest first. A run that waits for approval counts by its creation."
        {...field("/since")}
      />
    </ChangeDialog>
  );
}
