/** A schedule's page: its next times, what became of the last one, its last runs, and what runs, edits and deletes it. */
import type { Schemas } from "../../client/index.ts";
import { RunsPart } from "../actions/last-runs.tsx";
import { RunDialog } from "../actions/run-dialog.tsx";
import { useAction } from "../actions/use-action.ts";
import { DefinitionPage } from "../definitions/definition-page.tsx";
import { useVersions, VersionsPart } from "../definitions/versions.tsx";
import { hrefOf, Link } from "../router.tsx";
import { RunLink } from "../runs/run-link.tsx";
import { useSession } from "../session/session.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { type Column, Table } from "../ui/list-page.tsx";
import { ErrorView, useOnChange, useRead } from "../ui/load.tsx";
import { Button, Fact, Labels, Mark } from "../ui/parts.tsx";
import { Countdown, RelativeTime, WhenText } from "../ui/time.tsx";
import { type StoredSchedule, useScheduleKind } from "./schedule-editor.tsx";
import { localText, scheduleLabel } from "./schedule-shape.ts";

type ScheduleStatus = Schemas["ScheduleStatus"];

/** A time that has come is no next time any more. */
const STATUS_EVERY_MS = 10_000;

type Dialog = "run";

export function SchedulePage({ name }: { readonly name: string }) {
  const { reader, scope, may } = useSession();
  const kind = useScheduleKind();
  const loaded = useRead((signal) => reader.schedules.get(name, { signal }), [reader, name]);
  const status = useRead((signal) => reader.schedules.status(name, { signal }), [reader, name], {
    everyMs: STATUS_EVERY_MS,
  });
  const action = useAction(loaded.data?.definition.action);
  // Somebody changed it, perhaps in another tab.
  useOnChange(status.data?.version, (before) => before !== undefined && loaded.reload());
  useOnChange(loaded.data?.version, (before) => before !== undefined && status.reload());
  return (
    <DefinitionPage
      kind={kind}
      name={name}
      loaded={loaded}
      mayDelete={may("actions:manage")}
      buttons={(_, show: (dialog: Dialog) => void) => (
        <>
          {may("actions:manage") ? (
            <Link class="button is-plain" href={hrefOf({ name: "edit-schedule", schedule: name, ...scope })}>
              Edit
            </Link>
          ) : null}
          {may("data:write") && action.data != null ? (
            <Button kind="primary" onClick={() => show("run")}>
              Run now
            </Button>
          ) : null}
        </>
      )}
    >
      {(shown, { open, close }) => (
        <>
          <div class="stack gap-24">
            <OffNote of={shown} status={status.data} />
            <ActionNote name={shown.definition.action} loaded={action} />
            <ErrorView failure={status.failure} onRetry={status.reload} isBanner />
            <ScheduleFacts of={shown} status={status.data} />
            {status.data === undefined || status.data.nextTimes.length === 0 ? null : (
              <NextTimes of={shown} status={status.data} />
            )}
            <section class="stack">
              <h2>Last runs</h2>
              <RunsPart of="schedule" value={scheduleLabel(name)} />
            </section>
            {may("actions:manage") ? <Versions kind={kind} schedule={shown} onChanged={loaded.reload} /> : null}
            <section class="stack">
              <h2>Definition</h2>
              <JsonTree what="JSON" value={shown.definition} />
            </section>
          </div>
          {open === "run" && action.data != null ? (
            <RunDialog action={action.data} begin={runOf(name, shown.definition)} onClose={close} />
          ) : null}
        </>
      )}
    </DefinitionPage>
  );
}

interface OfSchedule {
  readonly of: StoredSchedule;
  readonly status: ScheduleStatus | undefined;
}

/** Who disabled it, and what to do. */
function OffNote({ of: { definition }, status }: OfSchedule) {
  const { disabledAt = null, disabledReason = null } = status ?? {};
  if (definition.disabled) {
    return <p class="note is-warning">Somebody disabled this schedule, so it starts no run. Edit it to enable it.</p>;
  }
  if (disabledReason === null) return null;
  return (
    <p class="note is-warning" role="alert">
      The service disabled this schedule
      {disabledAt === null ? null : (
        <>
          {" "}
          <RelativeTime at={disabledAt} />
        </>
      )}
      : <bdi>{disabledReason}</bdi> Press “Edit”, then “Save”.
    </p>
  );
}

/** Why each run would fail, although the schedule itself is right. */
function ActionNote({ name, loaded }: { readonly name: string; readonly loaded: ReturnType<typeof useAction> }) {
  const { data, failure, reload } = loaded;
  if (data === null || (data !== undefined && data.definition.trigger === undefined)) {
    return (
      <p class="note is-warning">
        Each run fails at once, because{" "}
        {data === null ? "there is no action" : "no webhook starts the job of the action"} <bdi>{name}</bdi>. Edit the
        schedule, or store the action.
      </p>
    );
  }
  return <ErrorView failure={failure} onRetry={reload} isBanner />;
}

function ScheduleFacts({ of: { version, definition }, status }: OfSchedule) {
  const { scope } = useSession();
  const { action, cron, timezone, labels } = definition;
  return (
    <dl class="facts row">
      <Fact term="Action">
        <Link href={hrefOf({ name: "action", action, ...scope })}>
          <bdi>{action}</bdi>
        </Link>
      </Fact>
      <Fact term="Cron">
        <code>{cron}</code> <bdi>{timezone}</bdi>
      </Fact>
      {status === undefined ? null : (
        <>
          <Fact term="Last time">
            <LastTime last={status.lastTime} />
          </Fact>
          <Fact term={`Version ${version}`}>
            <RelativeTime at={status.changedAt} /> by <bdi>{status.changedBy}</bdi>
            <p class="muted">The runs have this creator.</p>
          </Fact>
        </>
      )}
      {labels === undefined ? null : (
        <Fact term="Labels">
          <Labels labels={labels} />
        </Fact>
      )}
    </dl>
  );
}

const MARKS = { started: "succeeded", failed: "failed", skipped: "cancelled" } as const;

function LastTime({ last }: { readonly last: ScheduleStatus["lastTime"] }) {
  if (last === null) return <span class="muted">none yet</span>;
  const { at, outcome, runId } = last;
  return (
    <>
      <WhenText at={at} />: <Mark mark={MARKS[outcome]}>{outcome === "failed" ? "could not start" : outcome}</Mark>
      <p class="muted">
        {runId === null ? (
          "The run before was still open, or nothing could start within 15 minutes."
        ) : (
          <RunLink id={runId} />
        )}
      </p>
    </>
  );
}

/** The times in the schedule's zone, in UTC, and how long until then. */
function NextTimes({ of: { definition }, status }: OfSchedule & { readonly status: ScheduleStatus }) {
  const { timezone } = definition;
  const columns: readonly Column[] = [
    ...(timezone === "UTC" ? [] : [{ text: timezone }]),
    { text: "UTC" },
    { text: "Until then", class: "is-end is-wide" },
  ];
  return (
    <section class="stack">
      <h2>Next times</h2>
      <Table label="Next times" columns={columns}>
        {status.nextTimes.map(({ at, local }) => (
          <tr key={at}>
            {timezone === "UTC" ? null : <td>{localText(local)}</td>}
            <td>{localText(at)}</td>
            <td class="is-end is-wide muted">
              <Countdown until={at} />
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

interface VersionsProps {
  readonly kind: ReturnType<typeof useScheduleKind>;
  readonly schedule: StoredSchedule;
  readonly onChanged: () => void;
}

function Versions({ kind, schedule, onChanged }: VersionsProps) {
  const loaded = useVersions(kind, schedule);
  return (
    <section class="stack">
      <h2>Versions</h2>
      <VersionsPart kind={kind} stored={schedule} loaded={loaded} onChanged={onChanged} />
    </section>
  );
}

/** What a run by hand begins with: as a run of the schedule has it, so that it is among the last runs. */
function runOf(name: string, { parameters, labels = [] }: Schemas["Schedule"]) {
  return { parameters, labels: [scheduleLabel(name), ...labels] };
}
