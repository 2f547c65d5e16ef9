/** JSON from callers: which values can be kept, one canonical text to compare them by, and pointers (RFC 6901). PURE. */

export type JsonObject = { readonly [key: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** False if a number overflowed when it was parsed, because `1e400` would be stored as null. */
export function hasOnlyFiniteNumbers(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  return Object.values(value).every(hasOnlyFiniteNumbers);
}

/** Whether arrays and objects nest deeper than `levels`. Recursion stops there, so the answer is safe for any value. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}

/** JSON with sorted keys, so that equal values give equal text. */
function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(",")}}`;
}

/** The same JSON, with an escape for each character that is not printable ASCII. `json`: without line breaks. */
export function asciiJson(json: string): string {
  return json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export async function fingerprint(value: unknown): Promise<string> {
  return sha256Hex(canonicalJson(value));
}

export async function sha256Hex(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}

/** One name or index of a JSON pointer, with its slash. */
export function pointerStep(key: PropertyKey): string {
  return `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

const IS_MEMBER = Object.prototype.propertyIsEnumerable;

/** The value at a JSON pointer (RFC 6901). Undefined if there is none. */
export function valueAt(value: unknown, pointer: string): unknown {
  const steps = pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return steps.reduce<unknown>((inner, step) => {
    // Neither what is inherited nor the length of a list is a member.
    const isThere = typeof inner === "object" && inner !== null && IS_MEMBER.call(inner, step);
    return isThere ? (inner as JsonObject)[step] : undefined;
  }, value);
}

/** `""` for the whole value. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map(pointerStep).join("");
}
