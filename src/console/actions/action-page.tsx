/** One stored action: what it takes and calls, a form to run it, and for those who may, an editor. */

import { useCallback, useState } from "preact/hooks";
import { useKeys } from "../keys/keys.tsx";
import { hrefOf, Link, useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { ErrorView } from "../ui/error-view.tsx";
import { Icon } from "../ui/icons.tsx";
import { useLoad } from "../ui/load.ts";
import { ActionEditor } from "./action-editor.tsx";
import { ActionView } from "./action-view.tsx";
import { DeleteDialog } from "./delete-dialog.tsx";
import { RunDialog } from "./run-dialog.tsx";

type Open = "run" | "edit" | "delete" | null;

export function ActionPage({ name }: { readonly name: string }) {
  const { place, reader, may } = useSession();
  const read = useCallback((signal: AbortSignal) => reader.actions.get(name, { signal }), [reader, name]);
  const { data, failure, reload } = useLoad(read);
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const router = useRouter();
  const list = hrefOf({ name: "actions", ...place });
  useKeys("This action", [
    { keys: "Escape", label: "Back to the actions", run: () => router.navigate(list) },
  ]);
  return (
    <div class="page">
      <div class="page-head">
        <div class="action-title">
          <Link class="crumb" href={list}>
            <Icon name="previous" />
            Actions
          </Link>
          <h1 class="break">{name}</h1>
        </div>
        {data === undefined ? null : (
          <div class="head-buttons">
            {may("actions:manage") ? (
              <>
                <Button kind="quiet" onClick={() => setOpen("delete")}>
                  Delete
                </Button>
                <Button onClick={() => setOpen("edit")}>Edit</Button>
              </>
            ) : null}
            {may("data:write") ? (
              <Button kind="primary" onClick={() => setOpen("run")}>
                Run action
              </Button>
            ) : null}
          </div>
        )}
      </div>
      {failure === null ? null : (
        <ErrorView failure={failure} onRetry={reload} isBanner={data !== undefined} />
      )}
      {data === undefined ? null : <ActionView action={data} />}
      {data !== undefined && open === "run" ? <RunDialog action={data} onClose={close} /> : null}
      {data !== undefined && open === "edit" ? (
        <ActionEditor stored={data} onClose={close} onStored={reload} />
      ) : null}
      {data !== undefined && open === "delete" ? (
        <DeleteDialog action={data} onClose={close} onChanged={reload} />
      ) : null}
    </div>
  );
}
