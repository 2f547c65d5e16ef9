/** The list of runs, and beside it or instead of it the run that the address names. */

import { hrefOf, useRoute, useRouter } from "../routes/router.tsx";
import { RunPanel } from "../run/run-panel.tsx";
import { useSession } from "../session/session.tsx";

export function RunsPage({ runId }: { readonly runId: string | null }) {
  const { place } = useSession();
  const { search } = useRoute();
  const router = useRouter();
  const close = () => router.navigate(hrefOf({ name: "runs", ...place }, search));
  return (
    <div class={`panels${runId === null ? "" : " has-run"}`}>
      <section class="runs">
        <h1>Runs</h1>
      </section>
      {runId === null ? null : <RunPanel key={runId} id={runId} onClose={close} />}
    </div>
  );
}
