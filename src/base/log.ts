/** One JSON object a line. Callers pass codes, counts, scopes and ids, and never a token, a body or a query's value. */

export function log(level: "info" | "error", event: string, fields: Readonly<Record<string, unknown>>): void {
  const line = JSON.stringify({ level, event, ...fields });
  if (level === "error") console.error(line);
  else console.log(line);
}

export function logFailure(event: string, error: unknown, fields: Readonly<Record<string, unknown>>): void {
  log("error", event, { ...fields, error: String(error) });
}
