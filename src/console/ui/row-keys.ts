/** The keys that go through the rows of a table. Each row has one link of the class `row-link`. */

import type { RefObject } from "preact";
import { useKeys } from "../keys/keys.tsx";

/**
 * `j` and `k` go to the next and the previous link, from the one with the focus or else from the current one. `title`
 * and `what`, which is one row, are for the help. `around`: an element around the rows.
 */
export function useRowKeys(title: string, what: string, around: RefObject<HTMLElement | null>): void {
  function go(step: 1 | -1): void {
    const links = rowLinks(around.current);
    const focused = links.indexOf(document.activeElement as HTMLElement);
    const at = focused === -1 ? links.findIndex((link) => link.hasAttribute("aria-current")) : focused;
    const target = at === -1 ? links[0] : links[at + step];
    target?.focus();
  }
  useKeys(title, [
    { keys: "j", label: `Next ${what}`, run: () => go(1) },
    { keys: "k", label: `Previous ${what}`, run: () => go(-1) },
    { keys: "Enter", label: `Open the ${what}` },
  ]);
}

export function rowLinks(around: HTMLElement | null): readonly HTMLElement[] {
  return [...(around?.querySelectorAll<HTMLElement>("a.row-link") ?? [])];
}
