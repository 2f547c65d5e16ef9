/** The request that starts a run's job, as it will be sent. The service shows null instead of each secret. */

import type { RunApproval } from "../../client/index.ts";
import { JsonTree } from "../ui/json-tree.tsx";

type Request = NonNullable<RunApproval["request"]>;

export function RequestView({ request }: { readonly request: Request }) {
  const { method, url, headers, payload } = request;
  const names = Object.entries(headers);
  return (
    <div class="request">
      <p class="break">
        <code>
          {method} {url === null ? <Secret /> : <bdi>{url}</bdi>}
        </code>
      </p>
      {names.length === 0 ? null : (
        <dl class="request-headers">
          {names.map(([name, value]) => (
            <div key={name}>
              <dt>
                <bdi>{name}</bdi>
              </dt>
              <dd class="break">{value === null ? <Secret /> : <bdi>{value}</bdi>}</dd>
            </div>
          ))}
        </dl>
      )}
      {payload === undefined ? null : (
        <>
          <JsonTree what="body" value={payload} />
          <p class="hint">In the body, null is a secret, or a value that is null.</p>
        </>
      )}
    </div>
  );
}

function Secret() {
  return <span class="secret">secret</span>;
}
