/** Who is signed in: the newest sessions of the project that the token may see, each with a button that ends it. */
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ConfirmDialog } from "../ui/forms.tsx";
import { type Column, Table } from "../ui/list-page.tsx";
import { ErrorView, useRead } from "../ui/load.tsx";
import { useNotices } from "../ui/notices.tsx";
import { Button } from "../ui/parts.tsx";
import { Countdown, LastUse, RelativeTime } from "../ui/time.tsx";

type ConsoleSession = Schemas["Session"];

const COLUMNS: readonly Column[] = [
  { text: "Token" },
  { text: "Signed in", class: "is-wide" },
  { text: "Last used", class: "is-wide" },
  { text: "Ends", width: "min(116px, 28vw)" },
  { text: "Change", class: "is-end", width: "min(138px, 18vw)", isHeard: true },
];

export function SessionsSection() {
  const { reader } = useSession();
  const { data, failure, reload } = useRead((signal) => reader.sessions.list({}, { signal }).page(), [reader]);
  const [ending, setEnding] = useState<ConsoleSession | null>(null);
  return (
    <section aria-labelledby="sessions-heading">
      <h2 id="sessions-heading">Sessions</h2>
      <p class="muted">Who is signed in to this console.</p>
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {data === undefined ? null : <SessionTable sessions={data.entries} onEnd={setEnding} />}
      {data === undefined || data.next === null ? null : (
        <p class="muted">These are the newest {data.entries.length}.</p>
      )}
      {ending === null ? null : <EndDialog session={ending} onClose={() => setEnding(null)} onEnded={reload} />}
    </section>
  );
}

interface SessionTableProps {
  readonly sessions: readonly ConsoleSession[];
  readonly onEnd: (session: ConsoleSession) => void;
}

function SessionTable({ sessions, onEnd }: SessionTableProps) {
  const { holder } = useSession();
  return (
    <Table label="Sessions" columns={COLUMNS}>
      {sessions.map((session) => (
        <tr key={session.id}>
          <td>
            <bdi class="strong">{nameOf(session)}</bdi>
            {session.id === holder.sessionId ? <span class="chip is-own beside">yours</span> : null}
            {session.person === null ? null : (
              <p class="muted">
                <bdi>{session.tokenName}</bdi>
                {session.isCommandLine ? ", command line" : ""}
              </p>
            )}
          </td>
          <td class="is-wide">
            <RelativeTime at={session.beganAt} />
          </td>
          <td class="is-wide">
            <LastUse at={session.lastUsedAt} />
          </td>
          <td>
            <Countdown until={session.expiresAt} />
          </td>
          <td class="is-end">
            {session.id === holder.sessionId ? null : (
              <Button kind="quiet" aria-label={`End the session of ${nameOf(session)}`} onClick={() => onEnd(session)}>
                End
              </Button>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function nameOf({ person, tokenName }: ConsoleSession): string {
  return person ?? tokenName ?? "ROOT_TOKEN";
}

interface EndDialogProps {
  readonly session: ConsoleSession;
  readonly onClose: () => void;
  readonly onEnded: () => void;
}

function EndDialog({ session, onClose, onEnded }: EndDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  return (
    <ConfirmDialog
      title={`End the session of ${nameOf(session)}?`}
      verb="End session"
      send={({ signal }) => client.sessions.end(session.id, { signal })}
      done={() => {
        note(`The session of ${nameOf(session)} is over.`);
        onEnded();
        onClose();
      }}
      onClose={onClose}
    >
      <p>
        It stops working everywhere within 30 seconds. The token goes on working, so its holder, or who signs in with
        it, can sign in again. To prevent that, revoke the token.
      </p>
    </ConfirmDialog>
  );
}
