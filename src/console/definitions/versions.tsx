/** The versions of a definition, to compare and to restore. */
import { useMemo, useState } from "preact/hooks";
import { type DiffLine, diffLines, type Gap, withGaps } from "../../words/line-diff.ts";
import { counted } from "../../words/statuses.ts";
import { withSecrets } from "../actions/definition-shape.ts";
import type { Schema } from "../actions/schema-form.ts";
import { useSession } from "../session/session.tsx";
import {
  ChangeDialog,
  ConfirmDialog,
  Dialog,
  DialogButtons,
  problemsOf,
  SelectField,
  useChange,
} from "../ui/forms.tsx";
import { type Column, Table } from "../ui/list-page.tsx";
import { ErrorView, type Loaded, useRead } from "../ui/load.tsx";
import { Button, useNotices } from "../ui/parts.tsx";
import { RelativeTime, useZone } from "../ui/time.tsx";
import type { AnyStored, DefinitionKind, ListedVersion } from "./kind.ts";
import { MadeSecretDialog } from "./rotate-secret-dialog.tsx";
import { SecretFields, secretProblem } from "./secret-fields.tsx";

const COLUMNS: readonly Column[] = [
  { text: "Version", width: "124px" },
  { text: "Stored by" },
  { text: "Stored", width: "104px" },
  { text: "What to do", class: "is-end", isHeard: true },
];

/** The service keeps 100 at most. */
const LISTED = 100;
const SHOWN = 5;

/** The versions, newest first. Null for those who may not see them. */
export function useVersions<T extends AnyStored>(
  kind: DefinitionKind<T>,
  { name, version }: AnyStored,
): Loaded<readonly ListedVersion[] | null> {
  const { may } = useSession();
  const isAllowed = may("actions:manage");
  // `version`: another version of the definition makes another list.
  return useRead(
    async (signal) => (isAllowed ? (await kind.versions(name, { limit: LISTED }, { signal }).page()).entries : null),
    [kind, name, version, isAllowed],
  );
}

interface VersionsPartProps<T> {
  readonly kind: DefinitionKind<T>;
  readonly stored: T;
  readonly loaded: Loaded<readonly ListedVersion[] | null>;
  /** Called when the definition or its versions are others than before. */
  readonly onChanged: () => void;
}

type Open = { readonly what: "compare" | "restore" | "delete"; readonly version: ListedVersion } | null;

export function VersionsPart<T extends AnyStored>({ kind, stored, loaded, onChanged }: VersionsPartProps<T>) {
  const { name, version: current } = stored;
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
        <RestoreDialog kind={kind} stored={stored} version={open.version} onClose={close} onChanged={changed} />
      ) : null}
      {open?.what === "delete" ? (
        <DeleteVersionDialog
          kind={kind}
          name={name}
          version={open.version.version}
          onClose={close}
          onDeleted={reload}
        />
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
  readonly kind: Pick<DefinitionKind<never>, "noun" | "deleteVersion">;
  readonly name: string;
  readonly version: number;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

const AFTER_LOST_DELETE =
  "The version may be deleted already. If you try again, the service then says that there is no such version.";

function DeleteVersionDialog({ kind, name, version, onClose, onDeleted }: DeleteVersionDialogProps) {
  const { note } = useNotices();
  const change = useChange({ afterLoss: AFTER_LOST_DELETE });
  const remove = () =>
    change.submit({
      send: ({ signal }) => kind.deleteVersion(name, version, { signal }),
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
        Nobody can read or restore it afterwards. Delete a version if somebody put a credential into it. The {kind.noun}{" "}
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

interface RestoreDialogProps<T> {
  readonly kind: DefinitionKind<T>;
  readonly stored: T;
  readonly version: ListedVersion;
  readonly onClose: () => void;
  /** Called when the definition is another than before. */
  readonly onChanged: () => void;
}

/** Stores an older version again. It asks for the secrets that the service no longer has. */
function RestoreDialog<T extends AnyStored>(props: RestoreDialogProps<T>) {
  const { kind, stored, version, onClose, onChanged } = props;
  const { noun, secretsOf, madeSecret } = kind;
  const { note } = useNotices();
  const { name, version: current } = stored;
  const { definition } = version;
  const secrets = secretsOf(definition);
  const fields = secrets.map(({ pointer }) => pointer);
  const kept = new Set(secretsOf(stored.definition).map(({ pointer }) => pointer));
  const afterLoss = `The service may have stored this. Close this dialog and look at the ${noun} before you try again.`;
  const [isAsking, setAsking] = useState(false);
  const [typed, setTyped] = useState<ReadonlyMap<string, string>>(new Map());
  const [made, setMade] = useState<string | null>(null);
  const change = useChange({ fields, afterLoss });
  const restore = () =>
    change.submit({
      send: ({ signal }) => kind.put(name, withSecrets(definition, typed) as Schema, { ifVersion: current, signal }),
      done(put) {
        note(`${name} is stored as version ${put.version}, which equals version ${version.version}.`);
        onChanged();
        const secret = madeSecret?.of(put) ?? null;
        if (secret === null) onClose();
        else setMade(secret);
      },
      explain(error) {
        if (error.code === "secret_required") {
          setAsking(true);
          return secretProblem(error, fields, kept) ?? problemsOf(error, fields, afterLoss);
        }
        if (error.status !== 412) return null;
        onChanged();
        return new Map([
          [null, `Somebody changed this ${noun} meanwhile. Close this dialog, look at the ${noun}, and decide again.`],
        ]);
      },
    });
  if (made !== null && madeSecret !== null) {
    return <MadeSecretDialog about={madeSecret} name={name} secret={made} onClose={onClose} />;
  }
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
        The definition of version {version.version} becomes the {noun}'s new version. Version {current} stays in the
        list. Runs that have begun continue. The change takes effect within 30 seconds.
      </p>
      {isAsking ? (
        <SecretFields
          members={secrets}
          typed={typed}
          stored={kept}
          problemAt={(pointer) => change.problems.get(pointer)}
          onType={(pointer, text) => setTyped((before) => new Map(before).set(pointer, text))}
        />
      ) : secrets.length > 0 ? (
        <p class="muted">Secrets that are stored now are kept. You are asked for those that are missing.</p>
      ) : null}
    </ChangeDialog>
  );
}
