/** The pages of schedules: the list, and one with its next times, what became of the last one, and its last runs. */
import { useRef } from "preact/hooks";
import type { Schemas, Stored } from "../../client/index.ts";
import { RunsPart } from "../actions/last-runs.tsx";
import { RunDialog, useAction } from "../actions/run-dialog.tsx";
import { DefinitionPage, Part } from "../definitions/definition-page.tsx";
import { useVersions, VersionsPart } from "../definitions/versions.tsx";
import { hrefOf, Link } from "../router.tsx";
import { RunLink } from "../runs/run-link.tsx";
import { useSession } from "../session/session.tsx";
import { DialogButton } from "../ui/forms.tsx";
import { type Column, ListPage, Table, useListPage, useRowKeys } from "../ui/list-page.tsx";
import { ErrorView, useOnChange, useRead } from "../ui/load.tsx";
import { Empty, Fact, Labels, Mark, Said } from "../ui/parts.tsx";
import { Countdown, Instant, RelativeTime, useZone } from "../ui/time.tsx";
import { SCHEDULE } from "./schedule-editor.tsx";

type ListedSchedule = Schemas["ListedSchedule"];

const COLUMNS: readonly Column[] = [
  { text: "Schedule" },
  { text: "Cron", class: "is-wide", width: "26%" },
  { text: "Next time", width: "min(46%, 200px)" },
  { text: "Changed", class: "is-end is-wide", width: "88px" },
];

/** A time that has come is no next time any more. */
const POLL_MS = 30_000;

export function SchedulesPage() {
  const { reader, scope, may } = useSession();
  const loaded = useListPage(reader.schedules.list, { everyMs: POLL_MS });
  const mayManage = may("actions:manage");
  return (
    <ListPage
      title="Schedules"
      of="schedules"
      loaded={loaded}
      button={
        mayManage ? (
          <Link class="button is-primary" href={hrefOf({ name: "new-schedule", ...scope })}>
            New schedule
          </Link>
        ) : null
      }
      empty={
        <Empty title="Nothing starts by time yet">
          <p>A schedule runs a stored action at times that you choose, such as each night.</p>
          {mayManage ? null : (
            <p>Your token can't store schedules. Ask somebody whose token has the role owner or admin.</p>
          )}
        </Empty>
      }
    >
      {(schedules) => <ScheduleTable schedules={schedules} />}
    </ListPage>
  );
}

function ScheduleTable({ schedules }: { readonly schedules: readonly ListedSchedule[] }) {
  const table = useRef<HTMLTableElement>(null);
  const { scope } = useSession();
  useRowKeys("Schedules", "schedule", table);
  return (
    <Table tableRef={table} label="Schedules" columns={COLUMNS}>
      {schedules.map(({ name, changedAt, nextAt, definition }) => (
        <tr key={name}>
          <td>
            <Link class="row-link" href={hrefOf({ name: "schedule", schedule: name, ...scope })}>
              {name}
            </Link>
            <p class="muted">
              runs <bdi>{definition.action}</bdi>
            </p>
            <p class="is-narrow muted">
              <code>{definition.cron}</code> <bdi>{definition.timezone}</bdi>
            </p>
          </td>
          <td class="is-wide">
            <code>{definition.cron}</code>
            <Said text={definition.timezone} />
          </td>
          <td>
            <NextTime at={nextAt} isOff={definition.disabled} />
          </td>
          <td class="is-end is-wide">
            <RelativeTime at={changedAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** `at`: null if it is disabled. `isOff`: by a person. */
function NextTime({ at, isOff }: { readonly at: string | null; readonly isOff: boolean }) {
  const { when } = useZone();
  if (at === null) return <Mark mark="cancelled">{isOff ? "disabled" : "disabled by the service"}</Mark>;
  return <Instant at={at}>{when(at)}</Instant>;
}

type StoredSchedule = Stored<Schemas["Schedule"]>;
type ScheduleStatus = Schemas["ScheduleStatus"];

/** A time that has come is no next time any more. */
const STATUS_EVERY_MS = 10_000;

/** The runs of a schedule have this label. */
export function scheduleLabel(name: string): string {
  return `schedule:${name}`;
}

export function SchedulePage({ name }: { readonly name: string }) {
  const { reader, may } = useSession();
  const loaded = useRead((signal) => reader.schedules.get(name, { signal }), [reader, name]);
  const status = useRead((signal) => reader.schedules.status(name, { signal }), [reader, name], {
    everyMs: STATUS_EVERY_MS,
  });
  const action = useAction(loaded.data?.definition.action);
  const stored = action.data;
  // Somebody changed it, perhaps in another tab.
  useOnChange(status.data?.version, (before) => before !== undefined && loaded.reload());
  useOnChange(loaded.data?.version, (before) => before !== undefined && status.reload());
  return (
    <DefinitionPage
      kind={SCHEDULE}
      name={name}
      loaded={loaded}
      button={({ definition: { parameters, labels = [] } }) =>
        may("data:write") && stored != null ? (
          <DialogButton
            kind="primary"
            // As a run of the schedule has it, so that the run is among the last runs.
            dialog={(close) => (
              <RunDialog
                action={stored}
                begin={{ parameters, labels: [scheduleLabel(name), ...labels] }}
                onClose={close}
              />
            )}
          >
            Run now
          </DialogButton>
        ) : null
      }
    >
      {(shown) => (
        <>
          <OffNote of={shown} status={status.data} />
          <ActionNote name={shown.definition.action} loaded={action} />
          <ErrorView failure={status.failure} onRetry={status.reload} isBanner />
          <ScheduleFacts of={shown} status={status.data} />
          {status.data === undefined || status.data.nextTimes.length === 0 ? null : (
            <NextTimes of={shown} status={status.data} />
          )}
          <Part title="Last runs">
            <RunsPart of="schedule" value={scheduleLabel(name)} />
          </Part>
          <Versions schedule={shown} onChanged={loaded.reload} />
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
      <Fact term="Last time">{status && <LastTime last={status.lastTime} />}</Fact>
      <Fact term={`Version ${version}`}>
        {status && (
          <>
            <RelativeTime at={status.changedAt} /> by <bdi>{status.changedBy}</bdi>
            <p class="muted">The runs have this creator.</p>
          </>
        )}
      </Fact>
      <Fact term="Labels">{labels && <Labels labels={labels} />}</Fact>
    </dl>
  );
}

const MARKS = { started: "succeeded", failed: "failed", skipped: "cancelled" } as const;

function LastTime({ last }: { readonly last: ScheduleStatus["lastTime"] }) {
  const { when } = useZone();
  if (last === null) return <span class="muted">none yet</span>;
  const { at, outcome, runId } = last;
  return (
    <>
      {when(at)}: <Mark mark={MARKS[outcome]}>{outcome === "failed" ? "could not start" : outcome}</Mark>
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
    <Part title="Next times">
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
    </Part>
  );
}

const WORDS = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});

/** `Thu, 26 Nov 2026, 02:30 +01:00`. `local`: RFC 3339. A browser need not know the zone, because it has its offset. */
export function localText(local: string): string {
  const [, clock = "", offset = ""] = /^(.+?)(Z|[+-]\d\d:\d\d)$/.exec(local) ?? [];
  return `${WORDS.format(Date.parse(`${clock}Z`))}${offset === "Z" ? "" : ` ${offset}`}`;
}

function Versions({ schedule, onChanged }: { readonly schedule: StoredSchedule; readonly onChanged: () => void }) {
  const loaded = useVersions(SCHEDULE, schedule);
  return <VersionsPart kind={SCHEDULE} stored={schedule} loaded={loaded} onChanged={onChanged} />;
}
