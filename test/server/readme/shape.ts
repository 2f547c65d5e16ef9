/**
 * Compares the shape of a JSON text in a document with a real response: the same members with the same types. PURE.
 *
 * Values such as ids and times may differ. Words that say what something is must be equal. A line with only `…` stands
 * for any number of items.
 */

const ELLIPSIS = "…";
const WORDS = new Set(["type", "status", "outcome", "cause"]);

/** Parses a document's JSON. Throws a SyntaxError if it is not JSON, apart from such lines. */
export function readShown(text: string): unknown {
  return JSON.parse(text.replace(/^\s*…\s*$/gm, `"${ELLIPSIS}",`));
}

/** One sentence for each difference. */
export function shapeFaults(shown: unknown, answered: unknown, at = "answer"): readonly string[] {
  if (typeOf(shown) !== typeOf(answered)) {
    return [`${at} is shown as ${typeOf(shown)}, but was ${typeOf(answered)}.`];
  }
  if (Array.isArray(shown)) return itemFaults(shown, answered as readonly unknown[], at);
  if (shown !== null && typeof shown === "object") return memberFaults(shown, Object(answered), at);
  return [];
}

function memberFaults(shown: object, answered: Readonly<Record<string, unknown>>, at: string): readonly string[] {
  const missing = Object.keys(answered).filter((name) => !Object.hasOwn(shown, name));
  return [
    ...missing.map((name) => `${at}.${name} was answered, but is not shown.`),
    ...Object.entries(shown).flatMap(([name, value]) => {
      if (!Object.hasOwn(answered, name)) return [`${at}.${name} is shown, but was not answered.`];
      const real = answered[name];
      if (WORDS.has(name) && typeof value === "string" && typeof real === "string" && value !== real) {
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
