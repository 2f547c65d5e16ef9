/** What stands instead of the table while it would be empty. */

import { hrefOf, Link } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Command, Empty } from "../ui/empty.tsx";
import { cli, curl, sending } from "../ui/shell-commands.ts";
import { atCursor, isFiltered, isNewest, withoutFilters } from "./filters.ts";

interface NoRunsProps {
  readonly query: URLSearchParams;
  /** The cursor of the next page. An empty page can have one, because a page looks at a bounded number of runs. */
  readonly next: string | null;
}

export function NoRuns({ query, next }: NoRunsProps) {
  const { scope, target, may } = useSession();
  const to = (changed: URLSearchParams) => hrefOf({ name: "runs", ...scope }, changed);
  if (next !== null) {
    return (
      <Empty title="No match among the newest runs">
        <p>The service looked at 5000 runs, and none matches. Press “Look further” for older runs.</p>
        <Link class="button is-plain" href={to(atCursor(query, next))}>
          Look further
        </Link>
      </Empty>
    );
  }
  if (isFiltered(query) || !isNewest(query)) {
    return (
      <Empty title={isFiltered(query) ? "No runs match the filters" : "No older runs"}>
        <p>{isFiltered(query) ? "Each filter compares whole values. Change one, or clear them all." : ""}</p>
        <Link class="button is-plain" href={to(withoutFilters(atCursor(query, null)))}>
          {isFiltered(query) ? "Clear the filters" : "Newest runs"}
        </Link>
      </Empty>
    );
  }
  return (
    <Empty title={`No runs in ${scope.envName} yet`}>
      {may("data:write") ? (
        <>
          <p>
            Put an API token into the variable <code>ACTION_RUNS_TOKEN</code> and paste one of these into a terminal. Or{" "}
            <Link href={hrefOf({ name: "actions", ...scope })}>run an action</Link>. The run appears here by itself.
          </p>
          <Command what="curl command" text={curl(target, "action-runs", sending("POST", '{"actionName":"deploy"}'))} />
          <Command what="command" text={cli(target, ["create", "deploy"])} />
        </>
      ) : (
        <p>New runs appear here by themselves. Your token can't create runs.</p>
      )}
    </Empty>
  );
}
