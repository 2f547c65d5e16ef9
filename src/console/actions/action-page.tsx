/**
 * The home of a stored action: its last runs, what it takes and calls, a form to run it, and for those who may, its
 * versions and an editor.
 */

import { useCallback, useState } from "preact/hooks";
import { ActionRunsError } from "../../client/index.ts";
import { DeleteDialog } from "../definitions/delete-dialog.tsx";
import { useWaitingNote } from "../gates/use-waiting-note.ts";
import { useKeys } from "../keys/keys.tsx";
import { hrefOf, Link, useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Empty } from "../ui/empty.tsx";
import { ErrorView } from "../ui/error-view.tsx";
import { Icon } from "../ui/icons.tsx";
import { type Failure, useLoad } from "../ui/load.ts";
import { ActionEditor } from "./action-editor.tsx";
import { ActionView } from "./action-view.tsx";
import { RunDialog } from "./run-dialog.tsx";

type Open = "run" | "edit" | "delete" | null;

export function ActionPage({ name }: { readonly name: string }) {
  const { client, scope, reader, may } = useSession();
  const read = useCallback((signal: AbortSignal) => reader.actions.get(name, { signal }), [reader, name]);
  const { data, failure, reload } = useLoad(read);
  // If somebody else deleted the action, the data of an earlier read is wrong.
  const shown = isGone(failure) ? undefined : data;
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const noteWaiting = useWaitingNote();
  const router = useRouter();
  const list = hrefOf({ name: "actions", ...scope });
  useKeys("This action", [{ keys: "Escape", label: "Back to the actions", run: () => router.navigate(list) }]);
  return (
    <div class="page">
      <div class="page-head">
        <div class="action-title">
          <Link class="crumb" href={list}>
            <Icon name="previous" />
            All actions
          </Link>
          <h1 class="break">{name}</h1>
        </div>
        {shown === undefined ? null : (
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
              <Button kind={shown.definition.trigger ? "primary" : "plain"} onClick={() => setOpen("run")}>
                Run action
              </Button>
            ) : null}
          </div>
        )}
      </div>
      {isGone(failure) ? (
        <Empty title="There is no action of this name">
          <p>Somebody deleted it, or the name in the address is wrong.</p>
          <p>
            <Link class="button is-plain" href={list}>
              See all actions
            </Link>
          </p>
        </Empty>
      ) : (
        <ErrorView failure={failure} onRetry={reload} isBanner={data !== undefined} />
      )}
      {shown === undefined ? null : <ActionView action={shown} onChanged={reload} />}
      {shown !== undefined && open === "run" ? <RunDialog action={shown} onClose={close} /> : null}
      {shown !== undefined && open === "edit" ? (
        <ActionEditor stored={shown} onClose={close} onStored={reload} />
      ) : null}
      {shown !== undefined && open === "delete" ? (
        <DeleteDialog
          noun="action"
          stored={shown}
          remove={client.actions.delete}
          list={{ name: "actions", ...scope }}
          onClose={close}
          onChanged={reload}
          onDeleted={noteWaiting}
        >
          Nobody can run it afterwards. Its secrets and versions are deleted, too. Runs that have begun continue, and so
          do those that wait. You can't undo this.
        </DeleteDialog>
      ) : null}
    </div>
  );
}

function isGone(failure: Failure | null): boolean {
  return failure?.error instanceof ActionRunsError && failure.error.code === "action_not_found";
}
