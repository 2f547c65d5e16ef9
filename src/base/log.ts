/** One JSON object a line. Callers pass codes, counts, scopes and ids, and never a token, a body or a query's value. */

export function log(level: "info" | "error", event: string, fields: Readonly<Record<string, unknown>>): void {
  const line = JSON.stringify({ level, event, ...fields });
  if (level === "error") console.error(line);
  else console.log(line);
}

export function logFailure(event: string, error: unknown, fields: Readonly<Record<string, unknown>>): void {
  log("error", event, { ...fields, error: String(error) });
}

/** Bounds how often one kind of log line is written. The next line that is written says how many were left out. */
export class LogLimit {
  readonly #linesPerSecond: number;

  /** Lines written in this second, and lines left out since the last one written. */
  #second = 0;
  #lines = 0;
  #leftOut = 0;

  constructor(linesPerSecond = 100) {
    this.#linesPerSecond = linesPerSecond;
  }

  /** Null if the line must be left out. */
  next(now: number): { readonly leftOut: number | undefined } | null {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
    }
    if (this.#lines >= this.#linesPerSecond) {
      this.#leftOut++;
      return null;
    }
    this.#lines++;
    const leftOut = this.#leftOut === 0 ? undefined : this.#leftOut;
    this.#leftOut = 0;
    return { leftOut };
  }
}
