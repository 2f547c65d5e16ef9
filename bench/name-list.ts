/** Reads lists of names that are separated by commas, although names have commas themselves. PURE. */

/** `unknown`: the first part of a list that is no name. */
type NameList<T> = { readonly names: readonly T[] } | { readonly unknown: string };

/** `texts`: one for each time that a flag was given. Of two names that begin alike, the longer one wins. */
export function readNames<T extends string>(texts: readonly string[], known: readonly T[]): NameList<T> {
  const names = new Set<T>();
  for (const text of texts) {
    const parts = text.split(",").map((part) => part.trim());
    while (parts.length > 0) {
      const candidates = parts.map((_, i) => ({ length: i + 1, text: parts.slice(0, i + 1).join(", ") }));
      const found = candidates.toReversed().find((candidate) => known.some((name) => name === candidate.text));
      const name = known.find((each) => each === found?.text);
      if (found === undefined || name === undefined) return { unknown: parts[0] ?? "" };
      names.add(name);
      parts.splice(0, found.length);
    }
  }
  return { names: [...names] };
}
