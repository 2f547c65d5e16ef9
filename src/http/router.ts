/**
 * Which handlers a request gets. Hono's fastest router matches all patterns with one regular expression, but takes no
 * fixed path beside a pattern of the same depth (`/healthz` beside `/:o`), and Hono would then fall back on a slower one
 * for every request. So fixed paths live in a router of their own. A fixed path wins over a pattern.
 */

import type { Result, Router } from "hono/router";
import { RegExpRouter } from "hono/router/reg-exp-router";

export class FixedAndPatternRouter<T> implements Router<T> {
  readonly name = "FixedAndPatternRouter";
  readonly #fixed = new RegExpRouter<T>();
  readonly #patterns = new RegExpRouter<T>();
  readonly #fixedPaths = new Set<string>();

  add(method: string, path: string, handler: T): void {
    const isForAll = path === "*" || path === "/*";
    const isPattern = path.includes("/:");
    if (isForAll || isPattern) this.#patterns.add(method, path, handler);
    if (isForAll || !isPattern) this.#fixed.add(method, path, handler);
    if (!isForAll && !isPattern) this.#fixedPaths.add(path);
  }

  match(method: string, path: string): Result<T> {
    return (this.#fixedPaths.has(path) ? this.#fixed : this.#patterns).match(method, path);
  }
}
