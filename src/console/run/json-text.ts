/** JSON with line breaks. PURE. It works on the text, because a parser would change large numbers. */

/** Strings, empty objects and arrays, white space, and what else has a meaning. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|\s+|[[\]{},:]/g;

/** `text`: valid JSON. Nothing but white space outside of strings changes. */
export function indentedJson(text: string): string {
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  return text.replaceAll(TOKENS, (token) => {
    switch (token) {
      case "{":
      case "[":
        depth++;
        return token + line();
      case "}":
      case "]":
        depth--;
        return line() + token;
      case ",":
        return token + line();
      case ":":
        return ": ";
      default:
        return token.startsWith('"') ? token : token.replaceAll(/\s/g, "");
    }
  });
}

/** The same of a member. `text`: a JSON object. Null if it has no such member. The first one counts. */
export function indentedMember(text: string, name: string): string | null {
  const lines = indentedJson(text).split("\n");
  const begin = `  ${JSON.stringify(name)}: `;
  const from = lines.findIndex((line) => line.startsWith(begin));
  if (from === -1) return null;
  const [first = "", ...rest] = lines.slice(from);
  // Up to the next member, or to the end of the object.
  const more = rest.slice(
    0,
    rest.findIndex((line) => /^(?: {2}"|\})/.test(line)),
  );
  return [first.slice(begin.length), ...more.map((line) => line.slice(2))].join("\n").replace(/,$/, "");
}
