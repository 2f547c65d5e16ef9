/**
 * One JSON object a line. Never a token, a body or a query's value: callers pass codes, counts and names.
 * Scopes and run ids are not secrets.
 */

export type LogLevel = "info" | "error";

export function log(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void {
  const line = JSON.stringify({ level, event, ...fields });
  if (level === "error") console.error(line);
  else console.log(line);
}
