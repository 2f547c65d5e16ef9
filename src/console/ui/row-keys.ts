/** `j` and `k` go through the links of a table's rows. */

import type { RefObject } from "preact";
import { useRef } from "preact/hooks";
import { useKeys } from "../keys/keys.tsx";

/** `what`: one row, for the help: "action". Give the table the ref. */
export function useRowKeys(title: string, what: string): RefObject<HTMLTableElement | null> {
  const table = useRef<HTMLTableElement>(null);
  function go(step: 1 | -1): void {
    const links = [...(table.current?.querySelectorAll<HTMLElement>("a.row-link") ?? [])];
    const at = links.indexOf(document.activeElement as HTMLElement);
    const target = at === -1 ? links[0] : links[at + step];
    target?.focus();
  }
  useKeys(title, [
    { keys: "j", label: `Next ${what}`, run: () => go(1) },
    { keys: "k", label: `Previous ${what}`, run: () => go(-1) },
    { keys: "Enter", label: `Open the ${what}` },
  ]);
  return table;
}
