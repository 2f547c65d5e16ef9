/** JSON pointers (RFC 6901). PURE. */

/** One name or index, with its slash. */
export function pointerStep(key: PropertyKey): string {
  return `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** `""` for the whole value. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map(pointerStep).join("");
}
