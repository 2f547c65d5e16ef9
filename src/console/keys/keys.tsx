/**
 * The keyboard shortcuts. Pages register theirs with `useKeys`. They do nothing while somebody types, while a dialog is
 * open, or with a modifier key. Everybody can switch them off (WCAG 2.1.4), and this browser remembers that.
 */

import { useEffect, useRef } from "preact/hooks";
import { contextOf } from "../ui/context.ts";
import { type Begun, readPress, type Shortcut } from "./reading.ts";

const STORED = "action-runs.shortcuts";
const OFF = "off";
const TYPING = "input:not([type=checkbox]), textarea, select, [contenteditable]";

export interface ShortcutGroup {
  /** A heading of the help: "Runs". */
  readonly title: string;
  readonly shortcuts: () => readonly Shortcut[];
}

export interface Keys {
  readonly register: (group: ShortcutGroup) => () => void;
  readonly groups: () => readonly ShortcutGroup[];
  readonly areOn: () => boolean;
  readonly switchTo: (areOn: boolean) => void;
}

export function createKeys(document: Document, storage: Storage): Keys {
  const groups = new Set<ShortcutGroup>();
  let areOn = storage.getItem(STORED) !== OFF;
  let begun: Begun | null = null;

  document.addEventListener("keydown", (event) => {
    // A dialog, a menu or a field may have used the key already.
    if (!areOn || event.defaultPrevented || document.querySelector("dialog[open]") !== null) return;
    const reading = readPress(
      {
        key: event.key,
        at: event.timeStamp,
        hasModifier: event.ctrlKey || event.metaKey || event.altKey,
        isTyping: event.target instanceof Element && event.target.closest(TYPING) !== null,
      },
      begun,
      [...groups].flatMap((group) => group.shortcuts()),
    );
    begun = reading.begun;
    if (reading.shortcut === null) return;
    // `/` must not be typed into the field that it leads to.
    event.preventDefault();
    reading.shortcut.run?.();
  });

  return {
    register(group) {
      groups.add(group);
      return () => groups.delete(group);
    },
    groups: () => [...groups],
    areOn: () => areOn,
    switchTo(next) {
      areOn = next;
      begun = null;
      if (areOn) storage.removeItem(STORED);
      else storage.setItem(STORED, OFF);
    },
  };
}

export const [KeysProvider, useKeysRegistry] = contextOf<Keys>("registry of shortcuts");

/** Registers shortcuts while the component is shown. `shortcuts` may be a new array each time. */
export function useKeys(title: string, shortcuts: readonly Shortcut[]): void {
  const keys = useKeysRegistry();
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => keys.register({ title, shortcuts: () => latest.current }), [keys, title]);
}
