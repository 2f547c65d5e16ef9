/** The page "Tokens": the API tokens of the project that the session's token may manage. */

import { useState } from "preact/hooks";
import type { ApiToken } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { useNow } from "../ui/clock.tsx";
import { Empty } from "../ui/empty.tsx";
import { ListPage, useListPage } from "../ui/list-page.tsx";
import { Countdown, exactTime, RelativeTime } from "../ui/time.tsx";
import { NewTokenDialog } from "./new-token-dialog.tsx";
import { NotYours } from "./not-yours.tsx";
import { RevokeDialog } from "./revoke-dialog.tsx";

export function TokensPage() {
  const { may } = useSession();
  return may("tokens:manage") ? <Tokens /> : <NotYours what="tokens" />;
}

function Tokens() {
  const { reader } = useSession();
  const loaded = useListPage(reader.tokens);
  const [isNew, setNew] = useState(false);
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
        {({ tokens }) =>
          tokens.length === 0 ? (
            <Empty title="There are no more tokens" />
          ) : (
            <TokenTable tokens={tokens} onRevoke={setRevoking} />
          )
        }
      </ListPage>
      {isNew ? <NewTokenDialog onClose={() => setNew(false)} onCreated={loaded.reload} /> : null}
      {revoking === null ? null : (
        <RevokeDialog token={revoking} onClose={() => setRevoking(null)} onRevoked={loaded.reload} />
      )}
    </>
  );
}

interface TokenTableProps {
  readonly tokens: readonly ApiToken[];
  readonly onRevoke: (token: ApiToken) => void;
}

function TokenTable({ tokens, onRevoke }: TokenTableProps) {
  const { holder } = useSession();
  return (
    <table class="table tokens-table" aria-label="Tokens">
      <thead>
        <tr>
          <th scope="col">Token</th>
          <th scope="col" class="is-wide col-role">
            Role
          </th>
          <th scope="col" class="is-wide col-env">
            Environment
          </th>
          <th scope="col" class="is-wide col-created-by">
            Created
          </th>
          <th scope="col" class="col-expires">
            Expires
          </th>
          <th scope="col" class="is-end col-revoke">
            <span class="only-heard">Revoke</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {tokens.map((token) => (
          <tr key={token.id}>
            <td>
              <bdi class="token-name">{token.name}</bdi>
              {token.id === holder.id ? <span class="chip is-own">yours</span> : null}
              <p class="is-narrow muted">
                {token.role} · {token.envName ?? "all environments"}
              </p>
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
            <td>
              <Expiry at={token.expiresAt} />
            </td>
            <td class="is-end">
              <Button kind="quiet" aria-label={`Revoke ${token.name}`} onClick={() => onRevoke(token)}>
                Revoke
              </Button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const MINUTE_MS = 60_000;
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const SOON_MS = 2 * 24 * 60 * MINUTE_MS;

/** Soon: in how long. Later: the day. */
function Expiry({ at }: { readonly at: string | null }) {
  const now = useNow(MINUTE_MS);
  if (at === null) return <span class="muted">never</span>;
  const leftMs = Date.parse(at) - now;
  if (leftMs <= 0)
    return (
      <span class="expired" title={exactTime(at)}>
        expired
      </span>
    );
  if (leftMs < SOON_MS) return <Countdown until={at} />;
  return (
    <time dateTime={at} title={exactTime(at)}>
      {DATE.format(new Date(at))}
    </time>
  );
}
