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
    const current = currentLink(around.current);
    const target = current === undefined ? links[0] : links[links.indexOf(current) + step];
    target?.focus();
  }
  useKeys(title, [
    { keys: "j", label: `Next ${what}`, run: () => go(1) },
    { keys: "k", label: `Previous ${what}`, run: () => go(-1) },
    { keys: "Enter", label: `Open the ${what}` },
  ]);
}

/** The link of the row with the focus, or else of the current one. */
export function currentLink(around: HTMLElement | null): HTMLElement | undefined {
  const links = rowLinks(around);
  const focused = links.find((link) => link.closest("tr, li")?.contains(document.activeElement));
  return focused ?? links.find((link) => link.hasAttribute("aria-current"));
}

export function rowLinks(around: HTMLElement | null): readonly HTMLElement[] {
  return [...(around?.querySelectorAll<HTMLElement>("a.row-link") ?? [])];
}
