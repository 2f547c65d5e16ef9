/** The versions of a definition, to compare and to restore. */
import { useMemo, useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { type DiffLine, diffLines, type Gap, withGaps } from "../../words/line-diff.ts";
import { counted } from "../../words/statuses.ts";
import { useSession } from "../session/session.tsx";
import {
  ChangeDialog,
  ConfirmDialog,
  Dialog,
  DialogButtons,
  problemsOf,
  SelectField,
  useChange,
  useDialog,
} from "../ui/forms.tsx";
import { type Column, Table } from "../ui/list-page.tsx";
import { ErrorView, type Loaded, useRead } from "../ui/load.tsx";
import { Button, useNotices } from "../ui/parts.tsx";
import { RelativeTime, useZone } from "../ui/time.tsx";
import {
  type AnyStored,
  callsOf,
  changedMeanwhile,
  type DefinitionKind,
  type ListedVersion,
  secretOf,
} from "./kind.ts";
import { secretsOf, withSecrets } from "./members.ts";
import { MadeSecretDialog, SecretFields, secretProblem } from "./secrets.tsx";

const COLUMNS: readonly Column[] = [
  { text: "Version", width: "124px" },
  { text: "Stored by" },
  { text: "Stored", class: "is-wide", width: "104px" },
  { text: "What to do", class: "is-end", isHeard: true },
];

/** The service keeps 100 at most. */
const LISTED = 100;
const SHOWN = 5;

/** The versions, newest first. Null for those who may not see them. */
export function useVersions(kind: DefinitionKind, { name, version }: AnyStored) {
  const { reader, may } = useSession();
  const isAllowed = may("actions:manage");
  // `version`: another version of the definition makes another list.
  return useRead<readonly ListedVersion[] | null>(
    async (signal) =>
      isAllowed ? (await callsOf(reader, kind).versions(name, { limit: LISTED }, { signal }).page()).entries : null,
    [reader, kind, name, version, isAllowed],
  );
}

interface VersionsPartProps {
  readonly kind: DefinitionKind;
  readonly stored: AnyStored;
  readonly loaded: Loaded<readonly ListedVersion[] | null>;
  /** Called when the definition or its versions are others than before. */
  readonly onChanged: () => void;
}

export function VersionsPart({ kind, stored, loaded, onChanged }: VersionsPartProps) {
  const { name, version: current } = stored;
  const { data, failure, reload } = loaded;
  const [isWhole, setWhole] = useState(false);
  const [dialog, open] = useDialog();
  if (data === null) return null;
  function changed() {
    reload();
    onChanged();
  }
  const restore = (version: ListedVersion) =>
    open((onClose) => (
      <RestoreDialog kind={kind} stored={stored} version={version} onClose={onClose} onChanged={changed} />
    ));
  const dialogs = {
    Compare: ({ version }: ListedVersion) =>
      open((onClose) => <CompareDialog versions={data ?? []} from={version} onRestore={restore} onClose={onClose} />),
    Restore: restore,
    Delete: ({ version }: ListedVersion) =>
      open((onClose) => (
        <ConfirmDialog
          title={`Delete version ${version}?`}
          verb="Delete version"
          afterLoss="The version may be deleted already. If you try again, the service then says that there is no such version."
          send={(client, { signal }) => callsOf(client, kind).deleteVersion(name, version, { signal })}
          said={`Version ${version} of ${name} is deleted.`}
          done={reload}
          onClose={onClose}
        >
          <p>
            Nobody can read or restore it afterwards. Delete a version if somebody put a credential into it. The{" "}
            {kind.noun} itself stays as it is.
          </p>
        </ConfirmDialog>
      )),
  };
  return (
    <section class="stack">
      <h2>Versions</h2>
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {data === undefined ? null : (
        <Table label="Versions" columns={COLUMNS}>
          {data.slice(0, isWhole ? LISTED : SHOWN).map((one) => (
            <tr key={one.version}>
              <td>
                <span class="number">{one.version}</span>
                {one.version === current ? <span class="beside muted small"> current</span> : null}
              </td>
              <td>
                <bdi title={one.actor === "root" ? "ROOT_TOKEN" : `Token ${one.actor}`}>{one.actorName}</bdi>
                <p class="is-narrow muted">
                  <RelativeTime at={one.changedAt} />
                </p>
              </td>
              <td class="is-wide">
                <RelativeTime at={one.changedAt} />
              </td>
              <td class="is-end">
                {one.version === current ? null : (
                  <span class="row-buttons row gap-12">
                    {Object.entries(dialogs).map(([what, ask]) => (
                      <Button
                        key={what}
                        kind="quiet"
                        aria-label={`${what} version ${one.version}`}
                        onClick={() => ask(one)}
                      >
                        {what}
                      </Button>
                    ))}
                  </span>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {data !== undefined && !isWhole && data.length > SHOWN ? (
        <div>
          <Button kind="quiet" onClick={() => setWhole(true)}>
            Show all {data.length} versions
          </Button>
        </div>
      ) : null}
      {dialog}
    </section>
  );
}

interface CompareDialogProps {
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

interface RestoreDialogProps {
  readonly kind: DefinitionKind;
  readonly stored: AnyStored;
  readonly version: ListedVersion;
  readonly onClose: () => void;
  /** Called when the definition is another than before. */
  readonly onChanged: () => void;
}

/** Stores an older version again. It asks for the secrets that the service no longer has. */
function RestoreDialog({ kind, stored, version: { version, definition }, onClose, onChanged }: RestoreDialogProps) {
  const { noun, madeSecret } = kind;
  const { client } = useSession();
  const { note } = useNotices();
  const { name, version: current } = stored;
  const fields = secretsOf(definition);
  const kept = new Set(secretsOf(stored.definition));
  const afterLoss = `The service may have stored this. Close this dialog and look at the ${noun} before you try again.`;
  const [isAsking, setAsking] = useState(false);
  const [typed, setTyped] = useState<ReadonlyMap<string, string>>(new Map());
  const [made, setMade] = useState<string | null>(null);
  const change = useChange({ fields, afterLoss });
  const restore = () =>
    change.submit({
      send({ signal }) {
        const body = withSecrets(definition, typed) as Schemas["ActionDefinition"];
        return callsOf(client, kind).put(name, body, { ifVersion: current, signal });
      },
      done(put) {
        note(`${name} is stored as version ${put.version}, which equals version ${version}.`);
        onChanged();
        const secret = secretOf(kind, put);
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
        return new Map([[null, changedMeanwhile(kind)]]);
      },
    });
  if (made !== null && madeSecret !== null) {
    return <MadeSecretDialog about={madeSecret} name={name} secret={made} onClose={onClose} />;
  }
  return (
    <ChangeDialog
      title={`Restore version ${version}?`}
      isKept={typed.size > 0}
      change={change}
      onSubmit={restore}
      onClose={onClose}
      verb="Restore"
    >
      <p>
        The definition of version {version} becomes the {noun}'s new version. Version {current} stays in the list. Runs
        that have begun continue. The change takes effect within 30 seconds.
      </p>
      {isAsking ? (
        <SecretFields
          pointers={fields}
          typed={typed}
          stored={kept}
          problemAt={(pointer) => change.problems.get(pointer)}
          onType={(pointer, text) => setTyped((before) => new Map(before).set(pointer, text))}
        />
      ) : fields.length > 0 ? (
        <p class="muted">Secrets that are stored now are kept. You are asked for those that are missing.</p>
      ) : null}
    </ChangeDialog>
  );
}
