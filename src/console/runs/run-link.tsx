/** Links to runs. They keep the filters of the list beside the run. */
import { useCallback } from "preact/hooks";
import { titleOf } from "../../words/statuses.ts";
import { hrefOf, Link, useRoute } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { useRead } from "../ui/load.tsx";

/** The address of a run. `search`: the query of the list, if it is another one. */
export function useRunHref(): (id: string, search?: string | URLSearchParams) => string {
  const { scope } = useSession();
  const { search: here } = useRoute();
  return useCallback((id, search = here) => hrefOf({ name: "run", ...scope, id }, search), [scope, here]);
}

/** The end of an id that people tell runs apart by. */
const ID_END = 6;

/** The run's title and the end of its id. Until the title is read, only the id. */
export function RunLink({ id }: { readonly id: string }) {
  const { reader } = useSession();
  const hrefOfRun = useRunHref();
  const { data } = useRead((signal) => reader.runs.get(id, { include: "details", signal }), [reader, id]);
  return (
    <Link href={hrefOfRun(id)} title={id}>
      <bdi>{data === undefined ? "run" : titleOf(data)}</bdi> …{id.slice(-ID_END)}
    </Link>
  );
}
