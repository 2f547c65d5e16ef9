/** The page of one definition, of any kind. */
import type { ComponentChildren } from "preact";
import { useKeys } from "../keys.tsx";
import { Link, useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { ConfirmDialog, DialogButton } from "../ui/forms.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { DetailHead } from "../ui/list-page.tsx";
import { ErrorView, type Loaded } from "../ui/load.tsx";
import { Empty, Skeleton } from "../ui/parts.tsx";
import { type AnyStored, callsOf, changedMeanwhile, type DefinitionKind, isGone, pagesOf } from "./kind.ts";

interface DefinitionPageProps<T> {
  readonly kind: DefinitionKind;
  readonly name: string;
  readonly loaded: Loaded<T>;
  readonly onDeleted?: (name: string) => void;
  /** Buttons before and after the link to the editor. */
  readonly quietly?: (shown: T) => ComponentChildren;
  readonly button: (shown: T) => ComponentChildren;
  readonly children: (shown: T) => ComponentChildren;
}

export function DefinitionPage<T extends AnyStored>(props: DefinitionPageProps<T>) {
  const { kind, name, loaded, onDeleted, quietly, button, children } = props;
  const { noun, list, permission, deletion } = kind;
  const { data, failure, reload } = loaded;
  const { scope, may } = useSession();
  const router = useRouter();
  const pages = pagesOf(kind, scope);
  useKeys(`This ${noun}`, [{ keys: "Escape", label: `Back to the ${noun}s`, run: () => router.navigate(pages.list) }]);
  // If somebody else deleted it, the data of an earlier read is wrong.
  const shown = isGone(kind, failure) ? undefined : data;
  const deleting = ({ version }: AnyStored, onClose: () => void) => (
    <ConfirmDialog
      title={`Delete ${name}?`}
      verb={`Delete ${noun}`}
      afterLoss={`The ${noun} may be deleted already. If you try again, the service then says that there is no such ${noun}.`}
      send={(client, { signal }) => callsOf(client, kind).delete(name, { ifVersion: version, signal })}
      said={`${name} is deleted.`}
      done={() => {
        onDeleted?.(name);
        router.navigate(pages.list);
      }}
      explain={({ status }) => {
        if (status !== 412) return null;
        reload();
        return new Map([[null, changedMeanwhile(kind)]]);
      }}
      onClose={onClose}
    >
      <p>{deletion} You can't undo this.</p>
    </ConfirmDialog>
  );
  return (
    <div class="page">
      <DetailHead list={pages.list} all={`All ${list}`} title={name}>
        {shown === undefined ? null : (
          <>
            {may(permission) ? (
              <>
                <DialogButton kind="quiet" dialog={(close) => deleting(shown, close)}>
                  Delete
                </DialogButton>
                {quietly?.(shown)}
                <Link class="button is-plain" href={pages.edit(name)}>
                  Edit
                </Link>
              </>
            ) : null}
            {button(shown)}
          </>
        )}
      </DetailHead>
      {isGone(kind, failure) ? (
        <Gone kind={kind} />
      ) : (
        <ErrorView failure={failure} onRetry={reload} isBanner={data !== undefined} />
      )}
      {shown === undefined ? null : (
        <div class="stack gap-24">
          {children(shown)}
          <Part title="Definition">
            <JsonTree what="JSON" value={shown.definition} />
          </Part>
        </div>
      )}
      {shown === undefined && failure === null ? <Skeleton /> : null}
    </div>
  );
}

/** Without a name of its own, because the dialogs have fields of these names. */
export function Part({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <section class="stack">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

export function Gone({ kind, isPage = false }: { readonly kind: DefinitionKind; readonly isPage?: boolean }) {
  const { scope } = useSession();
  return (
    <Empty isPage={isPage} title={`There is no ${kind.noun} of this name`}>
      <p>Somebody deleted it, or the name in the address is wrong.</p>
      <p>
        <Link class="button is-plain" href={pagesOf(kind, scope).list}>
          See all {kind.noun}s
        </Link>
      </p>
    </Empty>
  );
}
