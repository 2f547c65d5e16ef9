/**
 * JSON as people read it: indented, and a text with line ends as a block of lines below its name. Such a block makes it
 * something else than JSON, so it is never read back. PURE.
 */

const STEP = "  ";

export function readableJson(value: unknown, indent = ""): string {
  if (isBlock(value)) return block(value, indent);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = indent + STEP;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const parts = Array.isArray(value)
    ? value.map((item: unknown) => [item, readableJson(item, inner)] as const)
    : Object.entries(value).map(
        ([name, item]) => [item, `${JSON.stringify(name)}: ${readableJson(item, inner)}`] as const,
      );
  if (parts.length === 0) return `${open}${close}`;
  // A comma after a block would look like a part of its last line.
  const lines = parts.map(([item, text], at) => {
    const isLast = at === parts.length - 1;
    return `${inner}${text}${isLast || isBlock(item) ? "" : ","}`;
  });
  return `${open}\n${lines.join("\n")}\n${indent}${close}`;
}

function isBlock(value: unknown): value is string {
  return typeof value === "string" && value.includes("\n");
}

function block(text: string, indent: string): string {
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  return ["|", ...lines.map((line) => `${indent}${STEP}${line}`)].join("\n");
}
