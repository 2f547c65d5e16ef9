/** What starts the runs of an action besides people: its schedules, events of another product, retries after a failure, agents. */
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { formatDuration } from "../../words/durations.ts";
import type { DefinitionKind } from "../definitions/kind.ts";
import { RotateSecretDialog } from "../definitions/rotate-secret-dialog.tsx";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { ErrorView, useRead } from "../ui/load.tsx";
import { Button, Fact } from "../ui/parts.tsx";
import { Command } from "../ui/shell-commands.tsx";
import { useZone } from "../ui/time.tsx";
import type { StoredAction } from "./action-editor.tsx";
import { RETRIED, RETRIED_AT_FIRST } from "./definition-shape.ts";
import { VERIFIED } from "./start-fields.tsx";
import { TryEventDialog } from "./try-event-dialog.tsx";

interface StartsPartProps {
  readonly kind: DefinitionKind<StoredAction>;
  readonly action: StoredAction;
  /** Called when somebody changed the action. */
  readonly onChanged: () => void;
}

export function StartsPart({ kind, action, onChanged }: StartsPartProps) {
  const { may } = useSession();
  const [open, setOpen] = useState<"rotate" | "try" | null>(null);
  const { name, definition } = action;
  const { inbound, retry, agents } = definition;
  const mayManage = inbound !== undefined && may("actions:manage");
  const close = () => setOpen(null);
  return (
    <>
      <dl class="facts is-ruled stack gap-0">
        <Fact term="By time">
          <SchedulesOf name={name} />
        </Fact>
        <Fact term="By an event">
          {inbound === undefined ? (
            <span class="muted">no</span>
          ) : (
            <div class="stack">
              <p>Another product sends it, verified by {VERIFIED[inbound.verify]}.</p>
              {mayManage ? <EventsUrl action={action} /> : null}
            </div>
          )}
        </Fact>
        <Fact term="After a failure">{retry === undefined ? <span class="muted">no</span> : retryText(retry)}</Fact>
        <Fact term="By an agent">
          {agents === undefined ? (
            <span class="muted">no</span>
          ) : (
            <>
              <p>{toolText(name)}</p>
              {agents.description === undefined ? null : (
                <p class="muted">
                  <bdi>{agents.description}</bdi>
                </p>
              )}
            </>
          )}
        </Fact>
      </dl>
      {mayManage ? (
        <div class="row">
          <Button onClick={() => setOpen("try")}>Try a sample event …</Button>
          <Button onClick={() => setOpen("rotate")}>Rotate secret …</Button>
        </div>
      ) : null}
      {open === "try" ? <TryEventDialog action={action} onClose={close} /> : null}
      {open === "rotate" && kind.madeSecret !== null ? (
        <RotateSecretDialog about={kind.madeSecret} name={name} of={kind.noun} onClose={close} onRotated={onChanged} />
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
