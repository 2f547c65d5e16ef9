/** The page "Tokens": the API tokens of the project that the session's token may manage. */
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { type Column, ListPage, Table, useListPage } from "../ui/list-page.tsx";
import { Button, Empty, NotYours } from "../ui/parts.tsx";
import { CopyButton } from "../ui/seen-texts.tsx";
import { Countdown, Instant, LastUse, RelativeTime, useNow, useZone } from "../ui/time.tsx";
import { NewTokenDialog } from "./new-token-dialog.tsx";
import { RevokeDialog } from "./revoke-dialog.tsx";
import { RotateDialog } from "./rotate-dialog.tsx";
import { SessionsSection } from "./sessions-section.tsx";
import { flagWords, isRotatable, trustWords } from "./token-rules.ts";

type ApiToken = Schemas["ApiToken"];

export function TokensPage() {
  const { may } = useSession();
  return may("tokens:manage") ? <Tokens /> : <NotYours what="tokens" />;
}

function Tokens() {
  const { reader } = useSession();
  const loaded = useListPage(reader.tokens.list);
  const [isNew, setNew] = useState(false);
  const [rotating, setRotating] = useState<ApiToken | null>(null);
  const [revoking, setRevoking] = useState<ApiToken | null>(null);
  return (
    <>
      <ListPage
        title="Tokens"
        of="tokens"
        loaded={loaded}
        button={
          <Button kind="primary" onClick={() => setNew(true)}>
            New token
          </Button>
        }
      >
        {(tokens) => (
          <>
            {tokens.length === 0 ? (
              <Empty title="There are no more tokens" />
            ) : (
              <TokenTable tokens={tokens} onRotate={setRotating} onRevoke={setRevoking} />
            )}
            {loaded.isFirst ? <SessionsSection /> : null}
          </>
        )}
      </ListPage>
      {isNew ? <NewTokenDialog onClose={() => setNew(false)} onCreated={loaded.reload} /> : null}
      {rotating === null ? null : (
        <RotateDialog token={rotating} onClose={() => setRotating(null)} onRotated={loaded.reload} />
      )}
      {revoking === null ? null : (
        <RevokeDialog token={revoking} onClose={() => setRevoking(null)} onRevoked={loaded.reload} />
      )}
    </>
  );
}

const COLUMNS: readonly Column[] = [
  { text: "Token" },
  { text: "Role", class: "is-wide", width: "88px" },
  { text: "Environment", class: "is-wide", width: "13%" },
  { text: "Created", class: "is-wide", width: "18%" },
  { text: "Last used", class: "is-wide", width: "96px" },
  { text: "Expires", width: "min(116px, 28vw)" },
  { text: "Change", class: "is-end", width: "min(138px, 18vw)", isHeard: true },
];

interface TokenTableProps {
  readonly tokens: readonly ApiToken[];
  readonly onRotate: (token: ApiToken) => void;
  readonly onRevoke: (token: ApiToken) => void;
}

function TokenTable({ tokens, onRotate, onRevoke }: TokenTableProps) {
  const { holder } = useSession();
  return (
    <Table label="Tokens" columns={COLUMNS}>
      {tokens.map((token) => (
        <tr key={token.id}>
          <td>
            <bdi class="strong">{token.name}</bdi>
            {token.id === holder.id ? <span class="chip is-own beside">yours</span> : null}
            {flagWords(token).length === 0 ? null : (
              <p class="muted">
                <bdi>{flagWords(token).join(", ")}</bdi>
              </p>
            )}
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
                <code class="break">{token.id}</code> <CopyButton what={`id of ${token.name}`} text={token.id} />
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
                <Button kind="quiet" aria-label={`Rotate ${token.name}`} onClick={() => onRotate(token)}>
                  Rotate
                </Button>
              ) : null}
              <Button kind="quiet" aria-label={`Revoke ${token.name}`} onClick={() => onRevoke(token)}>
                Revoke
              </Button>
            </span>
          </td>
        </tr>
      ))}
    </Table>
  );
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SOON_MS = 48 * HOUR_MS;

/** Soon: in how long. Later: the day. */
function Expiry({ at }: { readonly at: string | null }) {
  const now = useNow(MINUTE_MS);
  const { day, exact } = useZone();
  if (at === null) return <span class="muted">never</span>;
  const leftMs = Date.parse(at) - now;
  if (leftMs <= 0)
    return (
      <span class="tone is-failed" title={exact(at)}>
        expired
      </span>
    );
  if (leftMs < SOON_MS) return <Countdown until={at} />;
  return <Instant at={at}>{day(at)}</Instant>;
}
