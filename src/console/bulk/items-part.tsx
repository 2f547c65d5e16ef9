/** What became of each run of a bulk operation. The address holds the outcome and the cursor. */

import { useCallback, useEffect } from "preact/hooks";
import type { BulkItem, BulkOperation } from "../../client/index.ts";
import { hrefOf, Link, useRoute, useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { ErrorView } from "../ui/error-view.tsx";
import { SelectField } from "../ui/field.tsx";
import { Pager } from "../ui/list-page.tsx";
import { useLoad } from "../ui/load.ts";
import { Mark } from "../ui/status.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { codeText, countsText, markOfItem, OUTCOMES } from "./bulk-words.ts";

/** Of a run's id. */
const ID_END = 8;

const COLUMNS: readonly Column[] = [["Run"], ["Outcome", "col-outcome"]];

export function ItemsPart({ operation: { id, operation, counts } }: { readonly operation: BulkOperation }) {
  const { reader } = useSession();
  const router = useRouter();
  const { page, query } = useRoute();
  const outcome = OUTCOMES.find((one) => one === query.get("outcome"));
  const cursor = query.get("cursor") ?? undefined;
  const read = useCallback(
    (signal: AbortSignal) => reader.bulkOperations.itemPage(id, { outcome, cursor }, { signal }),
    [reader, id, outcome, cursor],
  );
  const { data, failure, reload } = useLoad(read);
  // The operation is polled. Its items change only together with its counts.
  const mark = countsText(counts);
  useEffect(() => {
    if (mark !== "") reload();
  }, [mark, reload]);
  function choose(next: string) {
    if (page !== null) router.navigate(hrefOf(page, next === "" ? "" : `outcome=${next}`), { replace: true });
  }
  return (
    <section class="part">
      <div class="page-head">
        <h2>Runs</h2>
        <div class="deliveries-head">
          <SelectField label="Outcome" value={outcome ?? ""} onText={choose}>
            <option value="">all</option>
            {OUTCOMES.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </SelectField>
        </div>
      </div>
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {data === undefined ? null : data.items.length === 0 ? (
        <p class="muted">None.</p>
      ) : (
        <Table label="Runs of the operation" columns={operation === "retry" ? [...COLUMNS, ["New run"]] : COLUMNS}>
          {data.items.map((item) => (
            <tr key={item.runId}>
              <td>
                <RunLink id={item.runId} />
              </td>
              <td>
                <Outcome item={item} />
              </td>
              {operation === "retry" ? <td>{item.newRunId === null ? null : <RunLink id={item.newRunId} />}</td> : null}
            </tr>
          ))}
        </Table>
      )}
      <Pager of="runs" next={data?.next ?? null} />
    </section>
  );
}

function RunLink({ id }: { readonly id: string }) {
  const { scope } = useSession();
  return (
    <Link href={hrefOf({ name: "run", ...scope, id })} title={id}>
      <code>…{id.slice(-ID_END)}</code>
    </Link>
  );
}

function Outcome({ item: { outcome, code } }: { readonly item: BulkItem }) {
  return (
    <>
      <Mark mark={markOfItem(outcome)}>{outcome ?? "remaining"}</Mark>{" "}
      {code === null ? null : (
        <span class="muted" title={code}>
          {codeText(code)}
        </span>
      )}
    </>
  );
}
