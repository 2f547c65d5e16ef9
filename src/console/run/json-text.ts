/** JSON with line breaks. PURE. It works on the text, because a parser would change large numbers. */

const STEP = "  ";

/** `text`: valid JSON. Nothing but white space outside of strings changes. */
export function indentedJson(text: string): string {
  const out: string[] = [];
  let depth = 0;
  const line = () => `\n${STEP.repeat(depth)}`;
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[^\s[\]{},:"]+|[[\]{},:]/g) ?? [];
  for (const [index, token] of tokens.entries()) {
    const isEmpty = (token === "{" || token === "[") && isClosing(tokens[index + 1]);
    if (isEmpty) out.push(token);
    else if (token === "{" || token === "[") {
      depth++;
      out.push(token, line());
    } else if (isClosing(token)) {
      const isAfterOpening = tokens[index - 1] === "{" || tokens[index - 1] === "[";
      if (!isAfterOpening) {
        depth--;
        out.push(line());
      }
      out.push(token);
    } else if (token === ",") out.push(token, line());
    else if (token === ":") out.push(": ");
    else out.push(token);
  }
  return out.join("");
}

function isClosing(token: string | undefined): boolean {
  return token === "}" || token === "]";
}

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
