/** The page "Groups": who runs and who waits in each concurrency group, and what is paused. */

import { useState } from "preact/hooks";
import { type Schemas, WHOLE_ENVIRONMENT } from "../../client/index.ts";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Empty } from "../ui/empty.tsx";
import { type Column, ListPage, Table, useListPage } from "../ui/list-page.tsx";
import { useGateNews } from "./gate-news.tsx";
import { PauseDialog, PauseFacts, ResumeDialog } from "./pause.tsx";

const COLUMNS: readonly Column[] = [
  { text: "Group" },
  { text: "Running", width: "88px" },
  { text: "Waiting", width: "88px" },
  { text: "Pause", class: "is-end", width: "72px", isHeard: true },
];

const POLL_MS = 15_000;

type Open = { readonly what: "pause" | "resume"; readonly group: string } | null;

export function GroupsPage() {
  const { reader, may } = useSession();
  const { pauses, reload: reloadNews } = useGateNews();
  const loaded = useListPage(reader.concurrencyGroups.list, { everyMs: POLL_MS });
  const [open, setOpen] = useState<Open>(null);
  const mayPause = may("actions:manage");
  const isWhole = pauses.some(({ group }) => group === WHOLE_ENVIRONMENT);
  const close = () => setOpen(null);
  function changed() {
    loaded.reload();
    reloadNews();
  }
  return (
    <>
      <ListPage
        title="Groups"
        of="groups"
        loaded={loaded}
        button={
          mayPause && !isWhole ? (
            <Button onClick={() => setOpen({ what: "pause", group: WHOLE_ENVIRONMENT })}>Pause the environment</Button>
          ) : null
        }
        note={<Pauses pauses={pauses} mayPause={mayPause} onOpen={setOpen} />}
      >
        {(groups) =>
          groups.length === 0 ? (
            <Empty title="No run is in a group now">
              <p>
                An action can name a concurrency group. Its runs then take turns: as many as the limit says run at once,
                and the others wait here.
              </p>
            </Empty>
          ) : (
            <GroupTable groups={groups} pauses={pauses} mayPause={mayPause} onOpen={setOpen} />
          )
        }
      </ListPage>
      {open?.what === "pause" ? <PauseDialog group={open.group} onClose={close} onPaused={changed} /> : null}
      {open?.what === "resume" ? <ResumeDialog group={open.group} onClose={close} onResumed={changed} /> : null}
    </>
  );
}

interface PartProps {
  readonly pauses: readonly Schemas["Pause"][];
  readonly mayPause: boolean;
  readonly onOpen: (open: Open) => void;
}

/** A paused group is here also when no run is in it. The pause of the environment has a banner on every page. */
function Pauses({ pauses, mayPause, onOpen }: PartProps) {
  const ofGroups = pauses.filter(({ group }) => group !== WHOLE_ENVIRONMENT);
  if (ofGroups.length === 0) return null;
  return (
    <ul class="stack" aria-label="Pauses">
      {ofGroups.map((pause) => (
        <li key={pause.group} class="note is-warning row is-apart">
          <p>
            <strong>{pause.group} is paused:</strong> <PauseFacts pause={pause} />
          </p>
          {mayPause ? (
            <Button aria-label={`Resume ${pause.group}`} onClick={() => onOpen({ what: "resume", group: pause.group })}>
              Resume
            </Button>
          ) : null}
        </li>
      ))}
    </ul>
  );
}

interface GroupTableProps extends PartProps {
  readonly groups: readonly Schemas["ConcurrencyGroup"][];
}

function GroupTable({ groups, pauses, mayPause, onOpen }: GroupTableProps) {
  const { scope } = useSession();
  const isPaused = (name: string) => pauses.some(({ group }) => group === name);
  return (
    <Table label="Groups" columns={COLUMNS}>
      {groups.map(({ group, key, limit, holders, waiters, paused }) => (
        <tr key={`${group} ${key}`}>
          <td>
            <Link href={hrefOf({ name: "runs", ...scope }, new URLSearchParams({ group }))}>{group}</Link>
            {key ? (
              <p class="muted">
                <bdi>{key}</bdi>
              </p>
            ) : null}
            {paused === null ? null : <p class="tone is-warning strong">paused</p>}
          </td>
          <td class="number">
            {holders} of {limit}
          </td>
          <td class="number">{waiters}</td>
          <td class="is-end">
            {mayPause && !isPaused(group) ? (
              <Button
                kind="quiet"
                aria-label={`Pause ${groupName(group, key)}`}
                onClick={() => onOpen({ what: "pause", group })}
              >
                Pause
              </Button>
            ) : null}
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** A group has a row for each of its keys. */
function groupName(group: string, key: string | null): string {
  return key ? `${group}, of ${key}` : group;
}
