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
