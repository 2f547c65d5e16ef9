/** Asks before a definition is deleted. */

import type { ComponentChildren } from "preact";
import type { DeleteOptions } from "../../client/index.ts";
import type { Page } from "../pages.ts";
import { hrefOf, useRouter } from "../router.tsx";
import { ConfirmDialog } from "../ui/dialog.tsx";

import { useNotices } from "../ui/notices.tsx";
import { useChange } from "../ui/use-change.ts";

interface DeleteDialogProps {
  /** As sentences call it: `action`. */
  readonly noun: string;
  readonly stored: { readonly name: string; readonly version: number };
  readonly remove: (name: string, options: DeleteOptions) => Promise<void>;
  /** The page to go to afterwards. */
  readonly list: Page;
  readonly onClose: () => void;
  /** Called if somebody changed it meanwhile. */
  readonly onChanged: () => void;
  /** Called after it was deleted. */
  readonly onDeleted?: (name: string) => void;
  /** What it means. */
  readonly children: ComponentChildren;
}

export function DeleteDialog(props: DeleteDialogProps) {
  const { noun, remove, list, onClose, onChanged, onDeleted, children } = props;
  const { name, version } = props.stored;
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
      onConfirm={confirm}
      onClose={onClose}
    >
      <p>{children}</p>
    </ConfirmDialog>
  );
}
