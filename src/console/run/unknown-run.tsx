/** Instead of a run that does not exist. */

import { hrefOf, Link, useRoute } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Empty } from "../ui/empty.tsx";

export function UnknownRun({ id }: { readonly id: string }) {
  const { scope } = useSession();
  const { search } = useRoute();
  return (
    <Empty title="There is no such run here">
      <p>
        Check the id and the environment. A run is also removed some time after its end, because the service keeps runs
        only for a while.
      </p>
      <code class="break">{id}</code>
      <Link class="button is-plain" href={hrefOf({ name: "runs", ...scope }, search)}>
        Back to the runs
      </Link>
    </Empty>
  );
}
