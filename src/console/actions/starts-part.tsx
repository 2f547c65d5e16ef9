/** What starts the runs of an action besides people: its schedules, events of another product, retries after a failure, agents. */
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { formatDuration } from "../../words/durations.ts";
import { parseExact } from "../../words/typed-json.ts";
import { RotateSecretDialog } from "../definitions/secrets.tsx";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, DialogButton, filledLines, TextArea, useForm } from "../ui/forms.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { ErrorView, useRead } from "../ui/load.tsx";
import { Fact, Said } from "../ui/parts.tsx";
import { Command } from "../ui/shell-commands.tsx";
import { useZone } from "../ui/time.tsx";
import { ACTION } from "./action-editor.tsx";
import { RETRIED, RETRIED_AT_FIRST, VERIFIED } from "./action-fields.ts";
import type { StoredAction } from "./run-dialog.tsx";

interface StartsPartProps {
  readonly action: StoredAction;
  readonly onChanged: () => void;
}

export function StartsPart({ action, onChanged }: StartsPartProps) {
  const { may } = useSession();
  const { name, definition } = action;
  const { inbound, retry, agents } = definition;
  const mayManage = inbound !== undefined && may("actions:manage");
  const no = <span class="muted">no</span>;
  return (
    <>
      <dl class="facts is-ruled stack gap-0">
        <Fact term="By time">
          <SchedulesOf name={name} />
        </Fact>
        <Fact term="By an event">
          {inbound === undefined ? (
            no
          ) : (
            <div class="stack">
              <p>Another product sends it, verified by {VERIFIED[inbound.verify]}.</p>
              {mayManage ? <EventsUrl action={action} /> : null}
            </div>
          )}
        </Fact>
        <Fact term="After a failure">{retry === undefined ? no : retryText(retry)}</Fact>
        <Fact term="By an agent">
          {agents === undefined ? (
            no
          ) : (
            <>
              <p>{toolText(name)}</p>
              <Said text={agents.description} />
            </>
          )}
        </Fact>
      </dl>
      {mayManage ? (
        <div class="row">
          <DialogButton dialog={(close) => <TryEventDialog action={action} onClose={close} />}>
            Try a sample event …
          </DialogButton>
          <DialogButton
            dialog={(close) => <RotateSecretDialog kind={ACTION} name={name} onClose={close} onRotated={onChanged} />}
          >
            Rotate secret …
          </DialogButton>
        </div>
      ) : null}
    </>
  );
}

/** The service makes another name for the tool of an action whose name has a dot, is too long, or ends like such a name. */
export function toolText(action: string): string {
  return /^(?!.*_[0-9a-f]{6}$)[\w-]{1,36}$/.test(action) ? `Offered as the tool run_${action}` : "Offered as a tool";
}

/** As many as an environment can have. */
const SCHEDULES = 100;

function SchedulesOf({ name }: { readonly name: string }) {
  const { reader, scope, may } = useSession();
  const { data, failure, reload } = useRead(
    async (signal) => {
      const { entries } = await reader.schedules.list({ limit: SCHEDULES }, { signal }).page();
      return entries.filter(({ definition }) => definition.action === name);
    },
    [reader, name],
  );
  return (
    <span class="row">
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {data?.length === 0 ? <span class="muted">no</span> : null}
      {data?.map((schedule) => (
        <span key={schedule.name}>
          <Link href={hrefOf({ name: "schedule", schedule: schedule.name, ...scope })}>{schedule.name}</Link>{" "}
          <span class="muted">
            <code>{schedule.definition.cron}</code>
            {schedule.nextAt === null ? ", disabled" : ""}
          </span>
        </span>
      ))}
      {may("actions:manage") ? (
        <Link href={hrefOf({ name: "new-schedule", ...scope }, new URLSearchParams({ action: name }))}>
          New schedule
        </Link>
      ) : null}
    </span>
  );
}

function EventsUrl({ action: { name, version } }: Pick<StartsPartProps, "action">) {
  const { reader } = useSession();
  const { exact } = useZone();
  // `version`: a rotation makes one, and has a grace period.
  const { data, failure, reload } = useRead(
    (signal) => reader.actions.inbound(name, { signal }),
    [reader, name, version],
  );
  if (data === undefined) return <ErrorView failure={failure} onRetry={reload} isBanner />;
  return (
    <>
      <Command what="URL for events" text={data.url} />
      {data.graceEndsAt === null ? null : (
        <p class="muted">An older secret counts, too, until {exact(data.graceEndsAt)}.</p>
      )}
    </>
  );
}

/** `2 retries, 1m and 10m after the end, if the job reported a failure or no receiver took the webhook`. */
export function retryText({ attempts, delaySeconds, on = [] }: Schemas["AutomaticRetry"]): string {
  const delays = [delaySeconds].flat().map((seconds) => formatDuration(seconds * 1000));
  const ends = (on.length === 0 ? RETRIED_AT_FIRST : on).map((end) => RETRIED[end as keyof typeof RETRIED] ?? end);
  return `${attempts} ${attempts === 1 ? "retry" : "retries"}, ${delays.join(" and ")} after the end, if ${ends.join(" or ")}`;
}

interface TryEventDialogProps {
  readonly action: StoredAction;
  readonly onClose: () => void;
}

/** Shows what an action makes of an event that somebody types. Nothing is started. */
function TryEventDialog({ action: { name, definition }, onClose }: TryEventDialogProps) {
  const { reader } = useSession();
  const [tried, setTried] = useState<Schemas["TriedEvent"] | null>(null);
  const { change, texts, field } = useForm(
    { "/headers": "", "/body": "{}" },
    { afterLoss: "Nothing was started. Try again." },
  );
  const { headers: named = [] } = definition.inbound ?? {};
  function attempt() {
    setTried(null);
    const headers = headersOf(texts["/headers"]);
    if (typeof headers === "string") return change.refuse(new Map([["/headers", headers]]));
    const parsed = parseExact(texts["/body"]);
    if ("problem" in parsed) return change.refuse(new Map([["/body", parsed.problem]]));
    change.submit({
      send: ({ signal }) => reader.actions.tryInbound(name, { headers, body: parsed.value }, { signal }),
      done: setTried,
    });
  }
  return (
    <ChangeDialog
      title="Try a sample event"
      change={change}
      onSubmit={attempt}
      onClose={onClose}
      verb="Try it"
      keep="Close"
      class="wide-form"
      besides={tried === null ? null : <Tried of={tried} />}
    >
      <p class="muted">Paste an event of the product. No run is created, and no signature is needed.</p>
      {named.length === 0 ? null : (
        <TextArea
          label="Headers"
          hint={`One on each line, such as ${named[0]}: push. The action reads only ${named.join(", ")}.`}
          rows={2}
          {...field("/headers")}
        />
      )}
      <TextArea label="Body" hint="JSON, as the product sends it." rows={8} {...field("/body")} />
    </ChangeDialog>
  );
}

function Tried({ of: { matches, parameters, error } }: { readonly of: Schemas["TriedEvent"] }) {
  const isStarted = matches && error === null;
  return (
    <>
      <p class={`note is-${isStarted ? "succeeded" : error === null ? "warning" : "failed"}`} role="alert">
        <strong>
          This event starts {isStarted ? "a" : "no"} run{matches ? "." : ", because it does not meet the conditions."}
        </strong>{" "}
        {error === null ? "Its parameters:" : <bdi>{error}</bdi>}
      </p>
      {parameters === null ? null : <JsonTree what="parameters" value={parameters} />}
    </>
  );
}

/** `Name: value` on each line. A sentence if a line is something else. */
export function headersOf(text: string): Readonly<Record<string, string>> | string {
  const pairs: [string, string][] = [];
  for (const line of filledLines(text)) {
    const [, name, value] = /^([^\s:]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      return `“${line.slice(0, 40)}” is not a header. Type a name, a colon and a value.`;
    pairs.push([name, value]);
  }
  return Object.fromEntries(pairs);
}
