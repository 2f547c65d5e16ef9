/** The versions of an action, to compare and to restore. */

import { useCallback, useState } from "preact/hooks";
import type { ListedVersion, StoredAction } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { ErrorView } from "../ui/error-view.tsx";
import { type Loaded, useLoad } from "../ui/load.ts";
import { useNotices } from "../ui/notices.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { useChange } from "../ui/use-change.ts";
import { CompareDialog } from "./compare-dialog.tsx";
import { RestoreDialog } from "./restore-dialog.tsx";

const COLUMNS: readonly Column[] = [
  ["Version", "col-short"],
  ["Stored by"],
  ["Stored", "col-short"],
  ["What to do", "is-end", true],
];

/** The service keeps 100 at most. */
const LISTED = 100;
const SHOWN = 5;

/** The versions, newest first. Nothing for those who may not see them. */
export function useVersions({ name, version }: StoredAction): Loaded<readonly ListedVersion[] | null> {
  const { reader, may } = useSession();
  const isAllowed = may("actions:manage");
  // `version`: another version of the action makes another list.
  const read = useCallback(
    async (signal: AbortSignal) =>
      isAllowed ? (await reader.actions.versionPage(name, { limit: LISTED }, { signal })).versions : null,
    [reader, name, version, isAllowed],
  );
  return useLoad(read);
}

interface VersionsPartProps {
  readonly action: StoredAction;
  readonly loaded: Loaded<readonly ListedVersion[] | null>;
  /** Called when the action or its versions are others than before. */
  readonly onChanged: () => void;
}

type Open = { readonly what: "compare" | "restore" | "delete"; readonly version: ListedVersion } | null;

export function VersionsPart({ action, loaded, onChanged }: VersionsPartProps) {
  const { name, version: current } = action;
  const { data, failure, reload } = loaded;
  const versions = data ?? undefined;
  const [isWhole, setWhole] = useState(false);
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const changed = () => {
    reload();
    onChanged();
  };
  const shown = isWhole ? versions : versions?.slice(0, SHOWN);
  return (
    <>
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {versions === undefined || shown === undefined ? null : (
        <Table label="Versions" class="versions-table" columns={COLUMNS}>
          {shown.map((version) => (
            <tr key={version.version}>
              <td>
                {version.version}
                {version.version === current ? <span class="required"> current</span> : null}
              </td>
              <td>
                <bdi title={version.actor === "root" ? "ROOT_TOKEN" : `Token ${version.actor}`}>
                  {version.actorName}
                </bdi>
              </td>
              <td>
                <RelativeTime at={version.changedAt} />
              </td>
              <td class="is-end">
                {version.version === current ? null : (
                  <Actions of={version.version} onOpen={(what) => setOpen({ what, version })} />
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {versions !== undefined && !isWhole && versions.length > SHOWN ? (
        <div>
          <Button kind="quiet" onClick={() => setWhole(true)}>
            Show all {versions.length} versions
          </Button>
        </div>
      ) : null}
      {open?.what === "compare" && versions !== undefined ? (
        <CompareDialog
          versions={versions}
          from={open.version.version}
          onRestore={(version) => setOpen({ what: "restore", version })}
          onClose={close}
        />
      ) : null}
      {open?.what === "restore" ? (
        <RestoreDialog action={action} version={open.version} onClose={close} onChanged={changed} />
      ) : null}
      {open?.what === "delete" ? (
        <DeleteVersionDialog name={name} version={open.version.version} onClose={close} onDeleted={reload} />
      ) : null}
    </>
  );
}

interface ActionsProps {
  readonly of: number;
  readonly onOpen: (what: "compare" | "restore" | "delete") => void;
}

function Actions({ of, onOpen }: ActionsProps) {
  return (
    <span class="row-buttons">
      <Button kind="quiet" aria-label={`Compare version ${of}`} onClick={() => onOpen("compare")}>
        Compare
      </Button>
      <Button kind="quiet" aria-label={`Restore version ${of}`} onClick={() => onOpen("restore")}>
        Restore
      </Button>
      <Button kind="quiet" aria-label={`Delete version ${of}`} onClick={() => onOpen("delete")}>
        Delete
      </Button>
    </span>
  );
}

interface DeleteVersionDialogProps {
  readonly name: string;
  readonly version: number;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

const AFTER_LOSS =
  "The version may be deleted already. If you try again, the service then says that there is no such version.";

function DeleteVersionDialog({ name, version, onClose, onDeleted }: DeleteVersionDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const change = useChange({ afterLoss: AFTER_LOSS });
  const remove = () =>
    change.submit({
      send: ({ signal }) => client.actions.deleteVersion(name, version, { signal }),
      done() {
        note(`Version ${version} of ${name} is deleted.`);
        onDeleted();
        onClose();
      },
    });
  return (
    <ConfirmDialog
      title={`Delete version ${version}?`}
      verb="Delete version"
      change={change}
      onConfirm={remove}
      onClose={onClose}
    >
      <p>
        Nobody can read or restore it afterwards. Delete a version if somebody put a credential into its URL. The action
        itself stays as it is.
      </p>
    </ConfirmDialog>
  );
}
