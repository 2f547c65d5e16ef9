/** The page "Schedules": when the service starts runs by itself, by name, each with its next time. */
import { useRef } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { type Column, ListPage, Table, useListPage, useRowKeys } from "../ui/list-page.tsx";
import { Empty, Mark } from "../ui/parts.tsx";
import { Instant, RelativeTime, WhenText } from "../ui/time.tsx";

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
    >
      {(schedules) =>
        schedules.length > 0 ? (
          <ScheduleTable schedules={schedules} />
        ) : loaded.isFirst ? (
          <Empty title="Nothing starts by time yet">
            <p>A schedule runs a stored action at times that you choose, such as each night.</p>
            {mayManage ? null : (
              <p>Your token can't store schedules. Ask somebody whose token has the role owner or admin.</p>
            )}
          </Empty>
        ) : (
          <Empty title="There are no more schedules" />
        )
      }
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
            <p class="muted">
              <bdi>{definition.timezone}</bdi>
            </p>
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

interface NextTimeProps {
  /** Null: somebody, or the service, has disabled the schedule. */
  readonly at: string | null;
  /** Whether a person has. */
  readonly isOff: boolean;
}

function NextTime({ at, isOff }: NextTimeProps) {
  if (at === null) return <Mark mark="cancelled">{isOff ? "disabled" : "disabled by the service"}</Mark>;
  return (
    <Instant at={at}>
      <WhenText at={at} />
    </Instant>
  );
}
