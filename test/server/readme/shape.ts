/**
 * Whether a JSON text that a document shows is of the shape of a real answer: the same members, of the same types, down
 * to the last. PURE.
 *
 * Ids, instants and the like differ from run to run, so values don't count; but the words that say what something
 * is do. A line that is `…` alone stands for any number of items.
 */

const ELLIPSIS = "…";
const WORDS = new Set(["type", "status", "outcome", "cause"]);

/** Reads what a document shows. Throws a SyntaxError on what is no JSON, but for such lines. */
export function readShown(text: string): unknown {
  return JSON.parse(text.replace(/^\s*…\s*$/gm, `"${ELLIPSIS}",`));
}

/** Where the two differ, a sentence each. */
export function shapeFaults(shown: unknown, answered: unknown, at = "answer"): readonly string[] {
  if (typeOf(shown) !== typeOf(answered)) {
    return [`${at} is shown as ${typeOf(shown)}, but was ${typeOf(answered)}.`];
  }
  if (Array.isArray(shown)) return itemFaults(shown, answered as readonly unknown[], at);
  if (shown !== null && typeof shown === "object") return memberFaults(shown, Object(answered), at);
  return [];
}

function memberFaults(
  shown: object,
  answered: Readonly<Record<string, unknown>>,
  at: string,
): readonly string[] {
  const missing = Object.keys(answered).filter((name) => !Object.hasOwn(shown, name));
  return [
    ...missing.map((name) => `${at}.${name} was answered, but is not shown.`),
    ...Object.entries(shown).flatMap(([name, value]) => {
      if (!Object.hasOwn(answered, name)) return [`${at}.${name} is shown, but was not answered.`];
      const real = answered[name];
      if (WORDS.has(name) && typeof value === typeof real && value !== real) {
        return [`${at}.${name} is shown as ${JSON.stringify(value)}, but was ${JSON.stringify(real)}.`];
      }
      return shapeFaults(value, real, `${at}.${name}`);
    }),
  ];
}

function itemFaults(shown: readonly unknown[], answered: readonly unknown[], at: string): readonly string[] {
  const gap = shown.indexOf(ELLIPSIS);
  const fits = gap === -1 ? shown.length === answered.length : shown.length - 1 <= answered.length;
  if (!fits) return [`${at} is shown with ${shown.length} items, but had ${answered.length}.`];
  return shown.flatMap((item, index) => {
    if (index === gap) return [];
    const place = gap === -1 || index < gap ? index : index - shown.length + answered.length;
    return shapeFaults(item, answered[place], `${at}[${place}]`);
  });
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `of type ${typeof value}`;
}
