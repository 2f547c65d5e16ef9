/** The page "Tokens": the API tokens of the project that the session's token may manage, and who is signed in. */
import type { Schemas } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ConfirmDialog, useDialog } from "../ui/forms.tsx";
import { type Column, ListPage, Table, useListPage } from "../ui/list-page.tsx";
import { ErrorView, useRead } from "../ui/load.tsx";
import { Button, CopyButton, Empty, Said } from "../ui/parts.tsx";
import { Countdown, Instant, LastUse, RelativeTime, useNow, useZone } from "../ui/time.tsx";
import { NewTokenDialog, RevokeDialog, RotateDialog } from "./token-dialogs.tsx";
import { flagWords, isRotatable, trustWords } from "./token-rules.ts";

type ApiToken = Schemas["ApiToken"];

const COLUMNS: readonly Column[] = [
  { text: "Token" },
  { text: "Role", class: "is-wide", width: "88px" },
  { text: "Environment", class: "is-wide", width: "13%" },
  { text: "Created", class: "is-wide", width: "18%" },
  { text: "Last used", class: "is-wide", width: "96px" },
  { text: "Expires", width: "min(116px, 28vw)" },
  { text: "Change", class: "is-end", width: "min(138px, 18vw)", isHeard: true },
];

export function TokensPage() {
  const { reader, holder } = useSession();
  const loaded = useListPage(reader.tokens.list);
  const [dialog, open] = useDialog();
  const onChanged = loaded.reload;
  const create = () => open((onClose) => <NewTokenDialog onClose={onClose} onChanged={onChanged} />);
  const rotate = (token: ApiToken) =>
    open((onClose) => <RotateDialog token={token} onClose={onClose} onChanged={onChanged} />);
  const revoke = (token: ApiToken) =>
    open((onClose) => <RevokeDialog token={token} onClose={onClose} onChanged={onChanged} />);
  return (
    <ListPage
      title="Tokens"
      of="tokens"
      loaded={loaded}
      dialog={dialog}
      button={
        <Button kind="primary" onClick={create}>
          New token
        </Button>
      }
    >
      {(tokens) => (
        <>
          {tokens.length === 0 ? (
            <Empty title="There are no more tokens" />
          ) : (
            <Table label="Tokens" columns={COLUMNS}>
              {tokens.map((token) => (
                <tr key={token.id}>
                  <td>
                    <bdi class="strong">{token.name}</bdi>
                    {token.id === holder.id ? <span class="chip is-own beside">yours</span> : null}
                    <Said text={flagWords(token).join(", ")} />
                    {token.trust === null
                      ? null
                      : trustWords(token.trust).map((line) => (
                          <p key={line} class="muted">
                            <bdi class="cut-lines" title={line}>
                              {line}
                            </bdi>
                          </p>
                        ))}
                    {token.trust?.for === "programs" ? (
                      <p class="row gap-4 muted">
                        <code class="break">{token.id}</code>{" "}
                        <CopyButton what={`id of ${token.name}`} text={token.id} />
                      </p>
                    ) : null}
                    <p class="is-narrow muted">
                      {token.role} · {token.envName ?? "all environments"}
                    </p>
                    <p class="is-narrow muted">
                      used: <LastUse at={token.lastUsedAt} />
                    </p>
                    {token.oldSecretExpiresAt === null ? null : (
                      <p class="muted">
                        old secret ends <Countdown until={token.oldSecretExpiresAt} />
                      </p>
                    )}
                  </td>
                  <td class="is-wide">{token.role}</td>
                  <td class="is-wide">
                    {token.envName === null ? <span class="muted">all</span> : <bdi>{token.envName}</bdi>}
                  </td>
                  <td class="is-wide">
                    <RelativeTime at={token.createdAt} />{" "}
                    <span class="muted" title={token.parentId === null ? "ROOT_TOKEN" : `Token ${token.parentId}`}>
                      by <bdi>{token.createdBy}</bdi>
                    </span>
                  </td>
                  <td class="is-wide">
                    <LastUse at={token.lastUsedAt} />
                  </td>
                  <td>
                    <Expiry at={token.expiresAt} />
                  </td>
                  <td class="is-end">
                    <span class="row-buttons row gap-12">
                      {isRotatable(token, holder, tokens) ? (
                        <Button kind="quiet" aria-label={`Rotate ${token.name}`} onClick={() => rotate(token)}>
                          Rotate
                        </Button>
                      ) : null}
                      <Button kind="quiet" aria-label={`Revoke ${token.name}`} onClick={() => revoke(token)}>
                        Revoke
                      </Button>
                    </span>
                  </td>
                </tr>
              ))}
            </Table>
          )}
          {loaded.isFirst ? <SessionsSection /> : null}
        </>
      )}
    </ListPage>
  );
}

const MINUTE_MS = 60_000;
const SOON_MS = 48 * 60 * MINUTE_MS;

/** Soon: in how long. Later: the day. */
function Expiry({ at }: { readonly at: string | null }) {
  const now = useNow(MINUTE_MS);
  const { day } = useZone();
  if (at === null) return <span class="muted">never</span>;
  const leftMs = Date.parse(at) - now;
  if (leftMs > 0 && leftMs < SOON_MS) return <Countdown until={at} />;
  return <Instant at={at}>{leftMs > 0 ? day(at) : <span class="tone is-failed">expired</span>}</Instant>;
}

/* SECTION: The newest sessions of the project that the token may see. */

type ConsoleSession = Schemas["Session"];

const SESSION_COLUMNS: readonly Column[] = [
  { text: "Token" },
  { text: "Signed in", class: "is-wide" },
  { text: "Last used", class: "is-wide" },
  { text: "Ends", width: "min(116px, 28vw)" },
  { text: "Change", class: "is-end", width: "min(138px, 18vw)", isHeard: true },
];

function SessionsSection() {
  const { reader, holder } = useSession();
  const { data, failure, reload } = useRead((signal) => reader.sessions.list({}, { signal }).page(), [reader]);
  const [dialog, open] = useDialog();
  const end = (session: ConsoleSession) =>
    open((onClose) => (
      <ConfirmDialog
        title={`End the session of ${nameOf(session)}?`}
        verb="End session"
        send={({ sessions }, options) => sessions.end(session.id, options)}
        said={`The session of ${nameOf(session)} is over.`}
        done={reload}
        onClose={onClose}
      >
        <p>
          It stops working everywhere within 30 seconds. The token goes on working, so its holder, or who signs in with
          it, can sign in again. To prevent that, revoke the token.
        </p>
      </ConfirmDialog>
    ));
  return (
    <section aria-labelledby="sessions-heading">
      <h2 id="sessions-heading">Sessions</h2>
      <p class="muted">Who is signed in to this console.</p>
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {data === undefined ? null : (
        <Table label="Sessions" columns={SESSION_COLUMNS}>
          {data.entries.map((session) => (
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
                  <Button
                    kind="quiet"
                    aria-label={`End the session of ${nameOf(session)}`}
                    onClick={() => end(session)}
                  >
                    End
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {data === undefined || data.next === null ? null : (
        <p class="muted">These are the newest {data.entries.length}.</p>
      )}
      {dialog}
    </section>
  );
}

function nameOf({ person, tokenName }: ConsoleSession): string {
  return person ?? tokenName ?? "ROOT_TOKEN";
}
