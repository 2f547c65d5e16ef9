/** The versions of an action, to compare and to restore. */
import { useMemo, useState } from "preact/hooks";
import type { Schemas, Stored } from "../../client/index.ts";
import { type DiffLine, diffLines, type Gap, withGaps } from "../../words/line-diff.ts";
import { counted } from "../../words/statuses.ts";
import { SecretFields, secretProblem } from "../definitions/secret-fields.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { ChangeDialog, ConfirmDialog, Dialog, DialogButtons } from "../ui/dialog.tsx";
import { SelectField } from "../ui/field.tsx";
import { type Column, Table } from "../ui/list-page.tsx";
import { ErrorView, type Loaded, useRead } from "../ui/load.tsx";
import { useNotices } from "../ui/notices.tsx";
import { RelativeTime, useZone } from "../ui/time.tsx";
import { problemsOf, useChange } from "../ui/use-change.ts";
import { secretsOf, withSecrets } from "./definition-shape.ts";

type ListedVersion = Schemas["ListedVersion"];
type StoredAction = Stored<Schemas["Action"]>;

const COLUMNS: readonly Column[] = [
  { text: "Version", width: "124px" },
  { text: "Stored by" },
  { text: "Stored", width: "104px" },
  { text: "What to do", class: "is-end", isHeard: true },
];

/** The service keeps 100 at most. */
const LISTED = 100;
const SHOWN = 5;

/** The versions, newest first. Nothing for those who may not see them. */
export function useVersions({ name, version }: StoredAction): Loaded<readonly ListedVersion[] | null> {
  const { reader, may } = useSession();
  const isAllowed = may("actions:manage");
  // `version`: another version of the action makes another list.
  return useRead(
    async (signal) =>
      isAllowed ? (await reader.actions.versions(name, { limit: LISTED }, { signal }).page()).entries : null,
    [reader, name, version, isAllowed],
  );
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
        <Table label="Versions" columns={COLUMNS}>
          {shown.map((version) => (
            <tr key={version.version}>
              <td>
                <span class="number">{version.version}</span>
                {version.version === current ? <span class="beside muted small"> current</span> : null}
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
    <span class="row-buttons row gap-12">
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

const AFTER_LOST_DELETE =
  "The version may be deleted already. If you try again, the service then says that there is no such version.";

function DeleteVersionDialog({ name, version, onClose, onDeleted }: DeleteVersionDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const change = useChange({ afterLoss: AFTER_LOST_DELETE });
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
      onSubmit={remove}
      onClose={onClose}
    >
      <p>
        Nobody can read or restore it afterwards. Delete a version if somebody put a credential into its URL. The action
        itself stays as it is.
      </p>
    </ConfirmDialog>
  );
}

interface CompareDialogProps {
  /** Newest first. */
  readonly versions: readonly ListedVersion[];
  /** The older one at first. */
  readonly from: number;
  readonly onRestore: (version: ListedVersion) => void;
  readonly onClose: () => void;
}

function CompareDialog({ versions, from, onRestore, onClose }: CompareDialogProps) {
  const [newest] = versions;
  const { exact } = useZone();
  const [before, setBefore] = useState(String(from));
  const [after, setAfter] = useState(String(newest?.version));
  const left = versions.find(({ version }) => String(version) === before);
  const right = versions.find(({ version }) => String(version) === after);
  const options = versions.map(({ version, changedAt, actorName }) => (
    <option key={version} value={String(version)}>
      {version}
      {version === newest?.version ? " (current)" : ""}, {exact(changedAt)}, {actorName}
    </option>
  ));
  return (
    <Dialog title="Compare versions" onClose={onClose}>
      <form class="wide-form stack gap-14" onSubmit={(event) => event.preventDefault()}>
        <div class="grid">
          <SelectField label="From version" value={before} onText={setBefore}>
            {options}
          </SelectField>
          <SelectField label="To version" value={after} onText={setAfter}>
            {options}
          </SelectField>
        </div>
        <DefinitionDiff before={left?.definition} after={right?.definition} />
        <DialogButtons>
          {left === undefined || left === newest ? null : (
            <Button onClick={() => onRestore(left)}>Restore version {left.version}</Button>
          )}
          <Button onClick={onClose}>Close</Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}

interface DefinitionDiffProps {
  readonly before: object | undefined;
  readonly after: object | undefined;
}

/** What two versions of a definition differ in, line by line. */
export function DefinitionDiff({ before, after }: DefinitionDiffProps) {
  const lines = useMemo(() => withGaps(diffLines(textOf(before), textOf(after))), [before, after]);
  if (lines.length === 0) {
    return <p class="muted">Both are the same. Secrets are not compared, because no version has them.</p>;
  }
  return (
    <section class="diff card" aria-label="What changed">
      {lines.map((line, index) => (
        <Line key={index} line={line} />
      ))}
    </section>
  );
}

function Line({ line }: { readonly line: DiffLine | Gap }) {
  if (line.kind === "gap") {
    return <div class="muted is-side">{counted(line.count, "line")} that did not change</div>;
  }
  if (line.kind === "same") return <div>{`  ${line.text}`}</div>;
  return line.kind === "added" ? <ins>{`+ ${line.text}`}</ins> : <del>{`- ${line.text}`}</del>;
}

function textOf(definition: object | undefined): string {
  return JSON.stringify(definition ?? {}, null, 2);
}

const CHANGED_MEANWHILE =
  "Somebody changed this action meanwhile. Close this dialog, look at the action, and decide again.";
const AFTER_LOST_RESTORE =
  "The service may have stored this. Close this dialog and look at the action before you try again.";

interface RestoreDialogProps {
  readonly action: StoredAction;
  readonly version: ListedVersion;
  readonly onClose: () => void;
  /** Called when the action is another than before. */
  readonly onChanged: () => void;
}

/** Stores an older version of an action again. It asks for the secrets that the service no longer has. */
function RestoreDialog({ action, version, onClose, onChanged }: RestoreDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const { name, version: current } = action;
  const { definition } = version;
  const secrets = secretsOf(definition);
  const fields = secrets.map(({ pointer }) => pointer);
  const stored = new Set(secretsOf(action.definition).map(({ pointer }) => pointer));
  const [isAsking, setAsking] = useState(false);
  const [typed, setTyped] = useState<ReadonlyMap<string, string>>(new Map());
  const change = useChange({ fields, afterLoss: AFTER_LOST_RESTORE });
  const restore = () =>
    change.submit({
      send: ({ signal }) =>
        client.actions.put(name, withSecrets(definition, typed) as Schemas["ActionDefinition"], {
          ifVersion: current,
          signal,
        }),
      done(put) {
        note(`${name} is stored as version ${put.version}, which equals version ${version.version}.`);
        onChanged();
        onClose();
      },
      explain(error) {
        if (error.code === "secret_required") {
          setAsking(true);
          return secretProblem(error, fields, stored) ?? problemsOf(error, fields, AFTER_LOST_RESTORE);
        }
        if (error.status !== 412) return null;
        onChanged();
        return new Map([[null, CHANGED_MEANWHILE]]);
      },
    });
  return (
    <ChangeDialog
      title={`Restore version ${version.version}?`}
      isKept={typed.size > 0}
      change={change}
      onSubmit={restore}
      onClose={onClose}
      verb="Restore"
    >
      <p>
        The definition of version {version.version} becomes the action's new version. Version {current} stays in the
        list. Runs that have begun continue. The change takes effect within 30 seconds.
      </p>
      {isAsking ? (
        <SecretFields
          members={secrets}
          typed={typed}
          stored={stored}
          problemAt={(pointer) => change.problems.get(pointer)}
          onType={(pointer, text) => setTyped((before) => new Map(before).set(pointer, text))}
        />
      ) : secrets.length > 0 ? (
        <p class="muted">Secrets that are stored now are kept. You are asked for those that are missing.</p>
      ) : null}
    </ChangeDialog>
  );
}
