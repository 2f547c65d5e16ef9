/** The page "Audit": who changed tokens and actions, newest first. */

import { useCallback } from "preact/hooks";
import type { AuditEntry } from "../../client/index.ts";
import { hrefOf, Link, useRoute } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Empty } from "../ui/empty.tsx";
import { ErrorView } from "../ui/error-view.tsx";
import { useLoad } from "../ui/load.ts";
import { Pager } from "../ui/pager.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { envOf, wordsOf } from "./audit-words.ts";
import { NotYours } from "./not-yours.tsx";

export function AuditPage() {
  const { may } = useSession();
  return may("tokens:manage") ? <Audit /> : <NotYours what="the audit log" />;
}

function Audit() {
  const { reader } = useSession();
  const { query } = useRoute();
  const cursor = query.get("cursor") ?? undefined;
  const read = useCallback(
    (signal: AbortSignal) => reader.audit.page({ cursor }, { signal }),
    [reader, cursor],
  );
  const { data, failure, reload } = useLoad(read);
  return (
    <div class="page">
      <div class="page-head">
        <h1>Audit</h1>
      </div>
      {failure === null ? null : (
        <ErrorView failure={failure} onRetry={reload} isBanner={data !== undefined} />
      )}
      {data === undefined ? null : data.entries.length === 0 ? (
        <Empty title={cursor === undefined ? "Nothing has happened yet" : "There are no more entries"}>
          <p>
            The log shows who creates and revokes tokens, stores and deletes actions, and asks for a resync.
          </p>
        </Empty>
      ) : (
        <AuditTable entries={data.entries} />
      )}
      <Pager of="entries" next={data?.next ?? null} />
    </div>
  );
}

function AuditTable({ entries }: { readonly entries: readonly AuditEntry[] }) {
  return (
    <table class="table audit-table" aria-label="Audit">
      <thead>
        <tr>
          <th scope="col" class="col-when">
            When
          </th>
          <th scope="col" class="col-actor">
            Who
          </th>
          <th scope="col">What</th>
          <th scope="col" class="is-wide col-env">
            Environment
          </th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          // An entry has no id in the response. Two entries of one instant can differ only in the other members.
          <tr key={`${entry.at} ${entry.actor} ${entry.action} ${entry.target}`}>
            <td>
              <RelativeTime at={entry.at} />
            </td>
            <td>
              <bdi title={entry.actor === "root" ? "ROOT_TOKEN" : `Token ${entry.actor}`}>
                {entry.actorName}
              </bdi>
            </td>
            <td>
              {wordsOf(entry.action)} <Target entry={entry} />
            </td>
            <td class="is-wide">
              {envOf(entry.scope) === null ? <span class="muted">all</span> : <bdi>{envOf(entry.scope)}</bdi>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Target({ entry }: { readonly entry: AuditEntry }) {
  const { action, target } = entry;
  const { scope } = useSession();
  const envName = envOf(entry.scope);
  if (action === "action_put" && envName !== null) {
    return (
      <Link class="break" href={hrefOf({ name: "action", ...scope, envName, action: target })}>
        {target}
      </Link>
    );
  }
  return <code class="break">{target}</code>;
}
