/** Finds a member of a JSON value by its name, a dotted path or a JSON pointer (RFC 6901). PURE. */

/** The member, or undefined if there is none. A name is first taken as it is, because names may contain dots. */
export function memberAt(value: unknown, path: string): unknown {
  if (path.startsWith("/")) {
    const names = path.slice(1).split("/");
    return below(
      value,
      names.map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~")),
    );
  }
  return below(value, [path]) ?? below(value, path.split("."));
}

function below(value: unknown, names: readonly string[]): unknown {
  let at = value;
  for (const name of names) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}
