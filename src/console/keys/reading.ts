/** Which shortcut a key press means. PURE. */

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
  /** When, in ms. */
  readonly at: number;
  readonly hasModifier: boolean;
  /** Whether the focus is where people type. */
  readonly isTyping: boolean;
}

/** The first key of a shortcut of two, and when it was pressed. */
export interface Begun {
  readonly key: string;
  readonly at: number;
}

export interface Reading {
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
  return { shortcut: null, begun: isFirst ? { key: press.key, at: press.at } : null };
}
