/** A member of a JSON object as its text, because a parser would change large numbers. PURE. */

/** `text`: a JSON object. Null if it has no such member. The first one counts. */
export function memberText(text: string, name: string): string | null {
  let depth = 0;
  let key: string | null = null;
  let from = -1;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},:]/g)) {
    const isClosing = token === "}" || token === "]";
    if (depth === 1 && (token === "," || isClosing)) {
      if (from !== -1) return text.slice(from, index).trim();
      key = null;
    } else if (depth === 1 && token === ":") {
      if (key === name) from = index + 1;
    } else if (depth === 1 && token.startsWith('"') && from === -1) key = JSON.parse(token) as string;
    if (token === "{" || token === "[") depth++;
    if (isClosing) depth--;
  }
  return null;
}
