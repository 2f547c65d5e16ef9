/** The page of one definition, of any kind, and the question before the definition is deleted. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ActionRunsError } from "../../client/index.ts";
import { useKeys } from "../keys.tsx";
import { hrefOf, Link, useRouter } from "../router.tsx";
import { ConfirmDialog, useChange } from "../ui/forms.tsx";
import { DetailHead } from "../ui/list-page.tsx";
import { ErrorView, type Loaded } from "../ui/load.tsx";
import { Button, Empty, Skeleton, useNotices } from "../ui/parts.tsx";
import type { AnyStored, DefinitionKind } from "./kind.ts";

/** Which dialog of the page is open, and how to open and close one. */
interface Dialogs<Name> {
  readonly open: Name | "delete" | null;
  readonly show: (name: Name) => void;
  readonly close: () => void;
}

interface DefinitionPageProps<T, Name> {
  readonly kind: DefinitionKind<T>;
  readonly name: string;
  readonly loaded: Loaded<T>;
  readonly mayDelete: boolean;
  /** Called after it was deleted. */
  readonly onDeleted?: ((name: string) => void) | undefined;
  /** Those beside the one that deletes it. */
  readonly buttons: (shown: T, show: Dialogs<Name>["show"]) => ComponentChildren;
  readonly children: (shown: T, dialogs: Dialogs<Name>) => ComponentChildren;
}

export function DefinitionPage<T extends AnyStored, Name extends string>(props: DefinitionPageProps<T, Name>) {
  const { kind, name, loaded, mayDelete, onDeleted, buttons, children } = props;
  const { noun, list, all, goneCode } = kind;
  const { data, failure, reload } = loaded;
  const [open, setOpen] = useState<Name | "delete" | null>(null);
  const close = () => setOpen(null);
  const router = useRouter();
  const href = hrefOf(list);
  useKeys(`This ${noun}`, [{ keys: "Escape", label: `Back to the ${noun}s`, run: () => router.navigate(href) }]);
  // If somebody else deleted it, the data of an earlier read is wrong.
  const isGone = failure?.error instanceof ActionRunsError && failure.error.code === goneCode;
  const shown = isGone ? undefined : data;
  return (
    <div class="page">
      <DetailHead list={href} all={all} title={name}>
        {shown === undefined ? null : (
          <>
            {mayDelete ? (
              <Button kind="quiet" onClick={() => setOpen("delete")}>
                Delete
              </Button>
            ) : null}
            {buttons(shown, setOpen)}
          </>
        )}
      </DetailHead>
      {isGone ? (
        <Empty title={`There is no ${noun} of this name`}>
          <p>Somebody deleted it, or the name in the address is wrong.</p>
          <p>
            <Link class="button is-plain" href={href}>
              See all {noun}s
            </Link>
          </p>
        </Empty>
      ) : (
        <ErrorView failure={failure} onRetry={reload} isBanner={data !== undefined} />
      )}
      {shown !== undefined ? children(shown, { open, show: setOpen, close }) : failure === null ? <Skeleton /> : null}
      {shown !== undefined && open === "delete" ? (
        <DeleteDialog kind={kind} stored={shown} onClose={close} onChanged={reload} onDeleted={onDeleted} />
      ) : null}
    </div>
  );
}

interface DeleteDialogProps {
  readonly kind: Pick<DefinitionKind<never>, "noun" | "list" | "remove" | "deletion">;
  readonly stored: AnyStored;
  readonly onClose: () => void;
  /** Called if somebody changed it meanwhile. */
  readonly onChanged: () => void;
  /** Called after it was deleted. */
  readonly onDeleted: ((name: string) => void) | undefined;
}

function DeleteDialog({ kind, stored, onClose, onChanged, onDeleted }: DeleteDialogProps) {
  const { noun, list, remove, deletion } = kind;
  const { name, version } = stored;
  const router = useRouter();
  const { note } = useNotices();
  const change = useChange({
    afterLoss: `The ${noun} may be deleted already. If you try again, the service then says that there is no such ${noun}.`,
  });
  const confirm = () =>
    change.submit({
      send: ({ signal }) => remove(name, { ifVersion: version, signal }),
      done() {
        note(`${name} is deleted.`);
        onDeleted?.(name);
        router.navigate(hrefOf(list));
      },
      explain({ status }) {
        if (status !== 412) return null;
        onChanged();
        return new Map([
          [null, `Somebody changed this ${noun} meanwhile. Close this dialog, look at the ${noun}, and decide again.`],
        ]);
      },
    });
  return (
    <ConfirmDialog
      title={`Delete ${name}?`}
      verb={`Delete ${noun}`}
      change={change}
      onSubmit={confirm}
      onClose={onClose}
    >
      <p>{deletion} You can't undo this.</p>
    </ConfirmDialog>
  );
}
