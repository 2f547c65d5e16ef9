/** The page "Groups": who runs and who waits in each concurrency group, and what is paused. */
import { type Schemas, WHOLE_ENVIRONMENT } from "../../client/index.ts";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { useDialog } from "../ui/forms.tsx";
import { type Column, ListPage, Table, useListPage } from "../ui/list-page.tsx";
import { Button, Empty, Said } from "../ui/parts.tsx";
import { PauseDialog, PauseFacts, ResumeDialog, useGateNews } from "./pause.tsx";

const COLUMNS: readonly Column[] = [
  { text: "Group" },
  { text: "Running", width: "88px" },
  { text: "Waiting", width: "88px" },
  { text: "Pause", class: "is-end", width: "72px", isHeard: true },
];

const POLL_MS = 15_000;

export function GroupsPage() {
  const { reader, scope, may } = useSession();
  const { reload } = useGateNews();
  const loaded = useListPage(reader.concurrencyGroups.list, { everyMs: POLL_MS });
  const [dialog, open] = useDialog(() => {
    loaded.reload();
    reload();
  });
  const pause = (group: string) => open((onClose) => <PauseDialog group={group} onClose={onClose} />);
  const mayManage = may("actions:manage");
  return (
    <ListPage
      title="Groups"
      of="groups"
      loaded={loaded}
      button={mayManage ? <Button onClick={() => pause(WHOLE_ENVIRONMENT)}>Pause the environment</Button> : null}
      note={<Pauses onResume={(one) => open((onClose) => <ResumeDialog pause={one} onClose={onClose} />)} />}
      dialog={dialog}
      empty={
        <Empty title="No action has a group">
          <p>
            An action can name a concurrency group. Its runs then take turns: as many as the limit says run at once, and
            the others wait here.
          </p>
        </Empty>
      }
    >
      {(groups) => (
        <Table label="Groups" columns={COLUMNS}>
          {groups.map(({ group, key, limit, holders, waiters, paused }) => (
            // A group has a row for each of its keys.
            <tr key={`${group} ${key}`}>
              <td>
                <Link href={hrefOf({ name: "runs", ...scope }, new URLSearchParams({ group }))}>{group}</Link>
                <Said text={key} />
                {paused === null ? null : <p class="tone is-warning strong">paused</p>}
              </td>
              <td class="number">
                {holders} of {limit}
              </td>
              <td class="number">{waiters}</td>
              <td class="is-end">
                {mayManage ? (
                  <Button
                    kind="quiet"
                    aria-label={`Pause ${key ? `${group}, of ${key}` : group}`}
                    onClick={() => pause(group)}
                  >
                    Pause
                  </Button>
                ) : null}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </ListPage>
  );
}

/** The pauses of groups, and what is planned. The pause of the environment that holds now has a banner on every page. */
function Pauses({ onResume }: { readonly onResume: (pause: Schemas["Pause"]) => void }) {
  const { may } = useSession();
  const { pauses } = useGateNews();
  const shown = pauses.filter(({ group, active }) => !active || group !== WHOLE_ENVIRONMENT);
  if (shown.length === 0) return null;
  return (
    <ul class="stack" aria-label="Pauses">
      {shown.map((pause) => {
        const { group, from, active } = pause;
        const what = group === WHOLE_ENVIRONMENT ? "the environment" : group;
        return (
          <li key={`${group} ${from}`} class={`note row is-apart is-${active ? "warning" : "pending"}`}>
            <p>
              <strong>{active ? `${what} is paused:` : `Planned pause of ${what}:`}</strong>{" "}
              <PauseFacts pause={pause} />
            </p>
            {may("actions:manage") ? (
              <Button
                aria-label={active ? `Resume ${what}` : `Remove the planned pause of ${what}`}
                onClick={() => onResume(pause)}
              >
                {active ? "Resume" : "Remove"}
              </Button>
            ) : null}
          </li>
        );
      })}
    </ul>
  );
}
