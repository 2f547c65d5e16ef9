/** The actions or the webhook endpoints that a token, or one below it, stored last. */

import type { RevokedApiTokens } from "../../client/index.ts";
import { hrefOf, Link } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";

interface LeftBehindProps {
  readonly kind: "action" | "endpoint";
  readonly of: Pick<RevokedApiTokens, "webhookEndpoints" | "moreWebhookEndpoints" | "actions" | "moreActions">;
  readonly note: string;
}

export function LeftBehind({ kind, of, note }: LeftBehindProps) {
  const { scope } = useSession();
  const isAction = kind === "action";
  const definitions = isAction ? of.actions : of.webhookEndpoints;
  if (definitions.length === 0) return null;
  return (
    <div>
      <p>
        The token, or one below it, stored these {isAction ? "actions" : "webhook endpoints"} last. {note}
      </p>
      <ul class="token-children">
        {definitions.map(({ envName, name }) => (
          <li key={`${envName}/${name}`}>
            <Link
              href={hrefOf(
                isAction
                  ? { name: "action", ...scope, envName, action: name }
                  : { name: "endpoint", ...scope, envName, endpoint: name },
              )}
            >
              {envName}/{name}
            </Link>
          </li>
        ))}
        {(isAction ? of.moreActions : of.moreWebhookEndpoints) ? <li class="muted">and more</li> : null}
      </ul>
    </div>
  );
}
