/** Leads from the list to the bulk operations, and tells everybody how many are under way. */

import { useCallback } from "preact/hooks";
import { hrefOf, Link } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { useLoad } from "../ui/load.ts";
import { isUnderWay } from "./bulk-words.ts";

const POLL_MS = 15_000;
/** Those under way are among the newest: at most 5 run at a time, and each runs for minutes at most. */
const READ = 20;

export function OperationsLink() {
  const { reader, scope } = useSession();
  const read = useCallback((signal: AbortSignal) => reader.bulkOperations.page({ limit: READ }, { signal }), [reader]);
  const { data } = useLoad(read, { everyMs: POLL_MS });
  const count = data?.operations.filter(isUnderWay).length ?? 0;
  return (
    <Link class="button is-quiet" href={hrefOf({ name: "operations", ...scope })}>
      Bulk operations
      {count === 0 ? null : (
        <span class="nav-count">
          {count}
          <span class="only-heard"> under way</span>
        </span>
      )}
    </Link>
  );
}
