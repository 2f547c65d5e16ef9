/** The page "Audit": who changed tokens and actions, newest first. */
import { type Schemas, WHOLE_ENVIRONMENT } from "../../client/index.ts";
import { counted } from "../../words/statuses.ts";
import { countsText, FilterWords } from "../bulk/bulk-words.tsx";
import type { Page, Project } from "../pages.ts";
import { atCursor, hrefOf, Link, useRoute } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { type Column, ListPage, Table, useListPage } from "../ui/list-page.tsx";
import { AgentMark, Empty, Said } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";

type AuditEntry = Schemas["AuditEntry"];

const COLUMNS: readonly Column[] = [
  { text: "When", width: "88px" },
  { text: "Who", width: "min(238px, 30vw)" },
  { text: "What" },
  { text: "Environment", class: "is-wide", width: "16%" },
];

const FILTERS = ["actor", "person", "action", "since", "until"];

export function AuditPage() {
  const { reader, scope } = useSession();
  const loaded = useListPage(reader.audit.list, undefined, FILTERS);
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
      {(entries) =>
        entries.length === 0 ? (
          <Empty title={loaded.isFirst ? "Nothing has happened yet" : "There are no more entries"}>
            <p>
              The log shows who creates, rotates and revokes tokens, ends sessions, stores and deletes actions and
              schedules, deletes versions, approves, rejects and cancels runs, cancels and retries many runs at once,
              pauses groups, and asks for a resync.
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
            <AgentMark of={entry.agent} />
          </td>
          <td>
            <Filter name="action" value={entry.action}>
              {wordsOf(entry.action)}
            </Filter>{" "}
            <Target entry={entry} />
            <Said text={entry.reason} />
            <Said text={entry.gates && (GATES[entry.gates] ?? entry.gates)} />
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
  const query = atCursor(useRoute().query, null);
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
  // Runs and bulk operations have no names here, and the end of an id tells them apart.
  const isId = target === targetName && IS_ID.test(target);
  const shown = isWhole ? "the environment" : isId ? `…${target.slice(-6)}` : targetName;
  const name = (
    <bdi class="break" title={isId ? target : undefined}>
      {shown}
    </bdi>
  );
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

const IS_ID = /^[0-9a-f-]{36}$/;

const WORDS: Readonly<Record<AuditEntry["action"], string>> = {
  token_minted: "created the token",
  token_rotated: "rotated the token",
  token_revoked: "revoked the token",
  session_ended: "ended a session of",
  resync_requested: "asked for a resync of",
  environment_moved: "moved the environment to",
  purge_requested: "purged runs older than",
  action_put: "stored the action",
  action_deleted: "deleted the action",
  action_version_deleted: "deleted a version of the action",
  webhook_endpoint_put: "stored the endpoint",
  webhook_endpoint_deleted: "deleted the endpoint",
  webhook_endpoint_version_deleted: "deleted a version of the endpoint",
  webhook_endpoint_secret_rotated: "rotated the secret of the endpoint",
  webhook_endpoint_disabled: "disabled the endpoint",
  webhook_endpoint_enabled: "enabled the endpoint",
  action_tested: "tested the action",
  action_secret_rotated: "rotated the secret for the events of the action",
  schedule_put: "stored the schedule",
  schedule_deleted: "deleted the schedule",
  schedule_version_deleted: "deleted a version of the schedule",
  schedule_disabled: "disabled the schedule",
  webhook_endpoint_tested: "tested the endpoint",
  webhook_endpoint_message_resent: "sent a message again to the endpoint",
  webhook_endpoint_recovery_started: "began a recovery of the endpoint",
  run_approved: "approved the run",
  run_rejected: "rejected the run",
  run_released: "opened the time gate of the run",
  run_released_through_pause: "let through a pause the run",
  run_cancelled: "cancelled the run",
  pause_put: "paused",
  pause_deleted: "resumed",
  bulk_started: "began the bulk operation",
  bulk_ended: "ended the bulk operation",
};

const GATES: Readonly<Record<NonNullable<AuditEntry["gates"]>, string>> = {
  added: "A gate was added.",
  weakened: "A gate became weaker.",
  changed: "Fewer tokens may approve.",
  removed: "A gate was removed.",
};

/** What an entry says of a bulk operation: `cancel of at most 40 runs, completed: 38 accepted, 2 skipped`. */
export function bulkWords({ operation, runs, maxRuns, status, counts }: NonNullable<AuditEntry["bulk"]>): string {
  const what = `${operation} of ${runs === null ? `at most ${counted(maxRuns ?? 0, "run")}` : counted(runs, "run")}`;
  return status === undefined || counts === undefined ? what : `${what}, ${status}: ${countsText(counts)}`;
}

/** What was done, to be read before the target. A later service may know more kinds. */
export function wordsOf(action: string): string {
  const words = Object.hasOwn(WORDS, action) ? WORDS[action as AuditEntry["action"]] : undefined;
  return words ?? action.replaceAll("_", " ");
}

/** The environment of a scope `{o}/{p}/{envName}`; null for a whole project. */
export function envOf(scope: string): string | null {
  return scope.split("/")[2] ?? null;
}

/** The page of what was changed. A deleted action has none, and a later service may change things without a page. */
export function pageOf(entry: Pick<AuditEntry, "action" | "target" | "scope">, project: Project): Page | null {
  const { o, p } = project;
  const { action, target } = entry;
  if (/^(token|session)_/.test(action)) return { name: "tokens", o, p };
  const envName = envOf(entry.scope);
  if (envName === null || /^(action|schedule|webhook_endpoint)_deleted$/.test(action)) return null;
  // The target can be a part of it, such as `{name}/versions/{version}`.
  const [name = ""] = target.split("/");
  if (action.startsWith("webhook_")) return { name: "endpoint", o, p, envName, endpoint: name };
  if (action.startsWith("schedule_")) return { name: "schedule", o, p, envName, schedule: name };
  if (action.startsWith("run_")) return { name: "run", o, p, envName, id: target };
  if (action.startsWith("bulk_")) return { name: "operation", o, p, envName, id: target };
  if (action.startsWith("pause_")) return { name: "groups", o, p, envName };
  if (action.startsWith("action_")) return { name: "action", o, p, envName, action: name };
  return /^(resync_requested|environment_moved|purge_requested)$/.test(action) ? { name: "runs", o, p, envName } : null;
}
