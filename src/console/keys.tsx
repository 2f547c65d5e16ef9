/**
 * The keyboard shortcuts. Pages register theirs with `useKeys`. They do nothing while somebody types, while a dialog or a
 * menu is open, or with a modifier key. Everybody can switch them off (WCAG 2.1.4), and this browser remembers that.
 */
import { useEffect, useRef } from "preact/hooks";
import { Check, Dialog } from "./ui/forms.tsx";
import { contextOf, storeOf, useStore } from "./ui/stores.ts";

const STORED = "action-runs.shortcuts";
const OFF = "off";
const TYPING = "input:not([type=checkbox]), textarea, select, [contenteditable]";

export type Keys = ReturnType<typeof createKeys>;

export function createKeys() {
  const groups = new Set<{ readonly title: string; readonly shortcuts: () => readonly Shortcut[] }>();
  const { become, ...areOn } = storeOf(localStorage.getItem(STORED) !== OFF);
  let begun: Begun | null = null;

  document.addEventListener("keydown", (event) => {
    // A dialog, a menu or a field may have used the key already.
    if (!areOn.state() || event.defaultPrevented || document.querySelector("dialog[open], :popover-open") !== null)
      return;
    const press = {
      key: event.key,
      at: event.timeStamp,
      hasModifier: event.ctrlKey || event.metaKey || event.altKey,
      isTyping: event.target instanceof Element && event.target.closest(TYPING) !== null,
    };
    const all = [...groups].flatMap(({ shortcuts }) => shortcuts());
    const reading = readPress(press, begun, all);
    begun = reading.begun;
    if (reading.shortcut === null) return;
    // `/` must not be typed into the field that it leads to.
    event.preventDefault();
    reading.shortcut.run?.();
  });

  return {
    groups,
    areOn,
    switchTo(next: boolean) {
      if (next) localStorage.removeItem(STORED);
      else localStorage.setItem(STORED, OFF);
      become(next);
    },
  };
}

export const [KeysProvider, useKeysRegistry] = contextOf<Keys>("registry of shortcuts");

/** Registers shortcuts while the component is shown. `shortcuts` may be a new array each time. */
export function useKeys(title: string, shortcuts: readonly Shortcut[]): void {
  const { groups } = useKeysRegistry();
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    const group = { title, shortcuts: () => latest.current };
    groups.add(group);
    return () => void groups.delete(group);
  }, [groups, title]);
}

/** A shortcut is one key as `KeyboardEvent.key` names it, or two after each other: `g r`. */
export interface Shortcut {
  readonly keys: string;
  /** What it does, as the help shows it: "Next run". */
  readonly label: string;
  /** Missing if the browser does it by itself, such as Enter on a link. Then only the help shows it. */
  readonly run?: (() => void) | undefined;
}

export interface Press {
  readonly key: string;
  readonly at: number;
  readonly hasModifier: boolean;
  readonly isTyping: boolean;
}

/** The first key of a shortcut of two, and when it was pressed. */
type Begun = Pick<Press, "key" | "at">;

interface Reading {
  readonly shortcut: Shortcut | null;
  readonly begun: Begun | null;
}

const SECOND_KEY_WITHIN_MS = 1500;
const NOTHING: Reading = { shortcut: null, begun: null };

/** The later of two shortcuts with the same keys wins, because it belongs to the page that is on top. */
export function readPress(press: Press, begun: Begun | null, shortcuts: readonly Shortcut[]): Reading {
  if (press.hasModifier || press.isTyping) return NOTHING;
  const isSecond = begun !== null && press.at - begun.at <= SECOND_KEY_WITHIN_MS;
  const keys = isSecond ? `${begun.key} ${press.key}` : press.key;
  const shortcut = shortcuts.findLast((one) => one.keys === keys && one.run !== undefined);
  if (shortcut !== undefined) return { shortcut, begun: null };
  if (isSecond) return readPress(press, null, shortcuts);
  const isFirst = shortcuts.some((one) => one.keys.startsWith(`${press.key} `));
  return { shortcut: null, begun: isFirst ? press : null };
}

export function HelpDialog({ onClose }: { readonly onClose: () => void }) {
  const keys = useKeysRegistry();
  // Several parts of a page can register shortcuts under one title.
  const sections = Map.groupBy(keys.groups, ({ title }) => title);
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <Check isOn={useStore(keys.areOn)} onChange={keys.switchTo}>
        Use keyboard shortcuts
      </Check>
      <div class="shortcuts stack gap-24">
        {[...sections].map(([title, groups]) => (
          <section key={title}>
            <h3 class="muted strong">{title}</h3>
            <dl>
              {groups
                .flatMap(({ shortcuts }) => shortcuts())
                .map((shortcut) => (
                  <div key={shortcut.keys} class="row is-apart">
                    <dt>{shortcut.label}</dt>
                    <dd class="row gap-4">
                      {shortcut.keys.split(" ").map((key) => (
                        <kbd key={key}>{key === "Escape" ? "Esc" : key}</kbd>
                      ))}
                    </dd>
                  </div>
                ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
