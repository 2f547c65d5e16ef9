/** The table of tokens. */

import type { ApiToken } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { useNow } from "../ui/clock.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { Countdown, exactTime, RelativeTime } from "../ui/time.tsx";
import { flagWords } from "./flags.ts";
import { LastUse } from "./last-use.tsx";
import { isRotatable } from "./rotatable.ts";

const COLUMNS: readonly Column[] = [
  ["Token"],
  ["Role", "is-wide col-short"],
  ["Environment", "is-wide col-env"],
  ["Created", "is-wide col-created-by"],
  ["Last used", "is-wide col-used"],
  ["Expires", "col-expires"],
  ["Change", "is-end col-change", true],
];

interface TokenTableProps {
  readonly tokens: readonly ApiToken[];
  readonly onRotate: (token: ApiToken) => void;
  readonly onRevoke: (token: ApiToken) => void;
}

export function TokenTable({ tokens, onRotate, onRevoke }: TokenTableProps) {
  const { holder } = useSession();
  return (
    <Table label="Tokens" class="tokens-table" columns={COLUMNS}>
      {tokens.map((token) => (
        <tr key={token.id}>
          <td>
            <bdi class="token-name">{token.name}</bdi>
            {token.id === holder.id ? <span class="chip is-own">yours</span> : null}
            {flagWords(token).length === 0 ? null : (
              <p class="muted">
                <bdi>{flagWords(token).join(", ")}</bdi>
              </p>
            )}
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
            <span class="token-buttons">
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
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const SOON_MS = 48 * HOUR_MS;

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
