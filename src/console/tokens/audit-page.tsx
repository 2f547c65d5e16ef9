/** The page "Audit": who changed tokens and actions, newest first. */

import { type AuditEntry, WHOLE_ENVIRONMENT } from "../../client/index.ts";
import { FilterWords } from "../bulk/filter-words.tsx";
import { hrefOf, Link, useRoute } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Empty } from "../ui/empty.tsx";
import { ListPage, useListPage } from "../ui/list-page.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { bulkWords, envOf, gatesOf, pageOf, wordsOf } from "./audit-words.ts";
import { NotYours } from "./not-yours.tsx";

const COLUMNS: readonly Column[] = [
  ["When", "col-short"],
  ["Who", "col-actor"],
  ["What"],
  ["Environment", "is-wide col-env"],
];

export function AuditPage() {
  const { may } = useSession();
  return may("tokens:manage") ? <Audit /> : <NotYours what="the audit log" />;
}

const FILTERS = ["actor", "person", "action", "since", "until"];

function Audit() {
  const { reader, scope } = useSession();
  const loaded = useListPage(reader.audit, undefined, FILTERS);
  const { query } = useRoute();
  const filters = FILTERS.flatMap((name) => (query.has(name) ? [`${name} ${query.get(name)}`] : []));
  const note =
    filters.length === 0 ? null : (
      <p class="muted">
        Only <bdi>{filters.join(", ")}</bdi>. <Link href={hrefOf({ name: "audit", ...scope })}>Show all</Link>
      </p>
    );
  return (
    <ListPage title="Audit" of="entries" loaded={loaded} note={note}>
      {({ entries }) =>
        entries.length === 0 ? (
          <Empty title={loaded.isFirst ? "Nothing has happened yet" : "There are no more entries"}>
            <p>
              The log shows who creates, rotates and revokes tokens, ends sessions, stores and deletes actions, deletes
              versions, approves, rejects and cancels runs, cancels and retries many runs at once, pauses groups, and
              asks for a resync.
            </p>
          </Empty>
        ) : (
          <AuditTable entries={entries} />
        )
      }
    </ListPage>
  );
}

function AuditTable({ entries }: { readonly entries: readonly AuditEntry[] }) {
  return (
    <Table label="Audit" class="audit-table" columns={COLUMNS}>
      {entries.map((entry) => (
        // An entry has no id in the response. Two entries of one instant can differ only in the other members.
        <tr key={`${entry.at} ${entry.actor} ${entry.action} ${entry.target}`}>
          <td>
            <RelativeTime at={entry.at} />
          </td>
          <td>
            {entry.person === null ? null : (
              <>
                <Filter name="person" value={entry.person}>
                  {entry.person}
                </Filter>{" "}
                <span class="muted">via</span>{" "}
              </>
            )}
            <Filter
              name="actor"
              value={entry.actor}
              title={entry.actor === "root" ? "ROOT_TOKEN" : `Token ${entry.actor}`}
            >
              {entry.actorName}
            </Filter>
          </td>
          <td>
            <Filter name="action" value={entry.action}>
              {wordsOf(entry.action)}
            </Filter>{" "}
            <Target entry={entry} />
            {entry.reason === null ? null : (
              <p class="muted">
                <bdi>{entry.reason}</bdi>
              </p>
            )}
            {gatesOf(entry) === null ? null : <p class="muted">{gatesOf(entry)}</p>}
            {entry.bulk == null ? null : (
              <p class="muted">
                {bulkWords(entry.bulk)}
                {entry.bulk.filter === null ? null : (
                  <>
                    {": "}
                    <FilterWords filter={entry.bulk.filter} />
                  </>
                )}
              </p>
            )}
          </td>
          <td class="is-wide">
            {envOf(entry.scope) === null ? <span class="muted">all</span> : <bdi>{envOf(entry.scope)}</bdi>}
          </td>
        </tr>
      ))}
    </Table>
  );
}

interface FilterProps {
  readonly name: string;
  readonly value: string;
  readonly title?: string;
  readonly children: string;
}

/** A link to the entries that have this, too, besides the filters of this page. */
function Filter({ name, value, title, children }: FilterProps) {
  const { scope } = useSession();
  const query = new URLSearchParams(useRoute().query);
  query.delete("cursor");
  query.set(name, value);
  return (
    <Link href={hrefOf({ name: "audit", ...scope }, query)} title={title}>
      <bdi>{children}</bdi>
    </Link>
  );
}

/** What was changed, with a link to its page. */
function Target({ entry }: { readonly entry: AuditEntry }) {
  const { target, targetName } = entry;
  const { scope } = useSession();
  const page = pageOf(entry, scope);
  const isWhole = target === WHOLE_ENVIRONMENT;
  const name = <bdi class="break">{isWhole ? "the environment" : targetName}</bdi>;
  return (
    <>
      {page === null ? name : <Link href={hrefOf(page)}>{name}</Link>}
      {/* Two tokens can have the same name. */}
      {target === targetName ? null : (
        <>
          {" "}
          <code class="is-wide muted" title={target}>
            {target.slice(-6)}
          </code>
        </>
      )}
    </>
  );
}
